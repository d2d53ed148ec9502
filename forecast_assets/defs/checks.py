"""Asset checks: those made from findings before a commit, and those that read the tables."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np
from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    DagsterEvent,
    asset_check,
    multi_asset_check,
)

from forecast_assets.automation.doubts import stale_forecasts, stale_in_brief
from forecast_assets.automation.freshness import (
    GREEN,
    RED,
    Observed,
    behind,
    forecast_ages,
    missing_sessions,
    price_ages,
    strange_prices,
    worst,
)
from forecast_assets.automation.waiting import unmatched
from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.verdicts import of_wrong
from forecast_assets.evaluation.evaluation import standings
from forecast_assets.evaluation.findings import BLOCKING, WARNING, Finding
from forecast_assets.evaluation.publishing import tolerance_of
from forecast_assets.store.contract import Store
from forecast_assets.store.frames import frame
from forecast_assets.timeline.clock import now

Findings = Mapping[str, Sequence[Finding]]
"""The findings by partition key."""

HELD = {
    "newest_forecast": "The newest forecast of every commodity starts after its newest price.",
    "no_gaps": "Between the first and the newest forecast every session has one.",
    "no_stale_forecasts": "No price or covariate that a forecast knows was revised since.",
}
"""The checks of all stored forecasts, each with its rule."""

PRICES_HELD = {
    "no_missing_sessions": "Every session that a calendar expects since the first training date.",
    "no_strange_prices": "No move beyond `checks.spike_bound`, change of scale, or close at or"
    " below zero in what the newest models have seen, unless somebody accepted it.",
}
"""The checks of all stored prices, each with its rule."""

PRICES_OBSERVED = {"no_missing_sessions": missing_sessions, "no_strange_prices": strange_prices}
"""The function of each of these checks."""

FRESHNESS = {
    "prices": ("price_freshness", price_ages),
    "distributions": ("forecast_freshness", forecast_ages),
}
"""By asset, the name and function of the check that changes when time passes without new data."""

MATCHING = "covariates_match"
MATCHING_SAYS = "Every covariate, and every region that one names, has a value at new sessions."

COVERAGE = "coverage"
COVERAGE_SAYS = "Intervals hold as many outcomes as they say, within the bounds of `calibration`."


def forecast_checks(asset: str) -> list[AssetCheckSpec]:
    """The checks that the asset of forecasts makes before it commits each partition."""
    return [
        AssetCheckSpec(name, asset=asset, description=says, blocking=name in BLOCKING)
        for name, says in (BLOCKING | WARNING).items()
    ]


def check_results(findings: Findings) -> list[AssetCheckResult]:
    """The result of each check over all partitions of a run."""
    return [_result(name, findings) for name in BLOCKING | WARNING]


def check_events(
    context: AssetExecutionContext, asset: AssetKey, findings: Findings
) -> Iterator[DagsterEvent]:
    """The results as events, for a step that is about to fail and so cannot yield results."""
    if not any(findings.values()):
        return
    step = context.op_execution_context.get_step_execution_context()
    for result in check_results(findings):
        evaluation = AssetCheckEvaluation(
            asset_key=asset,
            check_name=str(result.check_name),
            passed=result.passed,
            metadata=result.metadata,
            severity=result.severity,
            blocking=result.check_name in BLOCKING,
        )
        yield DagsterEvent.asset_check_evaluation(step, evaluation)


def _result(name: str, findings: Findings) -> AssetCheckResult:
    found = {key: each for key, some in findings.items() for each in some if each.check == name}
    failed = {key: each.found for key, each in found.items() if not each.passed}
    rows = [{"partition": key, "found": text} for key, text in failed.items()]
    return AssetCheckResult(
        check_name=name,
        passed=not failed,
        severity=AssetCheckSeverity.ERROR if name in BLOCKING else AssetCheckSeverity.WARN,
        metadata={"partitions_checked": len(found), **of_wrong(rows)},
    )


def table_checks(settings: Settings) -> list[AssetChecksDefinition]:
    """The checks that run after the assets and read the tables."""
    return [
        prices_held(settings),
        freshness_check(settings, "prices", "No price is older than `checks.price_age`."),
        features_held(settings),
        forecasts_held(settings),
        freshness_check(settings, "distributions", "None is older than `checks.forecast_age`."),
        scores_held(settings),
    ]


def prices_held(settings: Settings) -> AssetChecksDefinition:
    """The checks of ``PRICES_HELD``."""

    @multi_asset_check(name="prices_held", specs=_specs("prices", PRICES_HELD))
    def look(store: StoreResource) -> Iterator[AssetCheckResult]:
        with store.at_one_moment() as tables:
            found = {name: observe(settings, tables) for name, observe in PRICES_OBSERVED.items()}
        for name, observed in found.items():
            yield _observation("prices", name, observed)

    return look


def freshness_check(settings: Settings, asset: str, says: str) -> AssetChecksDefinition:
    """The check of an asset in ``FRESHNESS``; ``says``: its description."""
    name, ages = FRESHNESS[asset]

    @asset_check(asset=asset, name=name, description=says)
    def look(store: StoreResource) -> AssetCheckResult:
        with store.at_one_moment() as tables:
            return _observation(asset, name, ages(settings, tables, now().date()))

    return look


def features_held(settings: Settings) -> AssetChecksDefinition:
    """The check ``MATCHING``."""

    @multi_asset_check(name="features_held", specs=_specs("features", {MATCHING: MATCHING_SAYS}))
    def look(store: StoreResource) -> Iterator[AssetCheckResult]:
        with store.at_one_moment() as tables:
            found = unmatching(settings, tables, now().date())
        yield _warning("features", MATCHING, found)

    return look


def forecasts_held(settings: Settings) -> AssetChecksDefinition:
    """The checks of ``HELD``."""

    @multi_asset_check(name="forecasts_held", specs=_specs("distributions", HELD))
    def look(store: StoreResource) -> Iterator[AssetCheckResult]:
        with store.at_one_moment() as tables:
            found = held(settings, tables)
        for name in HELD:
            yield _warning("distributions", name, found[name])

    return look


def scores_held(settings: Settings) -> AssetChecksDefinition:
    """The check ``COVERAGE``."""

    @multi_asset_check(name="scores_held", specs=_specs("scores", {COVERAGE: COVERAGE_SAYS}))
    def look(store: StoreResource) -> Iterator[AssetCheckResult]:
        with store.at_one_moment() as tables:
            found = miscovered(settings, tables)
        yield _warning("scores", COVERAGE, found)

    return look


def _specs(asset: str, says: Mapping[str, str]) -> list[AssetCheckSpec]:
    """The specifications of an asset's checks; ``says``: the descriptions by name."""
    return [AssetCheckSpec(name, asset=asset, description=text) for name, text in says.items()]


def unmatching(settings: Settings, store: Store, today: date) -> list[dict[str, str]]:
    """A row for each covariate or region that lacks a value it needs."""
    rows = []
    for name in settings.commodities:
        failures: list[str] = []
        with boundary(name, failures):
            lines = unmatched(settings, store.prices.history(name), today)
            rows += [_row(name, line) for line in lines]
        rows += [_row(name, failure) for failure in failures]
    return rows


def held(settings: Settings, store: Store) -> dict[str, list[dict[str, str]]]:
    """What is wrong with the stored forecasts: rows by check."""
    found: dict[str, list[dict[str, str]]] = {name: [] for name in HELD}
    for name in settings.commodities:
        failures: list[str] = []
        with boundary(name, failures):
            for check, text in held_of(settings, store, name).items():
                found[check].append(_row(name, text))
        found["newest_forecast"] += [_row(name, failure) for failure in failures]
    return found


def held_of(settings: Settings, store: Store, name: str) -> dict[str, str]:
    """What is wrong with the stored forecasts of one commodity, by check."""
    history = store.features.read(store.prices.history(name))
    issued = store.paths.issued(name, settings.model_version)
    cutoffs: set[date] = set(np.unique(issued.cutoffs).tolist())
    if len(history) == 0:
        return {"newest_forecast": "there are no prices"}
    if not cutoffs:
        return {"newest_forecast": "there are no forecasts"}
    found = {}
    if late := behind(history, "the newest forecast", max(cutoffs)):
        found["newest_forecast"] = late
    between = history.since(min(cutoffs)).known_at(max(cutoffs))
    if missing := sorted(set(between.dates.tolist()) - cutoffs):
        found["no_gaps"] = f"{len(missing)} sessions have no forecast, the first {missing[0]}"
    if stale := stale_in_brief(history, stale_forecasts(settings, store, history, issued)):
        found["no_stale_forecasts"] = "; ".join(stale)
    return found


def miscovered(settings: Settings, store: Store) -> list[dict[str, str]]:
    """A row for each model whose intervals contain too few or too many outcomes."""
    rows = []
    for name in settings.commodities:
        failures: list[str] = []
        with boundary(name, failures):
            records = frame(store.scores.records(name, settings.model_version))
            for each in standings(records, tolerance_of(settings)):
                if each.calibration in ("too narrow", "too wide"):
                    shares = f"80 %: {each.coverage_80:.1%}, 95 %: {each.coverage_95:.1%}"
                    rows.append(_row(name, f"{each.model_name} is {each.calibration}: {shares}"))
        rows += [_row(name, failure) for failure in failures]
    return rows


def _observation(asset: str, name: str, observed: Sequence[Observed]) -> AssetCheckResult:
    """The result by the worst commodity: green, yellow (a warning) or red (an error)."""
    level = worst(observed)
    return AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=level == GREEN,
        severity=AssetCheckSeverity.ERROR if level == RED else AssetCheckSeverity.WARN,
        metadata=of_wrong([vars(each) for each in observed]),
    )


def _warning(asset: str, name: str, rows: Sequence[Mapping[str, str]]) -> AssetCheckResult:
    return AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not rows,
        severity=AssetCheckSeverity.WARN,
        metadata=of_wrong(rows),
    )


def _row(commodity: str, found: str) -> dict[str, str]:
    return {"commodity": commodity, "found": found}

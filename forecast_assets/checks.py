"""Asset checks: those before a commit, from findings, and those of what the tables hold."""

from collections.abc import Iterator, Mapping, Sequence

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    DagsterEvent,
    multi_asset_check,
)

from forecast_assets.configuration import Settings
from forecast_assets.errors import ChecksFailed
from forecast_assets.evaluation import standings
from forecast_assets.findings import BLOCKING, WARNING, Finding
from forecast_assets.metadata import table
from forecast_assets.publishing import tolerance_of
from forecast_assets.resources import StoreResource
from forecast_assets.store.contract import Store

Findings = Mapping[str, Sequence[Finding]]
"""By partition key."""

HELD = {
    "newest_forecast": "The newest forecast of every commodity starts after its newest price.",
    "no_gaps": "Between the first and the newest forecast every session has one.",
}
"""Checks of all forecasts that the tables hold."""

COVERAGE = "coverage"
COVERAGE_SAYS = "Intervals hold as many outcomes as they say, within the bounds of `calibration`."


def forecast_checks(asset: str) -> list[AssetCheckSpec]:
    """The checks that the asset of forecasts makes before it commits a partition."""
    return [
        AssetCheckSpec(name, asset=asset, description=says, blocking=name in BLOCKING)
        for name, says in (BLOCKING | WARNING).items()
    ]


def require_sound(findings: Sequence[Finding]) -> None:
    """Raise ChecksFailed where a finding blocks."""
    if blocking := [f"{each.check}: {each.found}" for each in findings if each.blocks]:
        raise ChecksFailed(f"nothing was committed: {'; '.join(blocking)}")


def check_results(findings: Findings) -> list[AssetCheckResult]:
    """What each check found over the partitions of a run."""
    return [_result(name, findings) for name in BLOCKING | WARNING]


def check_events(
    context: AssetExecutionContext, asset: AssetKey, findings: Findings
) -> Iterator[DagsterEvent]:
    """The same as events, for a step that is about to fail, which cannot give results."""
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
        metadata={"partitions_checked": len(found), "failed": table(rows)},
    )


def table_checks(settings: Settings) -> list[AssetChecksDefinition]:
    """The checks that run after the assets and read the tables."""

    @multi_asset_check(
        name="forecasts_held",
        specs=[
            AssetCheckSpec(name, asset="distributions", description=says)
            for name, says in HELD.items()
        ],
    )
    def forecasts_held(store: StoreResource) -> Iterator[AssetCheckResult]:
        found = held(settings, store.tables())
        for name in HELD:
            yield _warning("distributions", name, found[name])

    @multi_asset_check(
        name="scores_held",
        specs=[AssetCheckSpec(COVERAGE, asset="scores", description=COVERAGE_SAYS)],
    )
    def scores_held(store: StoreResource) -> Iterator[AssetCheckResult]:
        yield _warning("scores", COVERAGE, miscovered(settings, store.tables()))

    return [forecasts_held, scores_held]


def held(settings: Settings, store: Store) -> dict[str, list[dict[str, str]]]:
    """What is wrong with the forecasts held: rows by check."""
    found: dict[str, list[dict[str, str]]] = {name: [] for name in HELD}
    for name in settings.commodities:
        history = store.prices.history(name)
        cutoffs = {x.data_cutoff_date for x in store.paths.issued(name, settings.model_version)}
        if len(history) == 0:
            found["newest_forecast"].append(_row(name, "there are no prices"))
            continue
        if not cutoffs:
            found["newest_forecast"].append(_row(name, "there are no forecasts"))
            continue
        if max(cutoffs) < history.newest:
            text = f"the newest price is of {history.newest}, the newest forecast knows"
            found["newest_forecast"].append(_row(name, f"{text} {max(cutoffs)}"))
        between = history.since(min(cutoffs)).known_at(max(cutoffs))
        if missing := sorted(set(between.dates.tolist()) - cutoffs):
            text = f"{len(missing)} sessions have no forecast, the first {missing[0]}"
            found["no_gaps"].append(_row(name, text))
    return found


def miscovered(settings: Settings, store: Store) -> list[dict[str, str]]:
    """Models whose intervals hold too few or too many outcomes."""
    rows = []
    for name in settings.commodities:
        records = store.scores.records(name, settings.model_version)
        for each in standings(records, tolerance_of(settings)):
            if each.calibration in ("too narrow", "too wide"):
                shares = f"80 %: {each.coverage_80:.1%}, 95 %: {each.coverage_95:.1%}"
                rows.append(_row(name, f"{each.model_name} is {each.calibration}: {shares}"))
    return rows


def _warning(asset: str, name: str, rows: Sequence[Mapping[str, str]]) -> AssetCheckResult:
    return AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not rows,
        severity=AssetCheckSeverity.WARN,
        metadata={"failed": table(rows)},
    )


def _row(commodity: str, found: str) -> dict[str, str]:
    return {"commodity": commodity, "found": found}

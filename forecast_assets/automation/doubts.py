"""Doubts: why forecasts should not be trusted, by two rules, told in the same words everywhere.

A forecast is *stale* if its history was revised after it was made (``forecast.staleness``). A price
or forecast is *old* if nothing newer has come although it was expected (``automation.freshness``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from forecast_assets.automation.freshness import behind, price_age
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import MissingCovariate
from forecast_assets.evaluation.records import Publication
from forecast_assets.forecast.forecasting import Views
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.forecast.staleness import are_stale, told
from forecast_assets.store.contract import Store
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.history import History

Rule = Literal["stale", "old"]


@dataclass(frozen=True)
class Doubt:
    """A reason not to trust forecasts of a commodity; ``found``: with counts and dates."""

    commodity: str
    rule: Rule
    found: str

    @property
    def line(self) -> str:
        """A line for users."""
        return f"{self.commodity}: {self.found}"


def doubts(settings: Settings, store: Store, name: str, at: datetime) -> list[Doubt]:
    """All reasons not to trust the forecasts of a commodity. ``at``: the present moment, in UTC."""
    with store.reading():  # opens the tables once
        return doubts_of(settings, store, *looked_through(settings, store, name), at)


def doubts_of(
    settings: Settings,
    store: Store,
    history: History,
    stale: Sequence[IssuedForecast],
    at: datetime,
) -> list[Doubt]:
    """The same, if the stale forecasts are known already."""
    name = history.commodity
    if len(history) == 0:
        return []
    shelf = store.publications.find(name, settings.model_version)
    newest = [x for x in shelf if x.data_cutoff_date == shelf[-1].data_cutoff_date]
    published = [(each.model_name, each.data_cutoff_date) for each in newest]
    lines: tuple[tuple[Rule, list[str]], ...] = (
        ("old", old(settings, history, newest, at.date())),
        ("stale", stale_in_brief(history, stale)),
        ("stale", revisions_of(settings, store, history, stale, published)),
    )
    return [Doubt(name, rule, found) for rule, some in lines for found in some]


def looked_through(
    settings: Settings, store: Store, name: str
) -> tuple[History, list[IssuedForecast]]:
    """The history of a commodity with its covariates, and its stale forecasts."""
    with store.reading():  # opens the tables once
        history = store.features.read(store.prices.history(name))
        issued = store.paths.issued(name, settings.model_version)
        return history, stale_forecasts(settings, store, history, issued)


def stale_forecasts(
    settings: Settings, store: Store, history: History, issued: IssuedForecasts
) -> list[IssuedForecast]:
    """The stale ones of some forecasts of the models in the roster, in order of cutoffs.

    ``history``: with all covariates. Models are offered those that their version was pinned with.
    The forecasts of a model whose covariates are lacking now cannot be told and are left out.
    """
    views, stale = Views(history), list[IssuedForecast]()
    in_force = PinnedVersion.of(settings, store).settings
    for model in issued.places.keys() & in_force.models.keys():
        try:
            offered = views.offered(in_force, model)
        except MissingCovariate:
            continue
        held = issued.of_model(model)
        stale += held.only(are_stale(held, offered))
    return sorted(stale, key=lambda each: (each.data_cutoff_date, each.model_name))


def stale_in_brief(history: History, stale: Sequence[IssuedForecast]) -> list[str]:
    """How many forecasts are stale: those that are records, and those that are drawn again."""
    cutoffs = [each.data_cutoff_date for each in stale]
    kept = told([day for day in cutoffs if day < history.newest])
    due = told([day for day in cutoffs if day == history.newest])
    why = "made before a price or covariate that they know was revised"
    return [
        *([f"{kept}: {why}; kept as said, `forecast run --recompute` draws again"] if kept else []),
        *([f"{due}: {why}; `forecast run` draws again"] if due else []),
    ]


def revisions_of(
    settings: Settings,
    store: Store,
    history: History,
    stale: Sequence[IssuedForecast],
    forecasts: Sequence[tuple[str, date]],
) -> list[str]:
    """Which closes were revised of those of some forecasts that are stale, a line each.

    ``forecasts``: their models and cutoffs. One whose covariates alone were revised has no line.
    Of a model that is not in the roster it is not known which covariates it is offered, so it is
    stale if a close was revised.
    """
    others = {each for each in forecasts if each[0] not in settings.models}
    there = others | {(x.model_name, x.data_cutoff_date) for x in stale} & set(forecasts)
    return [
        each.told(history.newest)
        for cutoff in sorted({cutoff for _, cutoff in there})
        for each in store.paths.revised(history.commodity, settings.model_version, cutoff)
        if (each.model_name, cutoff) in there
    ]


def old(
    settings: Settings, history: History, newest: Sequence[Publication], today: date
) -> list[str]:
    """Whether the newest price is old, or the newest published forecast lacks the newest price."""
    lines = [each.found for each in price_age(settings, history, today)]
    for cutoff in {each.data_cutoff_date for each in newest}:
        late = behind(history, "the newest published forecast", cutoff)
        lines += [late] if late else []
    return lines

"""The briefing: collecting from the tables what the report shows."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime

import pandas as pd

from forecast_assets.automation.doubts import doubts_of, stale_forecasts
from forecast_assets.automation.renaming import departures
from forecast_assets.automation.version_differences import version_lines
from forecast_assets.automation.waiting import held_files, to_know
from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.evaluation.evaluation import non_overlapping
from forecast_assets.evaluation.leaderboard import ALL
from forecast_assets.evaluation.outlook import outlooks
from forecast_assets.evaluation.records import Publication
from forecast_assets.forecast.records import Fan
from forecast_assets.market.landing import LandingFolder
from forecast_assets.report.comparing import Comparing
from forecast_assets.report.page import (
    CommodityReport,
    Notice,
    PublishedForecast,
    Reliability,
    Report,
)
from forecast_assets.store.contract import Store
from forecast_assets.store.frames import frame
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.history import History

PAST_FANS = 8
"""How many past published forecasts are shown; each begins a horizon after the one before."""


def briefing(settings: Settings, store: Store, at: datetime) -> Report:
    """All contents of the report. ``at``: the present moment, in UTC."""
    table = frame(store.leaderboard.read())
    standings = table[table.model_version == settings.model_version]
    commodities: list[CommodityReport] = []
    notices: list[Notice] = []
    failures: list[str] = []
    for name in settings.commodities:
        with boundary(name, failures), store.reading():  # the file is opened once for all of it
            part = brief(settings, store, name, standings[standings.commodity == name], at)
            notices += [
                *failures_of(settings, store, name),
                *(Notice(each.rule, each.line) for each in part.doubts),
                *(Notice("warning", x) for x in to_know(settings, store, part.history, at)),
            ]
            commodities.append(part)
    notices += [Notice("warning", line) for line in departures(settings, store)]
    with boundary("landing", failures):
        files = held_files(LandingFolder(settings))
        notices = [*(Notice("warning", line) for line in files), *notices]
    with boundary("model_version", failures):
        lines = version_lines(PinnedVersion.of(settings, store), at.replace(tzinfo=UTC))
        notices = [*(Notice("warning", line) for line in lines), *notices]
    overall = standings[standings.commodity == ALL]
    return Report(at, settings.model_version, notices, commodities, overall, failures)


def brief(
    settings: Settings, store: Store, name: str, leaderboard: pd.DataFrame, at: datetime
) -> CommodityReport:
    """The report's contents about one commodity."""
    version, history = settings.model_version, store.features.read(store.prices.history(name))
    held = store.paths.issued(name, version)
    stale = stale_forecasts(settings, store, history, held)
    places = {key: place for place, key in enumerate(held.keys)}
    shelf = shelf_of(store, history, version, places)
    newest = newest_of(shelf, leaderboard.model_name.tolist())

    def fan(chosen: Publication) -> Fan:
        cutoff, model = chosen.data_cutoff_date, chosen.model_name
        paths = store.paths.drawn(name, model, version, [cutoff])[0]
        row = held[places[model, cutoff]]
        return Fan(cutoff, row.forecast_start_date, paths, row.cutoff_close)

    published = None
    if newest:
        drawn = fan(newest)
        (shown,) = outlooks(drawn.paths[None], [drawn.opens_at(history)])
        published = PublishedForecast(newest.model_name, version, newest.reason, drawn, shown)
    by_cutoff = list({each.data_cutoff_date: each for each in shelf}.values())
    past = by_cutoff[-1 - settings.horizon :: -settings.horizon][:PAST_FANS]
    return CommodityReport(
        name,
        settings.commodities[name].unit,
        history,
        published,
        [fan(each) for each in reversed(past)],
        reliability_of(store, name, version, newest.model_name, settings.horizon)
        if newest
        else None,
        leaderboard,
        doubts_of(settings, store, history, stale, at),
        Comparing(store, name, version, stale).since_before(shelf, newest) if newest else None,
    )


def shelf_of(
    store: Store, history: History, version: str, issued: Collection[tuple[str, date]]
) -> list[Publication]:
    """The publications that can be shown: of issued forecasts whose cutoff is a session."""
    sessions = set(history.dates.tolist())
    return [
        each
        for each in store.publications.find(history.commodity, version)
        if (each.model_name, each.data_cutoff_date) in issued and each.data_cutoff_date in sessions
    ]


def newest_of(shelf: Sequence[Publication], ranked: Sequence[str]) -> Publication | None:
    """The newest publication; of several on one date, that of the best-ranked model."""
    if not shelf:
        return None
    of_day = [each for each in shelf if each.data_cutoff_date == shelf[-1].data_cutoff_date]
    places = {name: place for place, name in enumerate(ranked)}
    return min(of_day, key=lambda each: places.get(each.model_name, len(places)))


def reliability_of(
    store: Store, name: str, version: str, model_name: str, horizon: int
) -> Reliability | None:
    """How well a model's forecasts agree with their outcomes; None if none is scored."""
    records = frame(store.scores.records(name, version))
    mine = records[records.model_name == model_name]
    if mine.empty:
        return None
    taken = non_overlapping(mine.first_session.to_numpy(), mine.last_session.to_numpy())
    shares = frame(store.scores.coverage(name, version, model_name))
    coverage = shares.set_index("day_ahead").reindex(range(1, horizon + 1))
    return Reliability(
        mine.pit.to_numpy(),
        int(taken.sum()),
        coverage.coverage_80.to_numpy(),
        coverage.coverage_95.to_numpy(),
    )


def failures_of(settings: Settings, store: Store, name: str) -> list[Notice]:
    """Notices of a commodity's failures, and of models that declined in its newest window."""
    found = [
        failure
        for failure in store.failures.find(name, settings.model_version)
        if failure.model_name in settings.models
    ]
    issued = store.paths.issued(name, settings.model_version)
    newest = issued.trained.max().item() if len(issued) else date.min
    notices = [Notice("failed", x.reason) for x in found if not x.declined]
    return notices + [
        Notice("declined", x.reason) for x in found if x.declined and x.training_date >= newest
    ]

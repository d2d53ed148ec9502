"""The record over three weeks of days on which things go wrong: what was said stays said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast_assets.store.issued import all_issued
from forecast_assets.store.reader import Reader
from forecast_assets.store.redrawing import Redrawing
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import at_home
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.graphs import catch_up, load
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.panel import Panel, panel
from forecast_assets_tests.rows import framed

pytestmark = pytest.mark.long

BEGIN, DAYS = 525, 15
WINDOW = "Coffee|2020-01-01"
ASSETS = ("trained_models", "distributions", "published_distributions")
MODELS = ["naive", "random_walk", "ensemble"]
KEY = ["model_name", "model_version", "data_cutoff_date"]
SAID = ["issued_at", "generation_timestamp", "payload_sha256", "forecast_start_date"]
NUMBERS = ["day_ahead", "mean", "median", "lower_95", "upper_95"]


@dataclass(frozen=True)
class Moment:
    """What the tables said at a moment: forecasts with their numbers, publications, paths."""

    at: datetime
    said: list[tuple[Any, ...]]
    published: list[tuple[Any, ...]]
    paths: Mapping[tuple[str, date, datetime], bytes]


def tuples(rows: pd.DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return sorted(rows[list(columns)].itertuples(index=False, name=None))


@dataclass
class Desk:
    """A desk that looks at its tables at the end of each day."""

    folder: Path
    history: History
    models: list[Any] = field(default_factory=lambda: list(MODELS))
    seen: list[Moment] = field(default_factory=list)
    made: dict[str, Panel] = field(default_factory=dict)

    @property
    def panel(self) -> Panel:
        """Its configuration, tables and graph."""
        if str(self.models) not in self.made:
            self.made[str(self.models)] = panel(
                self.folder, [self.history], paths=30, models=self.models
            )
        return self.made[str(self.models)]

    def day(self, history: History) -> None:
        """Prices arrive, what is due is done, and the desk looks."""
        with self.panel.at_home() as graph:
            write_prices(self.folder / "prices" / "Coffee.csv", history)
            load(graph)
            catch_up(graph, ASSETS, WINDOW, WINDOW)
        self.look()

    def look(self) -> None:
        """Keep all that the tables say now, read in the plainest way."""
        with self.panel.at_home() as graph:
            store = graph.store
            ledger, points = (
                framed(store, f"forecast.{name}") for name in ("forecasts", "point_estimates")
            )
            log = framed(store, "forecast.publications")
            paths: dict[tuple[str, date, datetime], bytes] = {}
            for (name, version), rows in ledger.groupby(["model_name", "model_version"]):
                days = [cutoff.date() for cutoff in rows.data_cutoff_date]
                drawn = store.paths.drawn("Coffee", name, version, days)
                moments = rows.issued_at
                paths |= {
                    (name, *key): prices.tobytes()
                    for key, prices in zip(zip(days, moments, strict=True), drawn, strict=True)
                }
        said = tuples(ledger.merge(points, on=["commodity", *KEY]), [*KEY, *SAID, *NUMBERS])
        self.seen.append(Moment(now(), said, tuples(log, [*KEY, "reason", "published_at"]), paths))


def corrected(history: History, place: int, change: float) -> History:
    closes = history.closes.copy()
    closes[place] *= change
    return replace(history, closes=closes)


def lived(desk: Desk) -> None:
    """Three weeks: what happens on which day."""
    whole = desk.history
    for place in range(DAYS):
        known = whole.known_at(whole.dates[BEGIN + place].item())
        match place:
            case 3:  # the last close is corrected on the same day
                desk.day(known)
                desk.day(corrected(known, -1, 0.95))
            case 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11:
                known = corrected(known, BEGIN + 3, 0.95)
                if place >= 6:  # a file with an older price comes late
                    known = corrected(known, 200, 1.02)
                if place == 8:
                    desk.models = [*MODELS, "reverting_volatility"]
                if place == 10:
                    desk.models = [
                        "naive", {"random_walk": {"lookback": 60}}, "ensemble",
                        "reverting_volatility",
                    ]  # fmt: skip
                desk.day(known)
                if place == 11:
                    rewritten(desk)
            case _:  # and afterwards all prices are what they were first
                desk.day(known)


def rewritten(desk: Desk) -> None:
    with at_home(desk.folder):
        done = forecast("run", "--rewrite", "the walk was too narrow")
    assert done.exit_code == 0, done.output
    desk.look()


def test_each_moment_keeps_what_was_said_then(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_history(BEGIN + DAYS))
    lived(desk)
    reader = Reader(desk.panel.database)
    for moment in desk.seen:
        issued = reader.distributions_as_of("Coffee", moment.at)
        assert tuples(issued, [*KEY, *SAID, *NUMBERS]) == moment.said
        published = reader.published_as_of("Coffee", moment.at)
        assert tuples(published, [*KEY, "reason", "published_at"]) == moment.published
    with desk.panel.at_home() as graph, graph.store.reading() as tables:
        models = ModelStore.over(graph.store, graph.settings)
        every = all_issued(tables, "Coffee")
        drawn = list(Redrawing.over(models, tables, "Coffee", 3).of(every))
    assert not [each.problem for each in drawn if each.problem]
    again = {
        (x.issued.model_name, x.issued.cutoff, x.issued.issued_at): x.paths.tobytes()
        for x in drawn
        if x.paths is not None
    }
    for moment in desk.seen:
        assert {key: again[key] for key in moment.paths} == moment.paths
    assert {each.reason for each in every} == {
        "",
        "revised history",
        "retrained model",
        "rewrite, retrained model",
    }
    rewrites = [each for each in every if each.reason.startswith("rewrite")]
    assert {each.model_name for each in rewrites} == {"random_walk", "ensemble"}

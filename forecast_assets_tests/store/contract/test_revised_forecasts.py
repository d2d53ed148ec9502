"""Forecasts whose prices have changed since: seen in a view, and drawn again when asked for."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from forecast_assets.errors import ModelNotFound
from forecast_assets.store.reader import Reader
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import Caretaker, draw_due, drawn
from forecast_assets_tests.graphs import Graph
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import rows

COFFEE = make_history(560)
"""To 2020-02-21: 37 forecasts from 2020-01-01 on."""

PLACE = 540
"""The session that is revised."""

Rows = list[tuple[object, ...]]


@pytest.fixture
def keeper(tmp_path: Path, beginnings: Beginnings) -> Caretaker:
    return drawn(beginnings, tmp_path, {"coffee.csv": [COFFEE]})


def revised(close: float, place: int = PLACE) -> History:
    return History("Coffee", COFFEE.dates[place : place + 1], np.array([close]))


def land(keeper: Caretaker, close: float) -> None:
    """Have another close of the session in the tables, and draw nothing."""
    keeper.drop("a.csv", revised(close))
    (request,) = keeper.land().run_requests or []
    assert keeper.execute(request).success


def view(keeper: Caretaker) -> Rows:
    columns = ("revised_sessions", "first_revised", "last_revised")
    named = ("model_name", "data_cutoff_date", *columns)
    return rows(keeper.store, "forecast.revised_forecasts", *named)


def expected(*places: int) -> Rows:
    """Every forecast that knew one of these sessions, but the newest, which is drawn again."""
    rows: Rows = []
    days: list[date] = COFFEE.dates.tolist()
    for model in ("naive", "random_walk"):
        for cutoff in days[521:-1]:
            known = [days[place] for place in sorted(places) if days[place] <= cutoff]
            if known:
                rows.append((model, cutoff, len(known), known[0], known[-1]))
    return rows


def test_forecasts_that_knew_a_price_revised_since_are_listed_and_a_price_revised_back_is_no_change(
    keeper: Caretaker,
) -> None:
    assert view(keeper) == []
    keeper.drop("a.csv", revised(38.0))
    draw_due(keeper)
    assert view(keeper) == expected(PLACE)
    keeper.drop("b.csv", revised(39.0, PLACE + 5))
    draw_due(keeper)
    assert view(keeper) == expected(PLACE, PLACE + 5)
    path = keeper.drop("c.csv", revised(COFFEE.closes[PLACE]))
    path.write_text(path.read_text() + "\n")
    draw_due(keeper)
    assert keeper.store.prices.history("Coffee").closes[PLACE] == COFFEE.closes[PLACE]
    assert view(keeper) == expected(PLACE + 5)


def test_they_stay_as_they_were_said_until_they_are_asked_for_again(keeper: Caretaker) -> None:
    def paths() -> np.ndarray:
        cutoffs = COFFEE.dates[PLACE:-1].tolist()
        return keeper.store.paths.drawn("Coffee", "naive", "v1.0", cutoffs)

    before = paths()
    land(keeper, 38.0)
    key = "Coffee|2020-01-01"
    result = Graph(keeper.settings, keeper.instance).run("forecast", key)
    (event,) = result.asset_materializations_for_node("distributions")
    assert event.metadata["forecasts_stale"].value == len(expected(PLACE))
    assert np.array_equal(paths(), before)
    Graph(keeper.settings, keeper.instance).run("forecast", key, config={"recompute": True})
    assert view(keeper) == []
    assert not np.array_equal(paths(), before)


def test_prices_are_readable_as_they_were_known(keeper: Caretaker) -> None:
    land(keeper, 38.0)
    told = rows(keeper.store, "market.price_revisions", "ingested_at")
    first, second = sorted({moment for (moment,) in told})
    reader = Reader(keeper.settings.database_path)

    def known(moment: datetime | None) -> float:
        return float(reader.prices("Coffee", moment).closes[PLACE])

    moment = timedelta(microseconds=1)
    with pytest.raises(ModelNotFound, match="no prices of 'Coffee'"):
        known(first - moment)
    assert known(first) == known(second - moment) == COFFEE.closes[PLACE]
    assert known(second) == known(None) == 38.0
    assert np.array_equal(reader.prices("Coffee", first).closes, COFFEE.closes)

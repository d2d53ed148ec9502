"""What files and other sources say of prices: the newest word counts, and repeats say nothing."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.reception import receive
from forecast_assets.store.contract import Store
from forecast_assets.timeline.clock import now
from forecast_assets_tests.caretaker import Caretaker, caretaker
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.observed import said
from forecast_assets_tests.rows import rows

DAYS = [date(2026, 11, 2) + timedelta(days=place) for place in range(6)]
MANY = [date(2026, 10, 1) + timedelta(days=place) for place in range(24)]
"""So many that each statement says something of several that were told of differently."""
AT = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it


def held(store: Store) -> dict[date, float]:
    history = store.prices.history("Coffee")
    return dict(zip(history.dates.tolist(), history.closes.tolist(), strict=True))


def revisions(store: Store) -> int:
    return len(rows(store, "market.price_revisions"))


def land(store: Store, sha256: str, closes: dict[date, float]) -> tuple[int, int, bool]:
    """Rows added and revised by a file, and whether it is a repeat."""
    (one,) = store.landings.merge("a.csv", sha256, [said(closes, "landing:a.csv")], AT, "run")
    return one.changes.added, one.changes.revised, one.repeated


def test_the_same_file_twice_changes_nothing_even_after_a_correction(store: Store) -> None:
    first = {DAYS[0]: 50.0, DAYS[1]: 51.0}
    assert land(store, "a", first) == (2, 0, False)
    assert land(store, "a", first) == (0, 0, True)
    assert land(store, "b", {DAYS[1]: 52.0}) == (0, 1, False)
    assert land(store, "a", first) == (0, 0, True)
    assert held(store) == {DAYS[0]: 50.0, DAYS[1]: 52.0}
    assert land(store, "c", {DAYS[1]: 51.0}) == (0, 1, False)  # other bytes: meant
    assert held(store)[DAYS[1]] == 51.0
    assert revisions(store) == 4


def test_the_same_bytes_with_more_usable_rows_are_merged(store: Store) -> None:
    land(store, "a", {DAYS[0]: 50.0})
    assert land(store, "a", {DAYS[0]: 50.0, DAYS[1]: 51.0}) == (1, 0, False)


def test_a_file_of_several_commodities_is_one_transaction(store: Store) -> None:
    good = said({DAYS[0]: 50.0}, "landing:a.csv")
    twice = replace(good, commodity="Sugar", prices=pd.concat([good.prices, good.prices]))
    with pytest.raises(StoreError):
        store.landings.merge("a.csv", "a", [good, twice], AT, "run")
    assert held(store) == {}
    assert land(store, "a", {DAYS[0]: 50.0}) == (1, 0, False)


def test_what_a_file_lacks_beside_the_close_stays(store: Store) -> None:
    store.prices.write(said({DAYS[0]: 50.0}, "landing:a.csv", volume=7.0, high=51.0), AT, "run")
    store.prices.write(said({DAYS[0]: 50.0}, "landing:b.csv"), AT, "run")
    assert revisions(store) == 1
    store.prices.write(said({DAYS[0]: 50.5}, "landing:c.csv", volume=8.0), AT, "run")
    found = rows(store, "market.prices", "close", "high", "volume", "source")
    assert found == [(50.5, 51.0, 8.0, "landing:c.csv")]


@dataclass
class Model:
    """The same rules, one session and one statement at a time."""

    told: dict[date, list[tuple[str, float | None]]] = field(default_factory=dict)

    def hear(self, kind: str, closes: dict[date, float]) -> None:
        for day, close in closes.items():
            before = self.told.setdefault(day, [])
            own = [value for who, value in before if who == kind]
            now = before[-1][1] if before else None
            news = close != own[-1] if own else close not in [value for _, value in before]
            if now is None or (close != now and news):
                before.append((kind, close))
        if kind == "file":
            for day, before in self.told.items():
                if day not in closes and before[-1][0] == kind and before[-1][1] is not None:
                    before.append((kind, None))

    def held(self) -> dict[date, float]:
        newest = {day: before[-1][1] for day, before in sorted(self.told.items()) if before}
        return {day: close for day, close in newest.items() if close is not None}


def test_sources_that_contradict_each_other_end_as_one_statement_after_the_other_says(
    store: Store,
) -> None:
    chance, model = random.Random(1), Model()  # noqa: S311 - a sequence of statements
    for step in range(60):
        kind = chance.choice(["file", "landing", "yahoo"])
        days = MANY if kind == "file" else chance.sample(MANY, chance.randint(1, 12))
        if kind == "file":
            lacking = {day for day in MANY[3::6] if chance.random() < 0.3}
            days = [day for day in MANY if day not in lacking]
        closes = {day: float(chance.randint(50, 52)) for day in days}
        store.prices.write(said(closes, f"{kind}:{step}"), AT, "run")
        model.hear(kind, closes)
        assert held(store) == model.held(), (step, kind, closes)
    assert revisions(store) == sum(len(before) for before in model.told.values())


def text(closes: Sequence[tuple[Any, float]]) -> str:
    return "date,close\n" + "".join(f"{day},{close}\n" for day, close in closes)


def put(keeper: Caretaker, name: str, content: str) -> str:
    """Land a file, and give back its note."""
    folder = LandingFolder(keeper.settings)
    folder.make()
    (keeper.landing / name).write_text(content)
    (arrival,) = folder.waiting(time.time() + 1).whole
    receive(folder, arrival, keeper.store.landings, now(), "run")
    return max(keeper.landing.rglob("*.txt"), key=lambda path: path.stat().st_mtime_ns).read_text()


def test_a_future_row_is_refused_today_and_lands_when_its_day_has_come(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path)
    today = datetime.now().date()  # noqa: DTZ005 - the tests' own day
    content = text([(today - timedelta(days=9), 50.0), (today + timedelta(days=3), 51.0)])
    assert "1 new, 0 revised" in put(keeper, "coffee.csv", content)
    assert "merged before from the same file: nothing done" in put(keeper, "coffee.csv", content)
    assert "Coffee: 1 rows" in put(keeper, "coffee.csv", content + "\n")


def test_a_commodity_that_is_configured_later_lands_from_the_same_file(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path)
    content = "date,commodity,close\n2026-11-02,Coffee,1\n2026-11-02,Sugar,2\n"
    assert "all.csv: all.csv, line 3, column commodity: found 'Sugar'" in put(
        keeper, "all.csv", content
    )
    larger = caretaker(tmp_path / "larger", "Coffee", "Sugar")
    keeper.settings = keeper.settings.model_copy(
        update={"commodities": larger.settings.commodities}
    )
    note = put(keeper, "all.csv", content)
    assert "Coffee: 1 rows, merged before" in note
    assert "Sugar: 1 rows: 1 new" in note


def test_each_file_and_commodity_has_a_row(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, "Coffee", "Sugar")
    keeper.drop("both.csv", make_history(5), make_history(6, 2, "Sugar"))
    keeper.settle()
    counts = ("rows_used", "rows_refused", "sessions_added", "sessions_revised")
    found = rows(keeper.store, "market.landings", "file", "commodity", *counts)
    assert found == [("both.csv", "Coffee", 5, 0, 5, 0), ("both.csv", "Sugar", 6, 0, 6, 0)]
    ids = rows(keeper.store, "market.landings", "sha256", "landed_by")
    assert [(len(sha256), len(by)) for sha256, by in ids] == [(64, 36)] * 2

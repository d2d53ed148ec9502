"""Prices that wait for a word: held with every read, until somebody accepts or rejects them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.market.records import PriceChanges
from forecast_assets.store.contract import Store
from forecast_assets.timeline.scrutiny import Scrutiny
from forecast_assets_tests.engines import Engine
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import rows

COFFEE = make_history(200, seed=8)
DAYS: list[date] = COFFEE.dates.tolist()
CLOSES: list[float] = COFFEE.closes.tolist()
AT = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it
SCRUTINY = Scrutiny(0.25)
QUARANTINE = Scrutiny(0.25, frozenset({"Coffee"}))


@pytest.fixture
def empty(engine: Engine, tmp_path: Path) -> Store:
    return engine.opened(tmp_path / "empty", 3)


@pytest.fixture
def store(store: Store) -> Store:
    store.prices.write(said(CLOSES), AT, "run")
    return store


def said(closes: Sequence[float], origin: str = "file:a.csv", first: int = 0) -> Observations:
    """What a source says of the sessions from one on; those of a file are all there are."""
    days = pd.to_datetime(DAYS[first : first + len(closes)])
    table = pd.DataFrame({"date": days, "close": closes}).reindex(columns=list(COLUMNS))
    prices = table.astype(dict.fromkeys(COLUMNS[1:], "float64"))
    return Observations("Coffee", origin, prices, complete=origin.startswith("file"))


def changed(factors: dict[int, float]) -> list[float]:
    return [close * factors.get(place, 1.0) for place, close in enumerate(CLOSES)]


def write(store: Store, closes: Sequence[float], **keys: Any) -> PriceChanges:
    scrutiny = keys.pop("scrutiny", SCRUTINY)
    return store.prices.write(said(closes, **keys), AT, "run", scrutiny=scrutiny)


def stored(store: Store) -> list[float]:
    closes: list[float] = store.prices.history("Coffee").closes.tolist()
    return closes


def waiting(store: Store) -> list[tuple[date, str]]:
    return [(each.date, each.reason) for each in store.held.waiting("Coffee")]


def test_one_revision_too_far_waits_and_the_others_land(store: Store) -> None:
    changes = write(store, changed({100: 2.0, 101: 1.01}))
    assert (changes.revised, changes.held) == (1, 1)
    assert waiting(store) == [(DAYS[100], "revision")]
    assert stored(store) == changed({101: 1.01})


def test_many_revisions_keep_all_that_came_with_them(empty: Store) -> None:
    store = empty
    store.prices.write(said(CLOSES[:-2]), AT, "run")
    changes = write(store, [close * 0.86 for close in CLOSES])
    assert (changes.added, changes.revised, changes.held) == (0, 0, 200)
    assert stored(store) == CLOSES[:-2]
    reasons = [reason for _, reason in waiting(store)]
    assert reasons == ["revision"] * 198 + ["with_revisions"] * 2


def test_nothing_is_taken_back_by_what_looks_like_another_series(store: Store) -> None:
    fewer = [close * 0.86 for close in CLOSES[:-50]]
    changes = store.prices.write(said(fewer), AT, "run", scrutiny=SCRUTINY, allow_withdrawals=True)
    assert (changes.withdrawn, changes.missing) == (0, 50)
    assert stored(store) == CLOSES


def test_the_same_read_again_changes_no_row(store: Store) -> None:
    write(store, changed({100: 2.0}))
    before = rows(store, "market.held_prices")
    store.prices.write(
        said(changed({100: 2.0})), AT + timedelta(days=1), "another run", scrutiny=SCRUTINY
    )
    assert rows(store, "market.held_prices") == before
    assert len(before) == 1


def test_what_a_source_takes_back_waits_no_more(store: Store) -> None:
    write(store, changed({100: 2.0, 150: 3.0}))
    write(store, changed({150: 4.0}))
    assert [(x.date, x.close) for x in store.held.waiting("Coffee")] == [
        (DAYS[150], CLOSES[150] * 4.0)
    ]
    write(store, CLOSES)
    assert waiting(store) == []


def test_a_source_that_is_not_complete_lets_go_only_of_what_it_names(store: Store) -> None:
    wrong = changed({150: 3.0, 190: 3.0})
    write(store, wrong[140:], origin="yahoo:KC=F", first=140)
    write(store, CLOSES[180:], origin="yahoo:KC=F", first=180)
    assert waiting(store) == [(DAYS[150], "revision")]
    write(store, CLOSES)  # another source says nothing of it
    assert waiting(store) == [(DAYS[150], "revision")]


def test_accepted_revisions_are_merged_and_stay(store: Store) -> None:
    wish = changed({100: 2.0, 150: 3.0})
    write(store, wish)
    assert store.held.accept("Coffee", DAYS[150], AT, "terminal") == [DAYS[150]]
    assert stored(store) == changed({150: 3.0})
    assert store.held.accept("Coffee", None, AT, "terminal") == [DAYS[100]]
    assert stored(store) == wish
    assert write(store, wish).unchanged == 200
    assert waiting(store) == []
    assert store.held.accept("Coffee", None, AT, "terminal") == []


def test_rejected_revisions_are_not_heard_again_and_others_are(store: Store) -> None:
    write(store, changed({100: 2.0}))
    assert store.held.reject("Coffee", None, AT) == [DAYS[100]]
    again = write(store, changed({100: 2.0}))
    assert (again.held, again.ignored, again.unchanged) == (0, 1, 199)
    assert waiting(store) == []
    assert stored(store) == CLOSES
    write(store, changed({100: 2.5}))
    assert waiting(store) == [(DAYS[100], "revision")]


def test_strange_new_closes_land_unless_the_source_is_quarantined(
    engine: Engine, tmp_path: Path
) -> None:
    for name, scrutiny, held in (("free", SCRUTINY, 0), ("kept", QUARANTINE, 17)):
        store = engine.opened(tmp_path / name, 3)
        store.prices.write(said(CLOSES[:-20]), AT, "run")
        pounds = changed(dict.fromkeys(range(183, 200), 0.01))
        changes = write(store, pounds, scrutiny=scrutiny)
        assert (changes.added, changes.held) == (20 - held, held)
        assert waiting(store) == [(day, "strange") for day in DAYS[200 - held :]]
        assert write(store, CLOSES, scrutiny=scrutiny).held == 0  # the file was mended
        assert stored(store) == CLOSES
        assert waiting(store) == []


@pytest.mark.parametrize("origin", ["file:a.csv", "yahoo:KC=F", "landing:a.csv"])
def test_quarantined_closes_that_are_accepted_are_compared_with_from_then_on(
    empty: Store, origin: str
) -> None:
    store = empty
    store.prices.write(said(CLOSES[:-20], origin), AT, "run")
    rise = changed(dict.fromkeys(range(183, 200), 1.5))
    write(store, rise[:190], scrutiny=QUARANTINE, origin=origin)
    assert len(waiting(store)) == 7
    store.held.accept("Coffee", None, AT, "terminal")
    write(store, rise, scrutiny=QUARANTINE, origin=origin)
    assert waiting(store) == []
    assert stored(store) == rise


def test_a_whole_history_may_be_quarantined_in_part(empty: Store) -> None:
    store = empty
    write(store, changed({50: 10.0, 51: 10.0}), scrutiny=QUARANTINE)
    assert waiting(store) == [(DAYS[50], "strange"), (DAYS[51], "strange")]
    assert len(store.prices.history("Coffee")) == 198


def test_a_stored_close_that_is_vouched_for_is_known_until_it_changes(store: Store) -> None:
    store.held.vouch("Coffee", [DAYS[5], DAYS[9]], AT)
    assert store.held.accepted("Coffee") == {DAYS[5], DAYS[9]}
    write(store, changed({9: 1.01}))
    assert store.held.accepted("Coffee") == {DAYS[5]}


def test_a_file_of_the_landing_folder_waits_by_commodity(store: Store) -> None:
    wrong = said([close * 14 for close in CLOSES[190:]], "landing:b.csv", 190)
    tea = replace(said(CLOSES[:5], "landing:b.csv"), commodity="Tea")
    first, second = store.landings.merge("b.csv", "b", [wrong, tea], AT, "run", SCRUTINY)
    assert first.dispute is not None
    assert (first.changes.revised, first.changes.held) == (0, 10)
    assert (second.dispute, second.changes.added) == (None, 5)
    assert stored(store) == CLOSES
    assert waiting(store) == []
    first, second = store.landings.merge("b.csv", "b", [wrong, tea], AT, "terminal")
    assert (first.changes.revised, second.repeated) == (10, True)
    assert stored(store)[190:] == [close * 14 for close in CLOSES[190:]]

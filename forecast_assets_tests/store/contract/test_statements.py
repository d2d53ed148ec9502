"""A forecast as a statement: what it was made from, what it says, and what became of it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from forecast_assets.errors import ModelNotFound
from forecast_assets.evaluation.comparison import Statement
from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.contract import Store
from forecast_assets.store.statements import statement
from forecast_assets_tests.records import AT, DAYS, WRITTEN, draw
from forecast_assets_tests.rows import add

LAST = DAYS[-1]
EXPECTED = [date(2024, 1, day) for day in (4, 5, 8)]


def read(store: Store) -> Statement:
    with store.reading() as tables:
        return statement(tables, "Coffee", "naive", "v1.0", LAST)


def test_it_has_the_close_the_payload_and_the_numbers_by_session_ahead(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()], expected=EXPECTED))
    told = {"commodity": "Coffee", "source": "s", "ingested_by": "run", "ingested_at": AT}
    closes = [told | {"date": day, "revision": 1, "close": 70.0} for day in DAYS]
    later = {"date": DAYS[1], "revision": 2, "close": 71.0, "ingested_at": AT + timedelta(days=1)}
    add(store, "market.price_revisions", [*closes, told | later])
    found = read(store)
    assert (found.model, found.cutoff, found.close) == ("naive v1.0", LAST, 70.0)
    assert (found.payload_sha256, found.training_date) == ("one", WRITTEN.training_date)
    assert [(x.session, x.day_ahead, x.actual) for x in found.ahead] == [
        (day, place, None) for place, day in enumerate(EXPECTED, 1)
    ]
    assert [x.median for x in found.ahead] == draw().points.median[-1].tolist()
    assert found.revised == (DAYS[1], DAYS[1])
    assert list(found.drawn_again) == []
    with pytest.raises(ModelNotFound, match="none is from 2024-01-03"), store.reading() as tables:
        statement(tables, "Coffee", "garch", "v1.0", LAST)


def test_one_that_was_only_moved_was_not_drawn_again(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    store.paths.apply(WRITTEN, WindowChange(moved=[(LAST, date(2024, 1, 8))]))
    assert list(read(store).drawn_again) == []
    later = replace(WRITTEN, at=AT + timedelta(days=1))
    again = replace(draw(value=9.0), why={LAST: "revised history"})
    store.paths.apply(later, WindowChange([again]))
    assert list(read(store).drawn_again) == ["revised history"]

"""What was issued at a moment: the ledger and its numbers, with the superseded ones of then."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.contract import Store
from forecast_assets.store.issued import Issued, all_issued, issued_at
from forecast_assets.timeline.clock import now
from forecast_assets_tests.records import DAYS, WRITTEN, draw, model
from forecast_assets_tests.rows import rows

MICROSECOND = timedelta(microseconds=1)
KEY = ("model_name", "data_cutoff_date")


def told(store: Store) -> list[tuple[Any, ...]]:
    """All that the tables say of forecasts now, read in the plainest way."""
    ledger = {row[:2]: row[2:] for row in rows(store, "forecast.forecasts", *KEY, *MADE_FROM)}
    points = rows(store, "forecast.point_estimates", *KEY, "day_ahead", "mean", "upper_95")
    return [(*row[:2], *ledger[row[:2]], *row[2:]) for row in points]


MADE_FROM = ("forecast_start_date", "payload_sha256", "generation_timestamp", "issued_at")


def said(found: pa.Table) -> list[tuple[Any, ...]]:
    columns = [*KEY, *MADE_FROM, "day_ahead", "mean", "upper_95"]
    return list(zip(*(found.column(name).to_pylist() for name in columns), strict=True))


def at(store: Store, moment: datetime) -> pa.Table:
    with store.reading() as tables:
        return issued_at(tables, "Coffee", moment)


def tell(store: Store, change: WindowChange, hours: int) -> tuple[datetime, list[Any]]:
    """Write a change; return a moment at which it holds, and what the tables say then."""
    store.paths.apply(replace(WRITTEN, at=WRITTEN.at + timedelta(hours=hours)), change)
    return now(), told(store)


def test_each_moment_has_what_the_tables_said_then_to_the_last_digit(store: Store) -> None:
    generator = np.random.default_rng(7)
    other = replace(draw(value=40.0), model=model("garch", "two"))
    changes = [
        WindowChange([draw(), other]),
        WindowChange([draw(DAYS[1:], 9.0)]),
        WindowChange(moved=[(DAYS[2], date(2024, 1, 8))]),
        WindowChange(withdrawn=[DAYS[0]]),
        WindowChange([draw(DAYS[:2], 5.0)], moved=[(DAYS[2], date(2024, 1, 5))]),
        WindowChange([replace(draw(DAYS[:1], 8.0), model=model("garch", "three"))]),
    ]
    before = now()
    moments = [tell(store, change, place) for place, change in enumerate(changes)]
    for moment, then in generator.permutation(np.array(moments, dtype=object)).tolist():
        assert said(at(store, moment)) == then
    assert len(at(store, before)) == 0
    first = min(row[5] for row in moments[0][1])
    assert said(at(store, first)) == moments[0][1]  # the very moment of the issue counts
    assert len(at(store, first - MICROSECOND)) == 0


def test_every_forecast_that_was_ever_issued_has_its_place(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS[:2])]))
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS[:1], 2.0)]))
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS[:1], 3.0)], withdrawn=[DAYS[1]]))
    with store.reading() as tables:
        found = all_issued(tables, "Coffee")
        one = all_issued(tables, "Coffee", cutoff=DAYS[1])
        none = all_issued(tables, "Coffee", model_name="garch")
    places = [(each.cutoff, each.revision, each.reason) for each in found]
    again = "drawn again"
    assert places == [
        (DAYS[0], 1, again),
        (DAYS[0], 2, again),
        (DAYS[0], 3, ""),
        (DAYS[1], 1, "session withdrawn"),
    ]
    assert [each.superseded_at for each in found[:2]] == [each.issued_at for each in found[1:3]]
    assert found[2].superseded_at is None
    assert (one, none) == (found[3:], [])
    assert isinstance(found[0], Issued)

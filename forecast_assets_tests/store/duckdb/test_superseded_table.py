"""What was said and then said otherwise: kept, by every write that replaces a forecast."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import Draw, WindowChange
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets_tests.records import DAYS, WRITTEN, draw, model
from forecast_assets_tests.revisions import AT, insert, revisions

KEPT = """
    SELECT data_cutoff_date, revision, model_name, payload_sha256, history_fingerprint,
        cutoff_close, generation_timestamp, created_by, superseded_at, superseded_by, reason
    FROM forecast.superseded_forecasts ORDER BY ALL
"""

POINTS = """
    SELECT data_cutoff_date, revision, day_ahead, mean, upper_95
    FROM forecast.superseded_point_forecasts ORDER BY ALL
"""

LATER = replace(WRITTEN, at=WRITTEN.at + timedelta(hours=1), by="another run")


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    return DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=0.5)


def ask(store: DuckDBStore, query: str) -> list[tuple[Any, ...]]:
    with store.database.reading() as connection:
        return connection.execute(query).fetchall()


def of(name: str, days: list[date], value: float, **keys: Any) -> Draw:
    made = draw(days, value)
    return replace(made, model=model(name), **keys)


def test_what_is_issued_first_replaces_nothing(store: DuckDBStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    assert ask(store, KEPT) == ask(store, POINTS) == []
    assert store.paths.superseded("Coffee", "v1.0") == {}


def test_what_is_replaced_is_kept_with_its_time_its_numbers_and_why(store: DuckDBStore) -> None:
    first = of("naive", DAYS, 1.0, closes=[70.0, 71.0, 72.0])
    store.paths.apply(WRITTEN, WindowChange([first, of("garch", DAYS, 4.0)]))
    again = of("naive", DAYS[1:], 9.0, fingerprints=["new"] * 2, why={DAYS[2]: "revised history"})
    store.paths.apply(LATER, WindowChange([again]))
    said = ("naive", "one", "print")
    when = (WRITTEN.at, "a run", LATER.at, "another run")
    assert ask(store, KEPT) == [
        (DAYS[1], 1, *said, 71.0, *when, "drawn again"),
        (DAYS[2], 1, *said, 72.0, *when, "revised history"),
    ]
    points = first.points
    assert ask(store, POINTS) == [
        (DAYS[row], 1, day + 1, points.mean[row, day], points.bounds(0.95)[1][row, day])
        for row in (1, 2)
        for day in range(3)
    ]
    assert store.paths.superseded("Coffee", "v1.0") == {WRITTEN.training_date: 2}
    assert store.paths.superseded("Coffee", "v2.0") == {}


def test_each_time_it_is_said_otherwise_is_kept(store: DuckDBStore) -> None:
    for place in range(4):
        at = WRITTEN.at + timedelta(hours=place)
        made = of("naive", DAYS[:1], float(place), closes=[70.0 + place])
        store.paths.apply(replace(WRITTEN, at=at), WindowChange([made]))
    found = [(row[1], row[5], row[8]) for row in ask(store, KEPT)]
    hour = timedelta(hours=1)
    assert found == [(k + 1, 70.0 + k, WRITTEN.at + (k + 1) * hour) for k in range(3)]
    assert [row[:3] for row in ask(store, POINTS)] == [
        (DAYS[0], revision, day) for revision in (1, 2, 3) for day in (1, 2, 3)
    ]


def test_what_is_withdrawn_is_kept_of_every_model(store: DuckDBStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([of("naive", DAYS, 1.0), of("garch", DAYS, 2.0)]))
    store.paths.apply(LATER, WindowChange(withdrawn=[DAYS[1], date(2019, 1, 1)]))
    assert [(row[0], row[2], row[-1]) for row in ask(store, KEPT)] == [
        (DAYS[1], name, "session withdrawn") for name in ("garch", "naive")
    ]
    assert [row.data_cutoff_date for row in store.paths.issued("Coffee", "v1.0")] == [
        DAYS[0],
        DAYS[2],
    ] * 2
    store.paths.apply(LATER, WindowChange([of("naive", [DAYS[1]], 5.0)]))  # it came back
    assert len(ask(store, KEPT)) == 2


def test_a_write_that_fails_keeps_no_record_either(store: DuckDBStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    broken = draw(value=2.0)
    broken.paths[-1, -1, -1] = np.inf
    with pytest.raises(StoreError, match="must be finite"):
        store.paths.apply(LATER, WindowChange([draw(DAYS[:1], 3.0), broken]))
    assert ask(store, KEPT) == ask(store, POINTS) == []


def test_a_file_of_the_release_before_gets_the_tables_and_the_closes_used(
    store: DuckDBStore,
) -> None:
    days = sorted({row["date"] for row in revisions(0) if row["commodity"] == "Coffee"})[:2]
    told = [
        row | {"ingested_at": AT + timedelta(hours=row["revision"])}
        for row in revisions(0)
        if row["commodity"] == "Coffee" and row["date"] in days
    ]
    insert(store, "market.price_revisions", told)
    after_first = replace(WRITTEN, at=AT + timedelta(hours=1, minutes=30))
    store.paths.apply(after_first, WindowChange([of("naive", days, 1.0)]))
    with duckdb.connect(store.database.path) as connection:
        connection.execute("ALTER TABLE forecast.forecasts DROP COLUMN cutoff_close")
        connection.execute("DROP TABLE forecast.superseded_forecasts")
        connection.execute("DROP TABLE forecast.superseded_point_forecasts")
    known = {row["date"]: row["close"] for row in told if row["revision"] == 1}
    issued = store.paths.issued("Coffee", "v1.0")
    assert [row.cutoff_close for row in issued] == [known[day] for day in days]
    later = replace(LATER, at=AT + timedelta(days=9))
    store.paths.apply(later, WindowChange([of("naive", days, 2.0)]))
    assert [row[5] for row in ask(store, KEPT)] == [known[day] for day in days]
    assert [row.cutoff_close for row in store.paths.issued("Coffee", "v1.0")] == [70.0] * 2

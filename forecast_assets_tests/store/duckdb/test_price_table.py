"""Prices as they were at a moment: the macro ``market.prices_as_of``."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from forecast_assets.market.observations import Observations
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets_tests.revisions import AT, insert, revisions

COLUMNS = ("commodity", "date", "open", "high", "low", "close", "volume", "source", "ingested_at")
OTHERS = ("open", "high", "low", "volume")
AS_OF = "SELECT * FROM commodity.market.prices_as_of($moment) ORDER BY commodity, date"


WEEK = pd.date_range("2024-01-01", "2024-01-28")


def said(origin: str, days: pd.DatetimeIndex, *, weekdays: bool = False) -> Observations:
    """What a source says of some days: a close for each."""
    values = {"close": 50.0 + np.arange(len(days)), **dict.fromkeys(OTHERS, np.nan)}
    prices = pd.DataFrame({"date": days.astype("datetime64[s]"), **values})
    complete = origin.startswith("file")
    return Observations("Coffee", origin, prices, complete=complete, weekdays=weekdays)


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    return DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=0.5)


def known_at(rows: list[dict[str, Any]], moment: datetime) -> list[tuple[Any, ...]]:
    """The newest revision of each session among those of a moment, row by row."""
    newest: dict[tuple[str, date], dict[str, Any]] = {}
    for row in rows:
        key = row["commodity"], row["date"]
        is_newer = key not in newest or row["revision"] > newest[key]["revision"]
        if row["ingested_at"] <= moment and is_newer:
            newest[key] = row
    return [
        tuple(row.get(column) for column in COLUMNS)
        for _, row in sorted(newest.items())
        if row["close"] is not None
    ]


@pytest.mark.parametrize("seed", range(3))
def test_prices_as_of_a_moment_are_those_that_were_there(store: DuckDBStore, seed: int) -> None:
    rows = revisions(seed)
    insert(store, "market.price_revisions", rows)
    moments = [AT + timedelta(hours=hour) for hour in (-1, 0, 30, 99, 150, 200)]
    with store.database.reading() as connection:
        found = [connection.execute(AS_OF, {"moment": x}).fetchall() for x in moments]
        today = connection.execute("FROM market.prices ORDER BY commodity, date").fetchall()
        names = tuple(column[0] for column in connection.description or ())
    assert found == [known_at(rows, moment) for moment in moments]
    assert len({len(each) for each in found}) > 3
    assert found[0] == []
    assert (found[-1], names) == (today, COLUMNS)


def test_the_very_moment_of_an_ingestion_counts(store: DuckDBStore) -> None:
    first = revisions(0)[0] | {"ingested_at": AT}
    insert(store, "market.price_revisions", [first])
    with store.database.reading() as connection:
        counts = [
            len(connection.execute(AS_OF, {"moment": moment}).fetchall())
            for moment in (AT - timedelta(microseconds=1), AT)
        ]
    assert counts == [0, 1]


def test_a_file_attached_under_its_own_name_has_the_prices_as_of(store: DuckDBStore) -> None:
    rows = revisions(0)
    insert(store, "market.price_revisions", rows)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{store.database.path}' AS commodity (READ_ONLY)")
        found = connection.execute(AS_OF, {"moment": AT + timedelta(hours=99)}).fetchall()
        written = "FROM commodity.market.prices_as_of(TIMESTAMP '2024-01-05 21:00:00')"
        as_written = connection.execute(f"{written} ORDER BY commodity, date").fetchall()
    assert found == as_written == known_at(rows, AT + timedelta(hours=99)) != []


def test_a_file_of_any_name_has_them(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / 'some "file".old.duckdb', 3, "256MB", lock_timeout_seconds=0.5)
    rows = revisions(0)
    insert(store, "market.price_revisions", rows)
    with store.database.reading() as connection:
        found = connection.execute("FROM market.prices_as_of($moment)", {"moment": AT}).fetchall()
    assert sorted(found, key=lambda row: row[:2]) == known_at(rows, AT)


def test_a_file_of_an_earlier_release_gets_what_it_lacks(store: DuckDBStore) -> None:
    insert(store, "market.price_revisions", revisions(0))
    with duckdb.connect(store.database.path) as connection:
        connection.execute("DROP MACRO TABLE market.prices_as_of")
        connection.execute("DROP VIEW forecast.revised_forecasts")
    with store.database.reading() as connection:
        assert connection.execute(AS_OF, {"moment": AT + timedelta(hours=200)}).fetchall()


def test_a_file_that_has_everything_is_opened_once(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(store, "market.price_revisions", revisions(0))
    opened = []
    connect = duckdb.connect

    def counted(*given: Any, **named: Any) -> duckdb.DuckDBPyConnection:
        opened.append(named["read_only"])
        return connect(*given, **named)

    monkeypatch.setattr(duckdb, "connect", counted)
    with store.database.reading():
        pass
    assert opened == [True]


@pytest.mark.parametrize("dropped", [WEEK[5:7], WEEK[12:28], WEEK[26:28]])
def test_weekends_that_were_stored_go_when_they_are_no_sessions_any_more(
    store: DuckDBStore, dropped: pd.DatetimeIndex
) -> None:
    weekdays = WEEK[WEEK.day_of_week < 5]
    store.prices.write(said("file:a.csv", weekdays), AT, "run")
    store.prices.write(said("landing:b.csv", dropped), AT, "run")
    weekends = dropped[dropped.day_of_week > 4]
    changes = store.prices.write(said("file:a.csv", weekdays, weekdays=True), AT, "run")
    assert changes.withdrawn == len(weekends)
    assert changes.lacking.weekends == [day.date() for day in weekends]
    assert changes.lacking.kept == []
    (line,) = changes.lacking.notes("Coffee")
    assert line.startswith("Coffee: weekends are no sessions (`weekends: drop`): ")
    assert store.prices.history("Coffee").dates.tolist() == [day.date() for day in weekdays]


def test_a_source_whose_own_weekends_are_left_out_is_no_half_file(store: DuckDBStore) -> None:
    weekdays = WEEK[WEEK.day_of_week < 5]
    store.prices.write(said("file:a.csv", WEEK), AT, "run")
    changes = store.prices.write(said("file:a.csv", weekdays, weekdays=True), AT, "run")
    assert (changes.withdrawn, changes.missing, changes.lacking.many) == (8, 0, False)
    assert len(store.prices.history("Coffee")) == 20


def test_a_landing_folder_that_leaves_out_weekends_takes_stored_ones_back(
    store: DuckDBStore,
) -> None:
    store.prices.write(said("landing:a.csv", WEEK), AT, "run")
    nothing = said("landing", WEEK[:0], weekdays=True)
    changes = store.prices.write(nothing, AT, "run")
    assert (changes.added, changes.withdrawn) == (0, 8)
    assert len(store.prices.history("Coffee")) == 20

"""Prices as they were at a moment: the macro ``market.prices_as_of``."""

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from forecast_assets.store.duckdb.engine import Engine
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets_tests.revisions import AT, COLUMNS, known_at, revisions
from forecast_assets_tests.rows import add

AS_OF = "SELECT * FROM commodity.market.prices_as_of($moment) ORDER BY commodity, date"


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    return DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=0.5)


@pytest.mark.parametrize("seed", range(3))
def test_prices_as_of_a_moment_are_those_that_were_there(store: DuckDBStore, seed: int) -> None:
    rows = revisions(seed)
    add(store, "market.price_revisions", rows)
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
    add(store, "market.price_revisions", [first])
    with store.database.reading() as connection:
        counts = [
            len(connection.execute(AS_OF, {"moment": moment}).fetchall())
            for moment in (AT - timedelta(microseconds=1), AT)
        ]
    assert counts == [0, 1]


def test_a_file_attached_under_its_own_name_has_the_prices_as_of(store: DuckDBStore) -> None:
    rows = revisions(0)
    add(store, "market.price_revisions", rows)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{store.database.path}' AS commodity (READ_ONLY)")
        found = connection.execute(AS_OF, {"moment": AT + timedelta(hours=99)}).fetchall()
        written = "FROM commodity.market.prices_as_of(TIMESTAMP '2024-01-05 21:00:00')"
        as_written = connection.execute(f"{written} ORDER BY commodity, date").fetchall()
    assert found == as_written == known_at(rows, AT + timedelta(hours=99)) != []


def test_a_file_of_any_name_has_them(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / 'some "file".old.duckdb', 3, "256MB", lock_timeout_seconds=0.5)
    rows = revisions(0)
    add(store, "market.price_revisions", rows)
    with store.database.reading() as connection:
        found = connection.execute("FROM market.prices_as_of($moment)", {"moment": AT}).fetchall()
    assert sorted(found, key=lambda row: row[:2]) == known_at(rows, AT)


def test_a_file_of_an_earlier_release_gets_what_it_lacks(store: DuckDBStore) -> None:
    add(store, "market.price_revisions", revisions(0))
    with duckdb.connect(store.database.path) as connection:
        connection.execute("DROP MACRO TABLE market.prices_as_of")
        connection.execute("DROP VIEW forecast.revised_forecasts")
    with store.database.reading() as connection:
        assert connection.execute(AS_OF, {"moment": AT + timedelta(hours=200)}).fetchall()


def test_a_file_that_has_everything_is_opened_once(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, "market.price_revisions", revisions(0))
    opened = []
    connect = Engine.open

    def counted(engine: Engine, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        opened.append(read_only)
        return connect(engine, read_only=read_only)

    monkeypatch.setattr(Engine, "open", counted)
    with store.database.reading():
        pass
    assert opened == [True]

"""Files of older releases become those of this one, whole or not at all, and stay as a copy."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from stat import S_IMODE
from typing import Any

import duckdb
import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import StoreError
from forecast_assets.record.verification import verify
from forecast_assets.store.duckdb import migrations
from forecast_assets.store.duckdb.migrations import MIGRATIONS, SCHEMA, UNNUMBERED, drops, schema_of
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets.store.patience import Patience
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.store.reader import Reader
from forecast_assets.timeline.clock import now
from forecast_assets_tests.desk import desk
from forecast_assets_tests.security.traces import traces
from forecast_assets_tests.store.duckdb.older import GOLDEN, older_file, upgraded_to

RELEASED = sorted(folder for folder in GOLDEN.glob("schema_*") if folder.is_dir())

TABLES = """
    SELECT schema_name || '.' || table_name FROM duckdb_tables()
    WHERE table_name <> 'schema_versions' AND NOT temporary ORDER BY ALL
"""
COLUMNS = """
    SELECT schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns()
    WHERE NOT internal ORDER BY ALL
"""

WORD = "word-of-a-store"

VIEWS = "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL"


WHAT_CHANGES = (
    "INSERT INTO market.price_words VALUES ('Coffee', '2020-01-02', 50, 'accepted', '2020-01-03')",
    """
    UPDATE forecast.trained_models SET fitted_model_json = NULL,
        fitted_model_uri = 's3://user:secret@host/bucket/Coffee/naive/2020-01-01/v1.0/ab.json'
    WHERE model_name = 'naive'
    """,
    "UPDATE forecast.scores SET crps = 'inf' WHERE model_name = 'naive'",
)
"""What is put into a file of the first release, so that each migration finds what it is about."""


@pytest.fixture(params=RELEASED, ids=lambda folder: folder.name)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of an older release."""
    path = tmp_path / "commodity.duckdb"
    older_file(path, request.param)
    return path


def store_of(path: Path, patience: Patience | None = None) -> DuckDBStore:
    return DuckDBStore(path, 3, "256MB", lock_timeout_seconds=5, patience=patience)


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table."""
    with closing(duckdb.connect(path, read_only=True)) as connection:
        names = [name for (name,) in connection.execute(TABLES).fetchall()]
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in names}


def described(path: Path) -> tuple[list[Any], list[Any]]:
    with closing(duckdb.connect(path, read_only=True)) as connection:
        return connection.execute(COLUMNS).fetchall(), connection.execute(VIEWS).fetchall()


def backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob("commodity.schema-*.duckdb"))


def test_an_upgraded_file_is_a_sound_record(older: Path, tmp_path: Path) -> None:
    found = verify(desk(tmp_path).settings, store_of(older), redraw=None)
    assert found.damages == []
    assert found.redrawn >= found.forecasts > 0


def test_reading_upgrades_a_file_that_keeps_its_rows_and_tells_of_the_copy(older: Path) -> None:
    before = contents(older)
    assert sum(map(len, before.values())) > 100
    told: list[str] = []
    store = store_of(older, Patience(5, told=told.append))
    assert len(store.prices.history("Coffee"))
    after = contents(older)
    same = before.keys() - {"forecast.publications"}
    dated = {"forecast.forecasts": 10, "forecast.superseded_forecasts": 12}
    issued = {  # when they were drawn, as far as is known
        name: [(*row, row[place]) for row in before[name]] for name, place in dated.items()
    }
    issued |= {  # what no older release could say
        name: [(*row, value) for row in before[name]]
        for name, value in {"market.price_revisions": None, "forecast.leaderboard": 0}.items()
    }
    assert {name: after[name] for name in same} == {name: (before | issued)[name] for name in same}
    with closing(duckdb.connect(older, read_only=True)) as connection:
        published = connection.execute("FROM forecast.publications ORDER BY ALL").fetchall()
        drawn = connection.execute(
            "SELECT count(*) FROM forecast.publication_log JOIN forecast.forecasts"
            " USING (model_name, data_cutoff_date, generation_timestamp, cutoff_close)"
        ).fetchall()
    assert published == before["forecast.publications"]
    assert drawn == [(len(published),)]
    (backup,) = backups(older)
    assert contents(backup) == before
    (line,) = told
    assert str(backup) in line
    assert re.search(rf"schema 1 .* schema {SCHEMA}.*MB\)", line)
    assert store.prices.history("Coffee") is not None
    assert told == [line]
    by_day = Reader(older).point_forecasts_by_target("Coffee")
    assert set(by_day.columns) >= {"session", "day_ahead", "median", "actual"}
    assert len(by_day) == len(before["forecast.point_estimates"])
    came = {(row[0], row[1]) for row in before["market.price_revisions"]}
    known = by_day[by_day.actual.notna()]
    assert len(known) > 10
    assert {("Coffee", day.date()) for day in known.session} <= came
    newest = by_day[by_day.data_cutoff_date == by_day.data_cutoff_date.max()]
    assert newest[newest.session.notna()].day_ahead.unique().tolist() == [1]  # more is not known


def test_addresses_of_artifacts_lose_the_store_and_its_password(older: Path) -> None:
    place = "Coffee/naive/2020-01-01/v1.0/ab.json"
    with closing(duckdb.connect(older)) as connection:
        connection.execute(
            "UPDATE forecast.trained_models SET fitted_model_json = NULL, fitted_model_uri = ?"
            " WHERE model_name = 'naive'",
            [f"s3://user:{WORD}@host/bucket/{place}"],
        )
    told: list[str] = []
    store_of(older, Patience(5, told=told.append)).marks.found()
    with closing(duckdb.connect(older, read_only=True)) as connection:
        found = connection.execute(
            "SELECT DISTINCT fitted_model_uri FROM forecast.trained_models ORDER BY ALL NULLS FIRST"
        ).fetchall()
    assert found == [(None,), (place,)]
    (copy,) = backups(older)
    left = {line.removesuffix(f": {WORD}").strip() for line in traces(older.parent, [WORD])}
    assert left - {older.name} == {copy.name, f'{copy.name} "forecast"."trained_models"'}
    (line,) = told
    assert "artifacts.url ever had a password or a key, change it there: this copy has it" in line
    assert f"blocks of {older.name} that are free now" in line


def test_only_the_owner_may_read_the_tables_of_before(older: Path) -> None:
    older.chmod(0o644)
    store_of(older).marks.found()
    (copy,) = backups(older)
    assert (S_IMODE(copy.stat().st_mode), S_IMODE(older.stat().st_mode)) == (0o600, 0o644)


def test_an_upgraded_file_is_what_a_new_one_is(older: Path, tmp_path: Path) -> None:
    store_of(older).marks.found()
    fresh = tmp_path / "fresh" / "commodity.duckdb"
    store_of(fresh).marks.leave("a", now())
    assert described(older) == described(fresh)
    with closing(duckdb.connect(fresh, read_only=True)) as connection:
        rows = connection.execute("FROM market.schema_versions").fetchall()
    assert [(number, backup) for number, _, backup in rows] == [(SCHEMA, None)]
    assert backups(fresh) == []


def test_from_each_older_schema_come_the_same_tables(tmp_path: Path) -> None:
    upgraded, columns = {}, {}
    for schema in range(UNNUMBERED, SCHEMA):
        path = tmp_path / str(schema) / "commodity.duckdb"
        older_file(path)
        with closing(duckdb.connect(path)) as connection:
            for statement in WHAT_CHANGES:
                connection.execute(statement)
        upgraded_to(path, schema)
        with closing(duckdb.connect(path, read_only=True)) as connection:
            assert schema_of(connection, path) == schema
        store_of(path).marks.found()
        assert [re.findall(r"schema-(\d)", x.name) for x in backups(path)] == [[str(schema)]]
        upgraded[schema], columns[schema] = contents(path), described(path)
    first = upgraded[UNNUMBERED]
    assert first["market.price_words"]
    assert {schema: rows == first for schema, rows in upgraded.items()} == dict.fromkeys(
        upgraded, True
    )
    assert {
        schema: each == columns[UNNUMBERED] for schema, each in columns.items()
    } == dict.fromkeys(columns, True)


def test_a_process_killed_in_an_upgrade_leaves_the_older_file(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(older)
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(migrations, "drops", dies_after_some)
        store_of(older).marks.found()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert contents(older) == before
    left = older.with_name(".commodity.schema-1.20260102T030405.duckdb.new")
    left.touch()
    assert len(store_of(older).marks.found()) == len(before["market.marks"])
    assert backups(older)
    assert not left.exists()


def dies_after_some(definitions: tuple[str, ...]) -> Iterator[str]:
    """As ``drops``, but the process dies in the midst of it."""
    yield from islice(drops(definitions), 3)
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_upgrade_that_fails_leaves_no_copy(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(older)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "drops", lambda _: ["DROP VIEW forecast.nobody"])
        with pytest.raises(StoreError, match="nobody"):
            store_of(older).marks.found()
    with pytest.raises(ValueError, match="later"), store_of(older).database.writing():
        raise ValueError("later in the transaction")
    assert backups(older) == []
    assert contents(older) == before


def test_views_of_users_stay(older: Path) -> None:
    with closing(duckdb.connect(older)) as connection:
        connection.execute("CREATE VIEW forecast.mine AS SELECT 1 AS one")
        connection.execute("CREATE MACRO forecast.twice(x) AS 2 * x")
    store_of(older).marks.found()
    with closing(duckdb.connect(older, read_only=True)) as connection:
        assert connection.execute(
            "SELECT one, forecast.twice(2) FROM forecast.mine"
        ).fetchall() == [(1, 4)]


def test_a_newer_file_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "commodity.duckdb"
    store_of(path).marks.leave("a", now())
    with closing(duckdb.connect(path)) as connection:
        newer = "INSERT INTO market.schema_versions VALUES (?, now()::TIMESTAMP, NULL)"
        connection.execute(newer, [SCHEMA + 1])
    before = contents(path)
    words = f"newer release .schema {SCHEMA + 1}; this one knows up to {SCHEMA}.: install"
    for look in (
        lambda: store_of(path).marks.found(),
        lambda: store_of(path).marks.leave("b", now()),
        lambda: Reader(path).models(),
    ):
        with pytest.raises(StoreError, match=words):
            look()
    assert contents(path) == before
    assert backups(path) == []


def test_every_schema_has_a_number_and_the_released_ones_a_file() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(2, SCHEMA + 1))
    assert RELEASED[0].name == "schema_1"


def test_what_its_models_were_trained_with_is_taken_over_by_an_edited_configuration(
    older: Path,
) -> None:
    settings = Settings.model_validate(
        {
            "model_version": "v1.0",
            "horizon": 3,
            "paths": 50,
            "training": {"start": "2020-01-01"},
            "models": [{"naive": {"decay": 0.9}}, {"random_walk": {"lookback": 60}}, "ensemble"],
            "commodities": {"Coffee": {"unit": "kg", "source": {"type": "landing"}}},
        }
    )
    store = store_of(older)
    version = PinnedVersion.of(settings, store).take_over(now(), "a run")
    assert version.in_force.differences == [
        "paths: was 5, is 50",
        "naive.decay: was 0.94, is 0.9",
        "random_walk.lookback: was 30, is 60",
    ]
    assert version.in_force.additions == ["ensemble"]
    rows = {row.model_name: json.loads(row.options) for row in store.models.find()}
    assert rows == {
        name: model.model_dump() for name, model in version.settings.models.items() if name in rows
    }
    assert version.settings.paths == 5
    (pin,) = store.pins.find("v1.0")
    assert (pin.revision, pin.kind, pin.meaning) == (1, "taken over", version.meaning)

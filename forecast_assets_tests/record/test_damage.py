"""Damage done by hand: each is found, with its place and what mends it, and nothing else is."""

# ruff: noqa: S608 - the statements are of names in this file

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.record.damage import Damage
from forecast_assets.record.fitted import of_models, of_payloads
from forecast_assets.record.issued import OTHER_HISTORY
from forecast_assets.record.mending import BACKUP
from forecast_assets.record.rows import Rows
from forecast_assets.record.verification import REDRAWN, Verification, verify, with_histories
from forecast_assets.store.opening import open_store
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.desk import corrected, desk
from forecast_assets_tests.record.case import (
    COFFEE,
    LEDGER,
    LOG,
    MODELS,
    PATHS,
    RESTORED,
    REVISIONS,
    SCORES,
    TABLES,
    Case,
    Key,
    at,
    case,
    update,
)
from forecast_assets_tests.record.damaged_inputs import OF_MARKET, OF_MODELS
from forecast_assets_tests.record.damaged_paths import OF_PATHS
from forecast_assets_tests.record.damaged_rows import OF_ROWS, OF_SUPERSEDED_PAGES

COMMODITIES = {
    "Coffee": {
        "unit": "USc/lb",
        "source": {"type": "landing"},
        "covariates": {"rain": {"path": "rain.csv", "column": "close"}},
    }
}

Found = dict[str, list[Key]]


def begin(folder: Path) -> None:
    """Three models, one of them in a file; the newest close was corrected after its forecast."""
    with at_home(folder):
        made = desk(
            folder,
            models=["naive", "random_walk", {"ensemble": {"members": ["naive", "random_walk"]}}],
            publish={"fallback": "random_walk"},
            artifacts={"threshold_bytes": 200},
            commodities=COMMODITIES,
        )
        made.told(corrected(COFFEE, -1, 1.01))
        made.work()
        made.told(COFFEE)
        made.work()


@pytest.fixture
def folder(tmp_path: Path, beginnings: Beginnings) -> Path:
    beginnings.copy("damage", begin, tmp_path)
    return tmp_path


def verified(folder: Path, redraw: int | None = REDRAWN) -> Verification:
    with at_home(folder):
        settings = Settings.load(folder / "forecast.yaml")
        return verify(settings, open_store(settings), redraw=redraw)


def freed(table: str) -> str:
    """The statements that let a table take any row."""
    return (
        f"CREATE TABLE {table}_free AS FROM {table}; DROP TABLE {table};"
        f" ALTER TABLE {table}_free RENAME TO {table.partition('.')[2]}"
    )


def execute(folder: Path, cases: Sequence[Case], *, unruled: bool = True) -> None:
    """Do damage to the tables; ``unruled``: which are made to take any row before."""
    with duckdb.connect(folder / "home" / "commodity.duckdb") as connection:
        for name in {table for each in cases for table in TABLES if table in each.sql and unruled}:
            connection.execute(freed(name))
        for each in cases:
            connection.execute(each.sql)


def keys_of(damages: Sequence[Damage]) -> list[Key]:
    """Kind, table, model, day and what mends it of each damage."""
    return [(x.kind, x.table, x.model_name, x.day, x.mended_by) for x in damages]


@pytest.fixture(scope="module")
def found(beginnings: Beginnings, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """All that is found in tables with many damages of one group, which are of different rows."""
    done: dict[str, list[Key]] = {}
    for name, cases in {"paths": OF_PATHS, "rows": OF_ROWS, "market": OF_MARKET}.items():
        place = tmp_path_factory.mktemp(name)
        beginnings.copy("damage", begin, place)
        execute(place, cases)
        done[name] = keys_of(verified(place).damages)
    return done


def test_sound_tables_have_no_damage(folder: Path) -> None:
    found = verified(folder)
    assert found.damages == []
    assert (found.models, found.forecasts, found.paths) == (3, 117, 117 * 21)


GROUPS = [("paths", OF_PATHS), ("rows", OF_ROWS), ("market", OF_MARKET)]


@pytest.mark.parametrize(
    ("group", "done"),
    [pytest.param(name, each, id=each.name) for name, cases in GROUPS for each in cases],
)
def test_each_damage_is_found_at_its_place_with_what_mends_it(
    group: str, done: Case, found: Found
) -> None:
    assert [key for key in done.keys if key not in found[group]] == []


@pytest.mark.parametrize(("group", "cases"), GROUPS)
def test_nothing_else_is_found(group: str, cases: list[Case], found: Found) -> None:
    expected = [key for each in cases for key in each.keys]
    assert sorted(map(str, found[group])) == sorted(map(str, expected))


@pytest.mark.parametrize("done", OF_MODELS, ids=lambda each: each.name)
def test_damage_to_models_is_found_with_what_mends_it(done: Case, folder: Path) -> None:
    if done.sql.strip():
        execute(folder, [done])
    else:
        damage_artifact(folder, missing=not done.sql)
    settings = Settings.load(folder / "forecast.yaml")
    store = open_store(settings)
    with store.reading() as tables:
        rows = Rows(settings, store, tables, "Coffee")
        found = [*of_models(rows), *of_payloads(rows.models, "Coffee", rows.mending)]
    assert keys_of(found) == done.keys


MENDED = (
    "no outcome",
    "another outcome",
    "a forecast that the ledger lost",
    "a score by another close",
    "a score that is gone",
    "a covariate that a session lacks",
    "a changed payload",
)
"""Damage that is done together, to be mended by the commands that are named."""


def test_the_commands_that_are_named_mend_it(folder: Path) -> None:
    cases = [each for each in [*OF_PATHS, *OF_ROWS, *OF_MARKET, *OF_MODELS] if each.name in MENDED]
    execute(folder, cases, unruled=False)
    damage_artifact(folder, missing=True)
    found = keys_of(verified(folder).damages)
    assert len(found) == 9
    with at_home(folder):
        while commands := [way for *_, way in found]:
            assert BACKUP not in commands
            done = forecast(*commands[0].split()[1:])
            assert done.exit_code == 0, done.output
            left = keys_of(verified(folder).damages)
            assert len(left) < len(found)
            found = left


def test_paths_and_points_are_put_back_to_the_last_bit(folder: Path) -> None:
    before = paths_in(folder)
    cases = [each for each in OF_PATHS if each.mended_by == RESTORED]
    execute(folder, cases)
    assert len(cases) == 18
    with at_home(folder):
        done = forecast(*RESTORED.split()[1:])
    assert done.exit_code == 0, done.output
    assert "Coffee: 18 forecasts put back, 21 were sound" in done.output
    assert verified(folder).damages == []
    assert paths_in(folder) == before


def test_what_would_be_drawn_from_other_prices_is_not_put_back(folder: Path) -> None:
    (lost,) = [each for each in OF_PATHS if each.name == "a deleted path"]
    change = f"UPDATE {REVISIONS} SET close = close * 1.01 WHERE date = '{at(-99)}';"
    execute(folder, [lost, Case("another price", change, [])])
    before = paths_in(folder)
    with at_home(folder):
        done = forecast(*RESTORED.split()[1:], "--cutoff", str(lost.day))
    assert done.exit_code == 1
    assert "the prices known when it was drawn are not there" in done.output
    assert paths_in(folder) == before


def paths_in(folder: Path) -> list[tuple[object, ...]]:
    """All paths, without the moments of outcomes."""
    with duckdb.connect(folder / "home" / "commodity.duckdb", read_only=True) as connection:
        query = f"SELECT * EXCLUDE generation_timestamp FROM {PATHS} ORDER BY ALL"
        return connection.execute(query).fetchall()


def damage_artifact(folder: Path, *, missing: bool) -> None:
    """Delete the file of the ensemble, or change a byte of it."""
    with duckdb.connect(folder / "home" / "commodity.duckdb") as connection:
        query = f"SELECT fitted_model_uri FROM {MODELS} WHERE model_name = 'ensemble'"
        ((uri,),) = connection.execute(query).fetchall()
        file = next((folder / "home" / "artifacts").rglob(Path(uri).name))
        change = f"UPDATE {MODELS} SET fitted_model_uri = ? WHERE model_name = 'ensemble'"
        connection.execute(change, [file.as_uri()])
    if missing:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes().replace(b"0.94", b"0.93"))


def test_rows_that_no_check_can_look_at_stop_no_other_check(folder: Path) -> None:
    broken = f"UPDATE {LEDGER} SET generation_timestamp = 'infinity', n_paths = NULL;"
    broken += f" UPDATE {LOG} SET entry = 3 WHERE entry = 2;"
    execute(folder, [Case("a moment that never comes", broken, [])])
    found = {key[0] for key in keys_of(verified(folder).damages)}
    assert {"missing value", "cannot be verified", "gap in entries"} <= found


@pytest.mark.parametrize(
    "broken",
    [
        f"UPDATE {LEDGER} SET data_cutoff_date = 'infinity'",
        "UPDATE market.price_revisions SET date = 'infinity'",
        f"UPDATE {LEDGER} SET data_cutoff_date = NULL",
    ],
)
def test_days_that_are_none_are_damage(folder: Path, broken: str) -> None:
    execute(folder, [Case("days that are none", broken, [])])
    assert verified(folder).damages


def test_what_was_published_of_a_superseded_forecast_is_compared_with_what_was_kept(
    folder: Path,
) -> None:
    execute(folder, OF_SUPERSEDED_PAGES)
    expected = [key for each in OF_SUPERSEDED_PAGES for key in each.keys]
    assert sorted(map(str, keys_of(verified(folder).damages))) == sorted(map(str, expected))


def test_a_payload_in_use_is_damaged_although_an_older_row_has_its_bytes(folder: Path) -> None:
    settings = Settings.load(folder / "forecast.yaml")
    store = open_store(settings)
    with store.reading() as tables:
        rows = Rows(settings, store, tables, "Coffee")
        models, mending = rows.models, rows.mending
    in_use = models[models.is_active & (models.model_name == "naive")].iloc[:1]
    older = in_use.assign(is_active=False)
    changed = in_use.assign(fitted_model_json="{}")
    assert of_payloads(pd.concat([older, in_use]), "Coffee", mending) == []
    (found,) = of_payloads(pd.concat([older, changed]), "Coffee", mending)
    assert found.kind == "changed payload"
    unused = changed.assign(is_active=False)
    assert of_payloads(pd.concat([older, unused]), "Coffee", mending) == []


def test_where_all_are_redrawn_each_single_score_is_looked_at(folder: Path) -> None:
    changed = case(
        "a score between those of the sample",
        5,
        update(SCORES, "crps = crps * 1.001", "day_ahead = 2"),
        ("scores of other paths", SCORES),
    )
    execute(folder, [changed])
    assert "scores of other paths" not in {each.kind for each in verified(folder).damages}
    assert set(changed.keys) <= set(keys_of(verified(folder, redraw=None).damages))


def test_what_has_lost_its_history_comes_only_from_a_backup() -> None:
    day, table = at(3), f"commodity.{PATHS}"

    def damage(kind: str, day: date, way: str) -> Damage:
        return Damage(kind, table, "Coffee", "naive", "v1.0", day, "", way)

    other = damage(OTHER_HISTORY, day, BACKUP)
    here, elsewhere = damage("no paths", day, RESTORED), damage("no paths", at(4), RESTORED)
    told = with_histories([here, elsewhere, other])
    assert [each.mended_by for each in told] == [BACKUP, RESTORED, BACKUP]

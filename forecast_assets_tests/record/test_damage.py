"""Damage done by hand: each is found, with its place and what mends it, and nothing else is."""

# ruff: noqa: S608 - the statements are of names in this file

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.record.damage import Damage
from forecast_assets.record.fitted import of_models, of_payloads
from forecast_assets.record.mending import BACKUP
from forecast_assets.record.rows import Rows
from forecast_assets.record.verification import Verification, verify
from forecast_assets.store.opening import open_store
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.desk import corrected, desk
from forecast_assets_tests.histories import make_history, with_features

COFFEE = with_features(make_history(560), ("rain",))

SESSIONS = [day.isoformat() for day in COFFEE.dates.tolist()]
"""Day 523 is the cutoff of the first forecast, and day 559 that of the newest."""

FIRST, NEWEST = SESSIONS.index("2019-12-31"), len(SESSIONS) - 1

COMMODITIES = {
    "Coffee": {
        "unit": "USc/lb",
        "source": {"type": "landing"},
        "covariates": {"rain": {"path": "rain.csv", "column": "close"}},
    }
}

RUN = "forecast run --commodity Coffee"
TRAIN = f"{RUN} --from 2020-01-01 --to 2020-01-01"

RESTORED = "forecast redraw Coffee --model naive --model-version v1.0 --restore"

Key = tuple[str, str, str, date | None, str]
"""Kind, table, model and day of a damage, and what mends it."""

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


def verified(folder: Path) -> Verification:
    with at_home(folder):
        settings = Settings.load(folder / "forecast.yaml")
        return verify(settings, open_store(settings))


def at(place: int) -> date:
    """The session of a place, counted from the first cutoff, or from the newest if negative."""
    return date.fromisoformat(SESSIONS[FIRST + place if place >= 0 else place])


def freed(table: str) -> str:
    """The statements that let a table take any row."""
    return (
        f"CREATE TABLE {table}_free AS FROM {table}; DROP TABLE {table};"
        f" ALTER TABLE {table}_free RENAME TO {table.partition('.')[2]}"
    )


PATHS, POINTS, LEDGER = "forecast.distributions", "forecast.point_estimates", "forecast.forecasts"
MODELS, LOG = "forecast.trained_models", "forecast.publication_log"
SCORES, PATH_SCORES = "forecast.scores", "forecast.path_scores"
NUMBERS, OLD = "forecast.published_outlooks", "forecast.superseded_forecasts"
OLD_POINTS = "forecast.superseded_point_forecasts"
REVISIONS, FEATURES = "market.price_revisions", "market.features"
BOARD = "forecast.leaderboard"

TRAINED = date(2020, 1, 1)


@dataclass(frozen=True)
class Case:
    """One damage: statements in SQL, and all that is found of it.

    ``found``: kind and table of each, about the model and ``day``; ``mended_by``: what mends all.
    """

    name: str
    sql: str
    found: Sequence[tuple[str, str]]
    day: date | None = None
    model: str = "naive"
    mended_by: str = BACKUP
    also: Sequence[Key] = ()

    @property
    def keys(self) -> list[Key]:
        """What is to be found; ``also``: what else it does to other rows."""
        mine = [
            (kind, f"commodity.{table}", self.model, self.day, self.mended_by)
            for kind, table in self.found
        ]
        return [*mine, *self.also]


def case(
    name: str, place: int, sql: str, *found: tuple[str, str], model: str = "naive", mend: str = ""
) -> Case:
    """Damage to the forecast from the session of a place."""
    mine = f"model_name = '{model}' AND data_cutoff_date = '{at(place)}'"
    drawn = all(table in (PATHS, POINTS) for _, table in found)
    way = mend or (RESTORED if drawn else BACKUP)
    return Case(name, sql.format(mine=mine), found, at(place), model, way)


def update(table: str, change: str, more: str = "TRUE") -> str:
    return f"UPDATE {table} SET {change} WHERE {{mine}} AND {more};"


def delete(table: str, more: str = "TRUE") -> str:
    return f"DELETE FROM {table} WHERE {{mine}} AND {more};"


def twice(table: str, more: str = "TRUE") -> str:
    return f"INSERT INTO {table} FROM {table} WHERE {{mine}} AND {more};"


OF_PATHS = [
    case("a deleted path", 1, delete(PATHS, "path_id = 7"), ("wrong number of paths", PATHS)),
    case("a path twice", 2, twice(PATHS, "path_id = 7"), ("wrong number of paths", PATHS)),
    case(
        "a path in place of another",
        3,
        update(PATHS, "path_id = 8", "path_id = 7"),
        ("repeated path", PATHS),
    ),
    case(
        "a path with another number",
        4,
        update(PATHS, "path_id = 21", "path_id = 20"),
        ("wrong number of paths", PATHS),
    ),
    case("no path at all", 5, delete(PATHS, "path_id > 0"), ("no paths", PATHS)),
    case(
        "a changed float",
        6,
        update(PATHS, "day_2 = day_2 * 1.0000002", "path_id = 7"),
        ("points of other paths", POINTS),
    ),
    case(
        "a missing price",
        7,
        update(PATHS, "day_3 = NULL", "path_id = 7"),
        ("broken rule", PATHS),
    ),
    case(
        "a price that is no number",
        8,
        update(PATHS, "day_3 = 'nan'", "path_id = 7"),
        ("not a number", PATHS),
    ),
    case(
        "an infinite price",
        9,
        update(PATHS, "day_3 = 'infinity'", "path_id = 7"),
        ("not a number", PATHS),
        ("price beyond reason", PATHS),
    ),
    case(
        "a price of another scale",
        10,
        update(PATHS, "day_1 = 1e6", "path_id = 7"),
        ("price beyond reason", PATHS),
        ("points of other paths", POINTS),
    ),
    case(
        "paths of another training date",
        11,
        update(PATHS, "training_date = '2019-10-01'", "path_id > 0"),
        ("paths of another forecast", PATHS),
    ),
    case(
        "paths of a flag",
        12,
        update(PATHS, "has_data_leakage = TRUE", "path_id > 0"),
        ("paths of another forecast", PATHS),
        ("broken rule", PATHS),
    ),
    case("no outcome", 13, delete(PATHS, "path_id = 0"), ("no outcome", PATHS), mend=RUN),
    case(
        "another outcome",
        14,
        update(PATHS, "day_1 = day_1 + 1", "path_id = 0"),
        ("wrong outcome", PATHS),
        mend=RUN,
    ),
    case("two outcomes", 15, twice(PATHS, "path_id = 0"), ("several outcomes", PATHS)),
    case(
        "an outcome that is not marked",
        16,
        update(PATHS, "is_actuals = FALSE", "path_id = 0"),
        ("outcome of other flags", PATHS),
    ),
    case(
        "changed points",
        17,
        update(POINTS, "lower_80 = lower_80 + 1e-6", "day_ahead = 2"),
        ("points of other paths", POINTS),
    ),
    case("a point that is gone", 22, delete(POINTS, "day_ahead = 2"), ("missing points", POINTS)),
    case(
        "a point twice",
        20,
        twice(POINTS, "day_ahead = 2"),
        ("missing points", POINTS),
        ("repeated row", POINTS),
    ),
    case(
        "paths in each other's places",
        19,
        update(PATHS, "path_id = 3 - path_id", "path_id IN (1, 2)"),
        ("not as drawn again", PATHS),
    ),
    Case(
        "paths and points of no forecast",
        "".join(
            f"INSERT INTO {table} SELECT * REPLACE (DATE '2020-01-04' AS data_cutoff_date)"
            f" FROM {table} WHERE model_name = 'naive' AND data_cutoff_date = '{at(21)}';"
            for table in (PATHS, POINTS)
        ),
        [("paths of no forecast", PATHS), ("points of no forecast", POINTS)],
        date(2020, 1, 4),
    ),
    case(
        "a forecast that the ledger lost",
        -1,
        delete(LEDGER),
        ("paths of no forecast", PATHS),
        ("points of no forecast", POINTS),
        mend=f"{RUN} --from {at(-1)} --to {at(-1)}",
    ),
]
"""Damage to paths and to what was written with them."""

OF_ROWS = [
    case(
        "other names",
        1,
        update(LEDGER, "model_id = 'another'"),
        ("forecast of other names", LEDGER),
        ("paths of another forecast", PATHS),
    ),
    Case(
        "a start before the cutoff",
        "".join(
            f"UPDATE {table} SET forecast_start_date = data_cutoff_date"
            f" WHERE model_name = 'naive' AND data_cutoff_date = '{at(2)}';"
            for table in (LEDGER, PATHS)
        ),
        [("look-ahead", LEDGER)],
        at(2),
        mended_by=RUN,
        also=[("broken rule", f"commodity.{PATHS}", "naive", at(2), RESTORED)],
    ),
    case(
        "another history",
        3,
        update(LEDGER, "history_fingerprint = repeat('0', 64)"),
        ("other history", LEDGER),
    ),
    case(
        "drawn before its prices came",
        4,
        update(LEDGER, "generation_timestamp = '2020-01-01'")
        + update(PATHS, "generation_timestamp = '2020-01-01'", "path_id > 0"),
        ("other history", LEDGER),
    ),
    case(
        "a payload that no model has",
        5,
        update(LEDGER, "payload_sha256 = repeat('0', 64)"),
        ("unknown model", LEDGER),
    ),
    case(
        "a changed score",
        0,
        update(SCORES, "crps = crps * 1.001", "day_ahead = 2"),
        ("scores of other paths", SCORES),
    ),
    case(
        "a changed score of a path",
        37,
        update(PATH_SCORES, "energy_score = energy_score * 1.001"),
        ("scores of other paths", PATH_SCORES),
    ),
    case(
        "a score by another close",
        6,
        update(SCORES, "actual = actual * 1.001", "day_ahead = 2"),
        ("scores of other closes", SCORES),
        mend=RUN,
    ),
    case(
        "a score that is gone",
        7,
        delete(SCORES, "day_ahead = 2"),
        ("missing scores", SCORES),
        mend=RUN,
    ),
    case(
        "a score of a path that is gone",
        8,
        delete(PATH_SCORES, "horizon = 3"),
        ("missing scores", PATH_SCORES),
    ),
    Case(
        "scores of no forecast",
        "".join(
            f"INSERT INTO {table} SELECT * REPLACE (DATE '2020-01-04' AS data_cutoff_date)"
            f" FROM {table} WHERE model_name = 'naive' AND data_cutoff_date = '{at(21)}';"
            for table in (SCORES, PATH_SCORES)
        ),
        [("scores of no forecast", SCORES), ("scores of no forecast", PATH_SCORES)],
        date(2020, 1, 4),
        mended_by=RUN,
    ),
    case(
        "a revision without the one before it",
        -1,
        update(OLD, "revision = 2") + update(OLD_POINTS, "revision = 2"),
        ("gap in revisions", OLD),
    ),
    case(
        "replaced before it was drawn",
        -1,
        update(OLD, "superseded_at = '2020-01-01'"),
        ("superseded before it was issued", OLD),
        model="ensemble",
    ),
    case(
        "superseded points that are gone",
        -1,
        delete(OLD_POINTS, "day_ahead = 1"),
        ("superseded points", OLD_POINTS),
        model="random_walk",
    ),
    case(
        "an entry that is gone",
        -1,
        delete(LOG, "entry = 1") + delete(NUMBERS, "entry = 1"),
        ("gap in entries", LOG),
        model="random_walk",
    ),
    case(
        "a publication of no forecast",
        9,
        update(LOG, "generation_timestamp = '2020-01-01'"),
        ("publication of no forecast", LOG),
        model="random_walk",
    ),
    case(
        "numbers of a page that are gone",
        10,
        delete(NUMBERS),
        ("missing outlooks", NUMBERS),
        model="random_walk",
    ),
    case(
        "a changed number of a page",
        11,
        update(NUMBERS, "value_at_risk = value_at_risk * 1.000001"),
        ("other outlooks", NUMBERS),
        model="random_walk",
    ),
    case(
        "numbers of no entry",
        12,
        update(NUMBERS, "entry = 2"),
        ("missing outlooks", NUMBERS),
        ("outlooks of no entry", NUMBERS),
        model="random_walk",
    ),
    Case(
        "a leaderboard of other scores",
        f"UPDATE {BOARD} SET crps = crps * 1.001 WHERE commodity = 'Coffee' AND place = 1;",
        [("other leaderboard", BOARD)],
        model="random_walk",
        mended_by="forecast report",
        also=[
            ("other leaderboard", f"commodity.{BOARD}", name, None, "forecast report")
            for name in ("naive", "naive", "ensemble", "ensemble", "random_walk")
        ],  # the scores that were changed count over all commodities, and for the others' skill
    ),
]
"""Damage to the ledger, scores and publications."""

OF_MARKET = [
    Case(
        "a covariate that a session lacks",
        f"DELETE FROM {FEATURES} WHERE date = '{at(3)}';",
        [("session without covariate", FEATURES)],
        at(3),
        model="",
        mended_by=RUN,
    ),
    Case(
        "a covariate from the future",
        f"UPDATE {FEATURES} SET observed_on = '2021-01-01' WHERE date = '{at(4)}';",
        [("broken rule", FEATURES)],
        at(4),
        model="",
    ),
    Case(
        "a price's first revision that is gone",
        f"UPDATE {REVISIONS} SET revision = 2 WHERE date = '{at(5)}';",
        [("gap in revisions", REVISIONS)],
        at(5),
        model="",
    ),
    Case(
        "a revision before the first",
        f"UPDATE {REVISIONS} SET ingested_at = '2019-01-01'"
        f" WHERE date = '{at(-1)}' AND revision = 2;",
        [("revisions out of order", REVISIONS)],
        at(-1),
        model="",
        also=[
            ("other history", f"commodity.{OLD}", name, at(-1), BACKUP)
            for name in ("naive", "random_walk", "ensemble")
        ],
    ),
    Case(
        "a close that is no number",
        f"UPDATE {REVISIONS} SET high = 'nan' WHERE date = '{at(6)}';",
        [("not a number", REVISIONS)],
        at(6),
        model="",
    ),
]
"""Damage to prices and covariates."""

OF_MODELS = [
    Case(
        "a changed payload",
        f"UPDATE {MODELS} SET fitted_model_json = replace(fitted_model_json::VARCHAR, '0.94',"
        " '0.95') WHERE model_name = 'naive';",
        [("changed payload", MODELS)],
        TRAINED,
        mended_by=TRAIN,
    ),
    Case(
        "a payload of another model",
        f"UPDATE {MODELS} SET fitted_model_json = other.fitted_model_json,"
        " payload_sha256 = other.payload_sha256, model_size_bytes = other.model_size_bytes"
        f" FROM (FROM {MODELS} WHERE model_name = 'random_walk') AS other"
        f" WHERE {MODELS.partition('.')[2]}.model_name = 'naive';",
        [("payload cannot be rebuilt", MODELS)],
        TRAINED,
    ),
    Case(
        "two active models",
        f"INSERT INTO {MODELS} SELECT * REPLACE (created_at + INTERVAL 1 DAY AS created_at)"
        f" FROM {MODELS} WHERE model_name = 'naive';",
        [("several active models", MODELS)],
        TRAINED,
    ),
    Case(
        "no active model",
        f"UPDATE {MODELS} SET is_active = FALSE WHERE model_name = 'naive';",
        [("no active model", MODELS)],
        TRAINED,
        mended_by=TRAIN,
    ),
    Case(
        "a model of another month",
        f"UPDATE {MODELS} SET month = 7 WHERE model_name = 'naive';",
        [("model of other names", MODELS)],
        TRAINED,
    ),
    Case(
        "a model that saw its window",
        f"UPDATE {MODELS} SET training_end_date = '2020-01-01' WHERE model_name = 'naive';",
        [("trained too late", MODELS)],
        TRAINED,
    ),
    Case(
        "an artifact that is gone",
        "",
        [("missing artifact", MODELS)],
        TRAINED,
        model="ensemble",
        mended_by=TRAIN,
    ),
    Case(
        "an artifact with another byte",
        " ",
        [("changed payload", MODELS)],
        TRAINED,
        model="ensemble",
        mended_by=TRAIN,
    ),
]
"""Damage to models; the last two are done to the file of one."""


def execute(folder: Path, cases: Sequence[Case], *, unruled: bool = True) -> None:
    """Do damage to the tables; ``unruled``: which are made to take any row before."""
    with duckdb.connect(folder / "home" / "commodity.duckdb") as connection:
        for name in {table for each in cases for table in TABLES if table in each.sql and unruled}:
            connection.execute(freed(name))
        for each in cases:
            connection.execute(each.sql)


TABLES = (
    *(PATHS, POINTS, LEDGER, MODELS, LOG, SCORES, PATH_SCORES, NUMBERS, OLD, OLD_POINTS),
    *(REVISIONS, FEATURES, BOARD),
)


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
    assert {way for *_, way in keys_of(verified(folder).damages)} == {RESTORED}
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

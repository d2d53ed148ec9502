"""What programs read: arrays and frames, as docs/reading.md shows them, beside the SQL."""

import ast
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecast_assets.errors import ModelNotFound, StoreError, StoreLocked
from forecast_assets.store.contract import Condition, Store
from forecast_assets.store.opening import open_tables
from forecast_assets.store.paths import Paths
from forecast_assets.store.reader import Reader
from forecast_assets.timeline.history import Dates
from forecast_assets_tests.graphs import ROOT
from forecast_assets_tests.histories import closes
from forecast_assets_tests.rows import add, append, change, keep, table

PAGE = (ROOT / "docs" / "reading.md").read_text()
AT = datetime(2018, 12, 29, tzinfo=UTC).replace(tzinfo=None)
HORIZON, N_PATHS = 14, 37
SESSIONS = np.busday_offset("2018-10-01", np.arange(65), roll="forward")
CLOSES = closes(len(SESSIONS)).astype(np.float32).astype(np.float64)
MODELS = (("garch", "v1.0"), ("naive", "v1.0"), ("naive", "experiment_1"))
FIRST_ORIGIN = 20
SWITCH = "2018-12-14"
"""Up to this cutoff naive is published, later garch."""


def paths_of(name: str, version: str) -> np.ndarray:
    """Float32, shape (n_cutoffs, n_paths, horizon)."""
    rng = np.random.default_rng(len(name) + len(version))
    moves = rng.normal(0, 0.02, (len(SESSIONS) - FIRST_ORIGIN, N_PATHS, HORIZON)).cumsum(axis=2)
    drawn: np.ndarray = CLOSES[FIRST_ORIGIN:, None, None] * np.exp(moves)
    return drawn.astype(np.float32)


def outcomes() -> np.ndarray:
    """Float32, shape (n_cutoffs, horizon), NaN for a session that has not happened."""
    after = np.append(CLOSES, np.full(HORIZON, np.nan))
    places = np.arange(FIRST_ORIGIN, len(SESSIONS))[:, None] + np.arange(1, HORIZON + 1)
    happened: np.ndarray = after[places].astype(np.float32)
    return happened


def cutoffs_and_starts() -> tuple[Dates, Dates]:
    return SESSIONS[FIRST_ORIGIN:], np.busday_offset(SESSIONS[FIRST_ORIGIN:], 1)


def insert(store: Store, table: str, columns: dict[str, Any], **constants: Any) -> None:
    """Append rows that have some columns, and others that are the same in each."""
    rows = pa.table(columns)
    for name, value in constants.items():
        rows = rows.append_column(name, pa.array([value] * len(rows)))
    append(store, table, rows)


def insert_model(store: Store, name: str, version: str) -> None:
    model = {"commodity": "WTI", "model_name": name, "model_version": version}
    cutoffs, starts = cutoffs_and_starts()
    drawn = np.concatenate([outcomes()[:, None], paths_of(name, version)], axis=1)
    n_rows = len(cutoffs) * (1 + N_PATHS)
    shuffled = np.random.default_rng(1).permutation(n_rows)
    path_ids = np.tile(np.arange(1 + N_PATHS, dtype=np.int32), len(cutoffs))[shuffled]
    rows = {
        "path_id": path_ids,
        "data_cutoff_date": np.repeat(cutoffs, 1 + N_PATHS)[shuffled],
        "forecast_start_date": np.repeat(starts, 1 + N_PATHS)[shuffled],
        "is_actuals": path_ids == 0,
    }
    prices = drawn.reshape(n_rows, HORIZON)[shuffled]
    rows |= {f"day_{k + 1}": pa.array(prices[:, k], from_pandas=True) for k in range(HORIZON)}
    made = {"model_id": "m", "training_date": date(2018, 7, 1), "generation_timestamp": AT}
    insert(store, "forecast.distributions", rows, has_data_leakage=False, **made, **model)
    ledger: dict[str, Any] = {"data_cutoff_date": cutoffs, "forecast_start_date": starts}
    ledger["cutoff_close"] = CLOSES[FIRST_ORIGIN:]
    hashes = {"payload_sha256": "p", "history_fingerprint": "h", "created_by": "run"}
    insert(
        store,
        "forecast.forecasts",
        ledger,
        n_paths=N_PATHS,
        issued_at=AT,
        **made,
        **hashes,
        **model,
    )
    insert_points(store, name, version)
    insert_scores(store, model)


def insert_points(store: Store, name: str, version: str) -> None:
    drawn = paths_of(name, version).astype(np.float64)
    cutoffs, _ = cutoffs_and_starts()
    levels = {"median": 0.5, "lower_95": 0.025, "lower_80": 0.1, "lower_50": 0.25}
    levels |= {"upper_50": 0.75, "upper_80": 0.9, "upper_95": 0.975}
    columns = {
        "data_cutoff_date": np.repeat(cutoffs, HORIZON),
        "day_ahead": np.tile(np.arange(1, HORIZON + 1, dtype=np.int32), len(cutoffs)),
        "mean": drawn.mean(axis=1).reshape(-1),
        "standard_deviation": drawn.std(axis=1, ddof=1).reshape(-1),
    }
    columns |= {
        column: np.quantile(drawn, level, axis=1).reshape(-1) for column, level in levels.items()
    }
    model = {"commodity": "WTI", "model_name": name, "model_version": version}
    insert(store, "forecast.point_estimates", columns, **model)


def insert_scores(store: Store, model: dict[str, str]) -> None:
    cutoffs, starts = cutoffs_and_starts()
    forecasts, days = np.nonzero(np.isfinite(outcomes()))
    errors = ("absolute_error", "squared_error", "absolute_percentage_error", "pinball_loss")
    common: dict[str, Any] = dict.fromkeys((*errors, "crps", "log_score"), 1.5)
    common |= {"width_80": 2.0, "width_95": 3.0, "pit": 0.25, "training_date": date(2018, 7, 1)}
    common |= {"scored_at": AT, "created_by": "run"}
    columns = {
        "data_cutoff_date": cutoffs[forecasts],
        "forecast_start_date": starts[forecasts],
        "day_ahead": days.astype(np.int32) + 1,
        "session": SESSIONS[FIRST_ORIGIN + forecasts + days + 1],
        "cutoff_close": CLOSES[FIRST_ORIGIN + forecasts],
        "actual": outcomes()[forecasts, days].astype(np.float64),
    }
    made = {"covered_80": True, "covered_95": True, "generation_timestamp": AT}
    insert(store, "forecast.scores", columns, **made, **common, **model)
    whole = np.isfinite(outcomes()).all(axis=1)
    columns = {
        "data_cutoff_date": cutoffs[whole],
        "forecast_start_date": starts[whole],
        "last_session": SESSIONS[FIRST_ORIGIN + HORIZON :][: whole.sum()],
    }
    sums = {"energy_score": 4.0, "variogram_score": 5.0, "directional_accuracy": 0.5}
    sums |= {"horizon": HORIZON, "covered_80": 0.8, "covered_95": 1.0}
    insert(store, "forecast.path_scores", columns, **sums, **common, **model)


def insert_choices(store: Store) -> None:
    cutoffs, _ = cutoffs_and_starts()
    names = np.where(cutoffs <= np.datetime64(SWITCH), "naive", "garch").tolist()
    columns = {"data_cutoff_date": cutoffs, "model_name": names}
    made = {"reason": "the best skill", "published_at": AT, "created_by": "run"}
    made |= {"commodity": "WTI", "model_version": "v1.0"}
    insert(store, "forecast.publication_log", columns, entry=1, is_published=True, **made)
    ranks = {"commodity": ["WTI", "WTI", "(all)"], "model_name": ["naive", "garch", "garch"]}
    numbers = dict.fromkeys(("coverage_80", "coverage_error_80"), 0.1)
    numbers |= dict.fromkeys(("coverage_95", "coverage_error_95", "training_seconds"), 0.2)
    insert(
        store,
        "forecast.leaderboard",
        ranks | {"place": [2, 1, 1]},
        model_version="v1.0",
        forecasts=30,
        effective_forecasts=3,
        undefined_forecasts=0,
        models_trained=1,
        first_forecast=date(2018, 10, 30),
        last_forecast=date(2018, 12, 31),
        calibration="too few",
        dm_verdict="too few",
        created_at=AT,
        created_by="run",
        **numbers,
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tables of this release and rows in them, in no order."""
    path = tmp_path_factory.mktemp("home") / "commodity.duckdb"
    store = open_tables(str(path), HORIZON, "512MB", 5)
    columns = {"date": SESSIONS, "close": CLOSES}
    prices = {"source": "s", "revision": 1, "ingested_at": AT, "ingested_by": "run"}
    for commodity in ("WTI", "Gold"):
        insert(store, "market.price_revisions", columns, commodity=commodity, **prices)
    for name, version in MODELS:
        insert_model(store, name, version)
    insert_choices(store)
    return path


@pytest.fixture
def reader(database: Path) -> Reader:
    return Reader(database, lock_timeout_seconds=0.2)


def blocks() -> list[tuple[str, str]]:
    """(language, text) of every code block of the page, in order."""
    return re.findall(r"^```(python|sql)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def executed(text: str, names: dict[str, Any]) -> Any:
    """Run a Python block; return the value of its last line if that is an expression."""
    tree = ast.parse(text)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "reading.md", "exec"), names)  # noqa: S102 - our own page
        return None
    exec(compile(ast.Module(tree.body[:-1], []), "reading.md", "exec"), names)  # noqa: S102
    return eval(compile(ast.Expression(last.value), "reading.md", "eval"), names)  # noqa: S307


def test_every_example_of_the_page_runs_and_python_and_sql_give_the_same(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(database.parent))
    names: dict[str, Any] = {}
    value, twins, alone = None, 0, 0
    for language, text in blocks():
        if language == "python":
            value = executed(text, names)
            continue
        with duckdb.connect(database, read_only=True) as connection:
            answer = connection.sql(text).df()
        assert len(answer) > 0, text
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, answer, check_dtype=False, rtol=1e-9)
            twins += 1
        else:
            alone += 1
        value = None
    assert (twins, alone) == (12, 3)


def test_the_page_shows_every_method() -> None:
    methods = [name for name in vars(Reader) if not name.startswith("_")]
    public = {name for name in methods if callable(getattr(Reader, name))}
    code = "".join(text for language, text in blocks() if language == "python")
    assert {name for name in public if f".{name}(" not in code} == set()


def test_paths_are_those_that_were_written_in_the_order_of_dates_and_path_ids(
    reader: Reader,
) -> None:
    paths = reader.paths("WTI", "garch")
    cutoffs, starts = cutoffs_and_starts()
    assert (paths.commodity, paths.model_name, paths.model_version) == ("WTI", "garch", "v1.0")
    assert paths.cutoffs.dtype == paths.starts.dtype == np.dtype("datetime64[D]")
    assert paths.prices.dtype == paths.actuals.dtype == np.float32
    np.testing.assert_array_equal(paths.cutoffs, cutoffs)
    np.testing.assert_array_equal(paths.starts, starts)
    np.testing.assert_array_equal(paths.prices, paths_of("garch", "v1.0"))
    np.testing.assert_array_equal(paths.actuals, outcomes())
    assert np.isnan(paths.actuals[-1]).all()
    assert len(paths) == len(cutoffs)


def test_closes_are_those_that_the_paths_were_drawn_from(database: Path, tmp_path: Path) -> None:
    copied = tmp_path / "commodity.duckdb"
    shutil.copyfile(database, copied)
    drawn_from = CLOSES[FIRST_ORIGIN:]
    store = open_tables(str(copied), HORIZON, "512MB", 5)
    for place in (-1, -4):  # revised after everything was drawn
        of_wti: Condition = ("commodity", "=", "WTI")
        that_day: Condition = ("date", "=", SESSIONS[place].item())
        (told,) = table(store, "market.price_revisions", where=[of_wti, that_day]).to_pylist()
        later = {"revision": 2, "close": told["close"] + 9, "ingested_at": AT + timedelta(hours=1)}
        add(store, "market.price_revisions", [told | later])
    reader = Reader(copied, lock_timeout_seconds=0.2)
    np.testing.assert_array_equal(reader.paths("WTI", "garch").closes, drawn_from)
    revised = reader.revised_forecasts("WTI", "garch")
    assert revised["revised_sessions"].tolist() == [1, 1, 1, 2]
    (newest,) = reader.newest_published("WTI")
    assert newest.closes.tolist() == [drawn_from[-1]]
    change(store, "forecast.forecasts", lambda row: {"cutoff_close": None})  # of an older release
    np.testing.assert_array_equal(reader.paths("WTI", "garch").closes, drawn_from)
    with duckdb.connect(copied) as connection:  # as it made the table
        connection.execute("ALTER TABLE forecast.forecasts DROP COLUMN cutoff_close")
    np.testing.assert_array_equal(reader.paths("WTI", "garch").closes, drawn_from)
    keep(store, "market.price_revisions", lambda row: False)
    assert np.isnan(reader.paths("WTI", "garch").closes).all()


def test_bounds_are_first_sessions_and_both_included_in_any_form(reader: Reader) -> None:
    _, starts = cutoffs_and_starts()
    for first, last in (
        (str(starts[3]), str(starts[7])),
        (starts[3].item(), starts[7].item()),
        (starts[3], starts[7]),
        (pd.Timestamp(starts[3]), pd.Timestamp(starts[7])),
    ):
        paths = reader.paths("WTI", "naive", "v1.0", first, last)
        np.testing.assert_array_equal(paths.starts, starts[3:8])
        np.testing.assert_array_equal(paths.prices, paths_of("naive", "v1.0")[3:8])
    assert len(reader.paths("WTI", "garch", last=starts[0])) == 1
    assert len(reader.scores("WTI", "garch", first=starts[3], last=starts[3])) == HORIZON
    assert len(reader.actuals("WTI", first=starts[-2])) == 2


def test_what_is_published_has_each_model_on_its_dates_only(reader: Reader) -> None:
    cutoffs, starts = cutoffs_and_starts()
    late = cutoffs > np.datetime64(SWITCH)
    garch, naive = reader.published("WTI")
    assert (garch.model_name, naive.model_name) == ("garch", "naive")
    np.testing.assert_array_equal(garch.cutoffs, cutoffs[late])
    np.testing.assert_array_equal(naive.cutoffs, cutoffs[~late])
    np.testing.assert_array_equal(garch.prices, paths_of("garch", "v1.0")[late])
    np.testing.assert_array_equal(naive.prices, paths_of("naive", "v1.0")[~late])
    (only,) = reader.published("WTI", last=starts[2])
    assert (only.model_name, len(only)) == ("naive", 3)
    assert reader.published("WTI", first="2030-01-01") == []


def test_the_newest_published_forecast_has_one_date(reader: Reader) -> None:
    (newest,) = reader.newest_published("WTI")
    assert isinstance(newest, Paths)
    assert newest.model_name == "garch"
    np.testing.assert_array_equal(newest.cutoffs, SESSIONS[-1:])
    np.testing.assert_array_equal(newest.prices, paths_of("garch", "v1.0")[-1:])


def test_actuals_are_one_row_a_date_though_several_models_have_it(reader: Reader) -> None:
    actuals = reader.actuals("WTI")
    days = actuals[[f"day_{k}" for k in range(1, HORIZON + 1)]].to_numpy()
    np.testing.assert_array_equal(days, outcomes())


def test_point_forecasts_have_what_happened_beside_them(reader: Reader) -> None:
    points = reader.point_forecasts("WTI", "garch")
    assert len(points) == len(SESSIONS[FIRST_ORIGIN:]) * HORIZON
    np.testing.assert_array_equal(
        points["actual"].to_numpy(dtype=np.float64, na_value=np.nan).reshape(-1, HORIZON),
        outcomes().astype(np.float64),
    )
    medians = np.median(paths_of("garch", "v1.0").astype(np.float64), axis=1)
    np.testing.assert_allclose(points["median"].to_numpy().reshape(-1, HORIZON), medians)


def test_frames_hold_every_model_and_version_unless_they_are_named(reader: Reader) -> None:
    for method in (reader.point_forecasts, reader.scores, reader.path_scores):
        every = method("WTI")
        found = every[["model_name", "model_version"]].drop_duplicates()
        assert set(found.itertuples(index=False, name=None)) == set(MODELS)
        one = method("WTI", "naive", "experiment_1")
        assert len(one) * len(MODELS) == len(every)
        assert set(one["model_version"]) == {"experiment_1"}


def test_history_has_the_closes_of_the_prices_table(reader: Reader) -> None:
    history = reader.prices("Gold")
    np.testing.assert_array_equal(history.dates, SESSIONS)
    np.testing.assert_array_equal(history.closes, CLOSES)


def test_a_name_that_is_not_there_is_told_those_that_are(reader: Reader) -> None:
    with pytest.raises(ModelNotFound, match=r"no forecasts of commodity 'Cofee'.* WTI$"):
        reader.paths("Cofee", "garch")
    with pytest.raises(ModelNotFound, match=r"WTI: .*model_name 'arima'.* garch, naive$"):
        reader.scores("WTI", "arima")
    with pytest.raises(ModelNotFound, match=r"WTI: garch: .*model_version 'v9'.* v1\.0$"):
        reader.point_forecasts("WTI", "garch", "v9")
    with pytest.raises(ModelNotFound, match=r"several versions.* experiment_1, v1\.0$"):
        reader.paths("WTI", "naive")
    with pytest.raises(ModelNotFound, match=r"no prices of 'Silver'; there are: Gold, WTI$"):
        reader.prices("Silver")
    with pytest.raises(ModelNotFound, match="no forecast starts from 2030-01-01"):
        reader.paths("WTI", "garch", first="2030-01-01")
    for by_commodity in (
        reader.published,
        reader.newest_published,
        reader.actuals,
        reader.publications,
    ):
        with pytest.raises(ModelNotFound, match="there are: WTI"):
            by_commodity("Gold")


def test_a_name_is_never_part_of_a_statement(reader: Reader) -> None:
    with pytest.raises(ModelNotFound):
        reader.paths("WTI' OR '1' = '1", "garch")
    with pytest.raises(ModelNotFound):
        reader.point_forecasts("WTI", "garch'; DROP TABLE forecast.forecasts; --")


DAMAGED = date(2018, 12, 14)


def is_path(row: dict[str, Any], path_id: int) -> bool:
    return (row["path_id"], row["data_cutoff_date"]) == (path_id, DAMAGED)


@pytest.mark.parametrize("lacking", [0, 5])
def test_forecasts_that_lack_a_path_are_refused(
    database: Path, tmp_path: Path, lacking: int
) -> None:
    copy, store = copied_to(tmp_path, database)
    keep(store, "forecast.distributions", lambda row: not is_path(row, lacking))
    with pytest.raises(StoreError, match="not whole"):
        Reader(copy).paths("WTI", "garch")


def test_forecasts_that_have_a_path_twice_are_refused(database: Path, tmp_path: Path) -> None:
    copy, store = copied_to(tmp_path, database)
    change(store, "forecast.distributions", lambda row: {"path_id": 6} if is_path(row, 5) else {})
    with pytest.raises(StoreError, match="not whole"):
        Reader(copy).paths("WTI", "garch")


def test_forecasts_of_different_numbers_of_paths_are_refused(
    database: Path, tmp_path: Path
) -> None:
    copy, store = copied_to(tmp_path, database)
    more = {"n_paths": 99}
    change(
        store,
        "forecast.forecasts",
        lambda row: more if row["data_cutoff_date"] == DAMAGED else {},
    )
    with pytest.raises(StoreError, match="forecasts of 37 and 99 paths"):
        Reader(copy).paths("WTI", "garch")


def test_paths_that_the_ledger_does_not_name_are_no_forecast(
    database: Path, tmp_path: Path
) -> None:
    copy, store = copied_to(tmp_path, database)
    keep(store, "forecast.forecasts", lambda row: row["data_cutoff_date"] != DAMAGED)
    paths = Reader(copy).paths("WTI", "garch")
    named = cutoffs_and_starts()[0] != np.datetime64(DAMAGED)
    np.testing.assert_array_equal(paths.cutoffs, cutoffs_and_starts()[0][named])
    np.testing.assert_array_equal(paths.prices, paths_of("garch", "v1.0")[named])


def copied_to(folder: Path, database: Path) -> tuple[Path, Store]:
    """A copy of a file, to be damaged, and its tables."""
    copy = folder / "commodity.duckdb"
    copy.write_bytes(database.read_bytes())
    return copy, open_tables(str(copy), HORIZON, "512MB", 5)


def test_a_file_that_is_missing_is_said_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none" / "commodity.duckdb"
    with pytest.raises(StoreError, match=r"commodity\.duckdb: there is no such file.*forecast run"):
        Reader(path).models()
    assert not path.parent.exists()


def test_a_file_of_another_kind_is_left_as_it_is(tmp_path: Path) -> None:
    text, empty = tmp_path / "text.duckdb", tmp_path / "empty.duckdb"
    text.write_text("no database at all" * 1000)
    duckdb.connect(empty).close()
    with pytest.raises(StoreError, match=r"text\.duckdb"):
        Reader(text).models()
    before = empty.read_bytes()
    with pytest.raises(StoreError, match=r"a table is missing.*forecast run"):
        Reader(empty).leaderboard()
    assert empty.read_bytes() == before


def test_a_file_that_another_process_writes_is_waited_for_and_named(reader: Reader) -> None:
    program = (
        f"import duckdb; held = duckdb.connect({str(reader.database)!r});"
        " print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"1\n"
        with pytest.raises(StoreLocked, match=r"commodity\.duckdb"):
            reader.models()
        writer.communicate(b"\n")
    assert len(reader.models()) == len(MODELS)


def test_the_reader_of_the_configuration_reads_its_file(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(database.parent))
    assert Reader.of_configuration().database == database


def test_reading_imports_no_dagster() -> None:
    program = "import sys, forecast_assets.store.reader; print('dagster' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"

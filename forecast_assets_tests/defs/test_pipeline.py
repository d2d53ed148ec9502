"""The main job on the embedded sample: real prices, two windows, everything as configured."""

from pathlib import Path

import duckdb
import pytest
import yaml
from dagster import AssetKey, DagsterInstance
from typer.testing import CliRunner

from forecast_assets.cli import app
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets_tests.beginnings import at_home
from forecast_assets_tests.graphs import QUIET, ROOT, Graph
from forecast_assets_tests.quick import drawn_pictures

pytestmark = pytest.mark.long

CONFIGURATION = ROOT / "forecast.yaml"
DAY = "2018-07-01"
SESSIONS = {"Gold": 126, "WTI": 124}
LAST = "Gold"
"""The command makes its forecasts after all of the other's."""

MODEL_NAMES = ("arima_auto", "ensemble", "ets", "garch", "naive", "reverting_volatility")
PATHS = (
    "SELECT commodity, model_name, model_version, forecast_start_date, path_id, data_cutoff_date,"
    " training_date, model_id, COLUMNS('day_.*'), is_actuals, has_data_leakage"
    " FROM commodity.forecast.distributions"
)
LEDGER = "SELECT * FROM commodity.forecast.forecasts"
MODELS = (
    "SELECT * EXCLUDE (created_at, created_by, fit_seconds) FROM commodity.forecast.trained_models"
)


def run(folder: Path, *arguments: str, configuration: Path = CONFIGURATION) -> None:
    """The command of a user, with data and Dagster's history in a folder."""
    with at_home(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_CONFIG", str(configuration))
        span = ["--from", DAY, "--to", DAY]
        result = CliRunner().invoke(app, ["run", *span, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def made_stage_by_stage(folder: Path) -> None:
    """Read the sample that comes last, fit and draw, with runs that make nothing else."""
    with at_home(folder):
        graph = Graph(Settings.load(CONFIGURATION), DagsterInstance.ephemeral(str(folder)))
        assert [*graph.settings.commodities].index(LAST) > 0
        graph.run("load_prices", LAST)
        build_definitions(graph.settings).resolve_job_def("catch_up").execute_in_process(
            instance=graph.instance,
            partition_key=f"{LAST}|{DAY}",
            asset_selection=[AssetKey("trained_models"), AssetKey("distributions")],
            run_config={"loggers": QUIET},
        )


def database(folder: Path) -> Path:
    return folder / "home" / "commodity.duckdb"


def sums(folder: Path, query: str) -> list[tuple[int, int]]:
    """The number of rows, and the sum of their hashes: the same for the same rows in any order."""
    with duckdb.connect(database(folder), read_only=True) as connection:
        return connection.execute(
            f"SELECT count(*), sum(hash(found)::HUGEINT) FROM ({query}) AS found"  # noqa: S608
        ).fetchall()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which both samples are forecast by the command, with its pictures drawn."""
    folder = tmp_path_factory.mktemp("first")
    with drawn_pictures():
        run(folder)
    return folder


def test_two_windows_of_the_sample(first: Path) -> None:
    with duckdb.connect(database(first), read_only=True) as connection:
        leaks = connection.execute(
            "SELECT count(*) FROM commodity.forecast.distributions"
            " WHERE forecast_start_date <= data_cutoff_date OR has_data_leakage"
        ).fetchall()
        sizes = connection.execute(
            "SELECT commodity, model_name, count(DISTINCT forecast_start_date), min(n), max(n),"
            " min(ids) FROM (SELECT commodity, model_name, forecast_start_date, count(*) AS n,"
            " count(DISTINCT path_id) AS ids FROM commodity.forecast.distributions GROUP BY ALL)"
            " GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        holes = connection.execute(
            "SELECT count(*) FROM commodity.forecast.distributions"
            " WHERE NOT is_actuals AND NOT (day_1 > 0 AND day_2 > 0 AND day_7 > 0 AND day_14 > 0)"
        ).fetchall()
    assert leaks == holes == [(0,)]
    assert sizes == [
        (commodity, model, sessions, 2001, 2001, 2001)
        for commodity, sessions in SESSIONS.items()
        for model in MODEL_NAMES
    ]


def test_every_row_is_the_same_elsewhere_without_others_before_it_and_after_further_runs(
    first: Path, tmp_path: Path
) -> None:
    """``first`` is not the same afterwards: this test is the last of it."""
    made_stage_by_stage(tmp_path)
    for query in (PATHS, MODELS):
        mine = f"{query} WHERE commodity = '{LAST}'"
        assert sums(first, mine) == sums(tmp_path, query)
    paths, models = sums(first, PATHS), sums(first, MODELS)
    size = database(first).stat().st_size

    # What is done is not done once more.
    ledger = sums(first, LEDGER)
    run(first)
    assert sums(first, LEDGER) == ledger
    assert database(first).stat().st_size < size + 2_000_000

    # Another version leaves it alone. It has fewer paths, to be quick.
    document = yaml.safe_load(CONFIGURATION.read_text()) | {"paths": 20}
    (tmp_path / "forecast.yaml").write_text(yaml.safe_dump(document))
    version = ["--model-version", "experiment_gdelt_v1"]
    run(first, "--commodity", "Gold", *version, configuration=tmp_path / "forecast.yaml")
    held = " WHERE model_version = 'v1.0'"
    assert (sums(first, PATHS + held), sums(first, MODELS + held)) == (paths, models)
    with duckdb.connect(database(first), read_only=True) as connection:
        counted = connection.execute(
            "SELECT model_version, commodity, count(*) FROM commodity.forecast.distributions"
            " GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    forecasts = {name: len(MODEL_NAMES) * sessions for name, sessions in SESSIONS.items()}
    assert counted == [
        ("experiment_gdelt_v1", "Gold", forecasts["Gold"] * 21),
        *(("v1.0", name, number * 2001) for name, number in forecasts.items()),
    ]

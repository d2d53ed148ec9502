"""The main job on the embedded sample: real prices, two windows, everything as configured."""

import shutil
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from forecast_assets.cli import app
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.graphs import ROOT

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("pictures")]

SPAN = ["--from", "2018-07-01", "--to", "2018-07-01"]
MODEL_NAMES = ("arima_auto", "ensemble", "ets", "garch", "naive", "reverting_volatility")
PATHS = (
    "SELECT commodity, model_name, model_version, forecast_start_date, path_id, data_cutoff_date,"
    " training_date, model_id, COLUMNS('day_.*'), is_actuals, has_data_leakage"
    " FROM commodity.forecast.distributions"
)
MODELS = (
    "SELECT * EXCLUDE (created_at, created_by, fit_seconds) FROM commodity.forecast.trained_models"
)


def run(home: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(ROOT / "forecast.yaml"))
    monkeypatch.setenv("FORECAST_HOME", str(home))
    result = CliRunner().invoke(app, ["run", *SPAN, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def sums(home: Path, query: str) -> list[tuple[int, int]]:
    """The number of rows, and the sum of their hashes: the same for the same rows in any order."""
    with duckdb.connect(home / "commodity.duckdb", read_only=True) as connection:
        return connection.execute(
            f"SELECT count(*), sum(hash(found)::HUGEINT) FROM ({query}) AS found"  # noqa: S608
        ).fetchall()


@pytest.fixture
def first(
    tmp_path: Path, beginnings: Beginnings, pictures: None, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A data folder in which both samples are forecast, made once and copied."""
    beginnings.copy("samples", lambda home: run(home, monkeypatch), tmp_path / "first")
    return tmp_path / "first"


def test_two_windows_of_the_sample(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "again"
    with duckdb.connect(first / "commodity.duckdb", read_only=True) as connection:
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
    sessions = {"Gold": 126, "WTI": 124}
    assert sizes == [
        (commodity, model, sessions[commodity], 2001, 2001, 2001)
        for commodity in ("Gold", "WTI")
        for model in MODEL_NAMES
    ]
    run(again, monkeypatch)
    assert sums(first, PATHS) == sums(again, PATHS)
    assert sums(first, MODELS) == sums(again, MODELS)
    before = (first / "commodity.duckdb").stat().st_size
    run(first, monkeypatch)
    assert sums(first, PATHS) == sums(again, PATHS)
    assert sums(first, MODELS) == sums(again, MODELS)
    assert (first / "commodity.duckdb").stat().st_size < before + 2_000_000


def test_another_version_changes_no_row(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = tmp_path / "both"
    shutil.copytree(first, both)
    run(both, monkeypatch, "--commodity", "Gold", "--model-version", "experiment_gdelt_v1")
    v1 = PATHS + " WHERE model_version = 'v1.0'"
    assert sums(both, v1) == sums(first, v1)
    with duckdb.connect(both / "commodity.duckdb", read_only=True) as connection:
        counted = connection.execute(
            "SELECT model_version, count(*) FROM commodity.forecast.distributions"
            " WHERE commodity = 'Gold' GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    paths = len(MODEL_NAMES) * 126 * 2001
    assert counted == [("experiment_gdelt_v1", paths), ("v1.0", paths)]

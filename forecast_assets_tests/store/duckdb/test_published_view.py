"""What a downstream program, which has DuckDB and nothing of this project, reads by plain SQL."""

import duckdb
import numpy as np
import pytest

from forecast_assets_tests.histories import make_history
from forecast_assets_tests.panel import FIRST, Panel, caught_up, panel

SESSIONS = ", ".join(f"day_{k}" for k in range(1, 15))
COLUMNS = (
    "path_id, forecast_start_date, data_cutoff_date, generation_timestamp, model_version,"
    f" commodity, {SESSIONS}, is_actuals, has_data_leakage"
)
TABLES = ("published_distributions", "distributions")
PATHS = 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    histories = [make_history(560), make_history(550, seed=2, commodity="Sugar")]
    fixed = {"rule": "fixed", "models": ["naive", "random_walk"]}
    models = ["naive", "random_walk", "reverting_volatility"]
    folder = tmp_path_factory.mktemp("published")
    keys = {"horizon": 14, "paths": PATHS, "models": models, "publish": fixed}
    return caught_up(panel(folder, histories, **keys), FIRST)


def test_a_client_gets_every_column_it_asks_for(made: Panel) -> None:
    for table in TABLES:
        rows = made.frame(f"SELECT {COLUMNS} FROM commodity.forecast.{table}")  # noqa: S608
        assert list(rows) == COLUMNS.split(", ")
        assert str(rows.day_1.dtype) == "float32"
        assert str(rows.forecast_start_date.dtype).startswith("datetime64")
        assert rows.is_actuals.dtype == rows.has_data_leakage.dtype == np.bool_
        assert not rows.has_data_leakage.any()
        assert (rows.forecast_start_date > rows.data_cutoff_date).all()


def test_every_forecast_has_its_paths_and_one_row_of_what_happened(made: Panel) -> None:
    keys = ["commodity", "model_version", "forecast_start_date"]
    sessions = {"Coffee": 39, "Sugar": 29}  # forecasts from 2019-12-31 on
    rows = made.frame(
        f"SELECT {COLUMNS} FROM commodity.forecast.published_distributions"  # noqa: S608
    )
    forecasts = rows.groupby(keys)
    assert len(forecasts) == 2 * sum(sessions.values())
    assert sorted(set(rows.model_version)) == ["naive_v1.0", "random_walk_v1.0"]
    for (commodity, _, _), forecast in forecasts:
        assert commodity in sessions
        assert forecast.data_cutoff_date.nunique() == 1
        assert sorted(forecast.path_id) == list(range(PATHS + 1))
        (actuals,) = forecast[forecast.is_actuals].path_id
        assert actuals == 0
    drawn = rows[~rows.is_actuals]
    assert drawn.notna().all().all()
    newest = rows[rows.is_actuals].sort_values("forecast_start_date").groupby("commodity").tail(2)
    assert newest.day_1.isna().all()


def test_the_table_of_all_forecasts_has_the_same_by_name_and_version(made: Panel) -> None:
    keys = ["commodity", "model_name", "model_version", "data_cutoff_date"]
    rows = made.frame("FROM commodity.forecast.distributions")
    counts = rows.groupby(keys).is_actuals.agg(["size", "sum"])
    assert len(counts) == 3 * (39 + 29)
    assert set(counts["size"]) == {PATHS + 1}
    assert set(counts["sum"]) == {1}


def test_what_is_published_is_a_part_of_all_forecasts_row_by_row(made: Panel) -> None:
    days = f"path_id, commodity, data_cutoff_date, {SESSIONS}, is_actuals, generation_timestamp"
    differing = made.frame(
        f"SELECT count(*) AS n FROM (SELECT {days}, model_version"  # noqa: S608 - the names above
        " FROM commodity.forecast.published_distributions EXCEPT ALL"
        f" SELECT {days}, model_name || '_' || model_version FROM commodity.forecast.distributions"
        " WHERE model_name <> 'reverting_volatility')"
    )
    assert differing.n[0] == 0
    sizes = made.frame(
        "SELECT (SELECT count(*) FROM commodity.forecast.published_distributions) AS ours,"
        " (SELECT count(*) FROM commodity.forecast.distributions) AS everything"
    )
    assert 3 * sizes.ours[0] == 2 * sizes.everything[0]


def test_a_read_only_client_cannot_write(made: Panel) -> None:
    with (
        duckdb.connect(made.database, read_only=True) as connection,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        connection.execute("DELETE FROM commodity.forecast.publication_log")

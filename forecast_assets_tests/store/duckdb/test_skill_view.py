"""The view of skill is SQL, and says what the one formula says."""

from datetime import date

import duckdb
import numpy as np

from forecast_assets.evaluation.skill import skill
from forecast_assets.store.sql.score_table import SKILL

DAY = date(2020, 1, 1)
CASES = np.array([(3.0, 4.0), (5.0, 4.0), (1.0, 0.0), (0.0, 0.0), (0.0, 2.0)])
"""CRPS of a model and of naive, a case a horizon."""

PATH_SCORES = """
    CREATE TABLE forecast.path_scores (commodity TEXT, model_name TEXT, model_version TEXT,
        training_date DATE, forecast_start_date DATE, data_cutoff_date DATE, horizon INTEGER,
        crps DOUBLE)
"""


def test_the_view_of_skill_is_the_formula() -> None:
    rows = [
        ("Coffee", name, "v1.0", DAY, DAY, DAY, sessions, crps)
        for sessions, both in enumerate(CASES.tolist(), start=1)
        for name, crps in zip(("garch", "naive"), both, strict=True)
    ]
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA forecast")
        connection.execute(PATH_SCORES)
        places = ", ".join("?" * 8)
        connection.executemany(f"INSERT INTO forecast.path_scores VALUES ({places})", rows)  # noqa: S608
        said = connection.execute(f"FROM ({SKILL}) ORDER BY horizon, model_name").df()
    garch, naive = (said[said.model_name == name] for name in ("garch", "naive"))
    np.testing.assert_allclose(garch.skill.astype(float), skill(*CASES.T), rtol=1e-12)
    assert naive.skill.dropna().tolist() == [0.0, 0.0, 0.0]

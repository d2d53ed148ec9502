"""A write of scores that lands other rows than were due is taken back."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from forecast_assets.store.sql import score_table
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.panel import FIRST, panel
from forecast_assets_tests.rows import put, rows, table


def test_a_write_that_lands_too_few_scores_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, whole = panel(tmp_path, [make_history(530)]).made(), score_table.score_rows

    def short(*given: Any) -> tuple[pa.Table, pa.Table]:
        sessions, paths = whole(*given)
        return sessions.slice(1), paths

    monkeypatch.setattr(score_table, "score_rows", short)
    with made.at_home() as graph:
        held = table(graph.store, "forecast.path_scores")
        assert len(held) > 0
        put(graph.store, "forecast.scores", table(graph.store, "forecast.scores").slice(0, 0))
        result = graph.run("score", f"Coffee|{FIRST}", raise_on_error=False)
        assert not result.success
        assert rows(graph.store, "forecast.scores") == []
        assert table(graph.store, "forecast.path_scores").equals(held)

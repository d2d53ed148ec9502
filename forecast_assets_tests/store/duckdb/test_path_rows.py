"""Rows of paths come in whole row groups, in order, and are those of a loop over the paths."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast_assets.forecast.records import Draw
from forecast_assets.store.sql import path_rows
from forecast_assets_tests.records import DAYS, WRITTEN, draw, model

DRAWS = st.lists(st.tuples(st.integers(1, len(DAYS)), st.integers(2, 7)), min_size=1, max_size=4)


def named(number: int, origins: int, n_paths: int) -> Draw:
    some = draw(DAYS[:origins], value=100.0 * number, n_paths=n_paths)
    return replace(some, model=replace(model(), model_name=f"m{number}", model_id=f"id{number}"))


def by_loop(draws: list[Draw]) -> list[tuple[int, str, str, date, date, list[float]]]:
    return [
        (path + 1, x.model.model_name, x.model.model_id, start, cutoff, x.paths[row, path].tolist())
        for x in draws
        for row, (start, cutoff) in enumerate(zip(x.starts, x.cutoffs, strict=True))
        for path in range(x.paths.shape[1])
    ]


@given(DRAWS, st.integers(1, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_of_whole_groups_are_those_of_a_loop(
    monkeypatch: pytest.MonkeyPatch, sizes: list[tuple[int, int]], group: int
) -> None:
    monkeypatch.setattr(path_rows, "ROW_GROUP", group)
    draws = [named(number, *size) for number, size in enumerate(sizes)]
    batches = [*path_rows.PathRows(WRITTEN, draws).reader()]
    assert {len(batch) for batch in batches[:-1]} <= {group}
    assert 0 < len(batches[-1]) <= group
    told = ["path_id", "model_name", "model_id", "forecast_start_date", "data_cutoff_date"]
    rows = [row for batch in batches for row in batch.to_pylist()]
    found = [
        (*(row[name] for name in told), [row[f"day_{session}"] for session in (1, 2, 3)])
        for row in rows
    ]
    assert found == by_loop(draws)
    assert {(row["commodity"], row["training_date"]) for row in rows} == {
        (WRITTEN.commodity, WRITTEN.training_date)
    }


def test_the_paths_of_a_draw_may_lie_in_any_order_in_memory() -> None:
    some = draw()
    other = np.asfortranarray(some.paths)
    both = (some, replace(some, paths=other))
    one, two = (path_rows.PathRows(WRITTEN, [x]).reader().read_all() for x in both)
    assert one == two

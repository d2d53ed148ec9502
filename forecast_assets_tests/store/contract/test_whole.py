"""Whole writes: whoever is killed in one, or reads during one, sees it whole or not at all."""

import textwrap
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.contract import Reading, Store
from forecast_assets_tests.engines import Engine
from forecast_assets_tests.records import DAYS, WRITTEN, draw
from forecast_assets_tests.writers import ENDED, Writer, heard, wait_for_part, writing

N_PATHS = 20_000

WRITER = textwrap.dedent("""
    import sys, time
    from dataclasses import replace
    from datetime import timedelta
    from pathlib import Path

    from forecast_assets.forecast.records import WindowChange
    from forecast_assets_tests.engines import ENGINES
    from forecast_assets_tests.records import WRITTEN, draw, model

    store = ENGINES[sys.argv[1]].opened(Path(sys.argv[2]), 3)
    for number in range(1000):
        written = replace(WRITTEN, at=WRITTEN.at + timedelta(seconds=number), by=str(number))
        made = draw(value=1000.0 * number, n_paths=int(sys.argv[3]))
        print("begins", flush=True)
        store.models.append(written, [model(sha256=str(number), second=number)], [])
        store.paths.apply(written, WindowChange([made]))
        print("ended", flush=True)
        time.sleep(0.05)
""")
"""It rests between two writes, so that a reader that waits for the file does not wait for long."""


def require_whole(tables: Reading, *, at_once: bool = True) -> None:
    """Paths, points and models are those of one write, which the ledger names.

    Not ``at_once``: what is being replaced may be gone, but then all of it is.
    """
    ledger = tables.read("commodity.forecast.forecasts").to_pylist()
    if not at_once and not ledger:
        assert not len(tables.read("commodity.forecast.distributions"))
        assert not len(tables.read("commodity.forecast.point_estimates"))
        return
    assert [row["data_cutoff_date"] for row in sorted(ledger, key=cutoff_of)] == DAYS
    (by,) = {row["created_by"] for row in ledger}
    paths = tables.read("commodity.forecast.distributions")
    groups = ["data_cutoff_date", "is_actuals", "generation_timestamp"]
    found = paths.group_by(groups).aggregate([("path_id", "count_distinct"), ("day_1", "min")])
    drawn = [row for row in found.to_pylist() if not row["is_actuals"]]
    assert len(found) == 2 * len(DAYS)
    named = {cutoff_of(row): row["generation_timestamp"] for row in ledger}
    assert {cutoff_of(row): row["generation_timestamp"] for row in drawn} == named
    assert {row["path_id_count_distinct"] for row in drawn} == {N_PATHS}
    lowest = {cutoff_of(row): row["day_1_min"] for row in drawn}
    assert lowest[DAYS[0]] == 1000.0 * int(by)
    assert len(paths) == len(DAYS) * (N_PATHS + 1)
    points = tables.read("commodity.forecast.point_estimates").to_pylist()
    assert len(points) == 3 * len(DAYS)
    assert all(row["mean"] > lowest[cutoff_of(row)] for row in points)
    assert all(row["mean"] < lowest[cutoff_of(row)] + 3 * N_PATHS for row in points)


def cutoff_of(row: dict[str, Any]) -> Any:
    return row["data_cutoff_date"]


def writer_of(engine: Engine, folder: Path) -> AbstractContextManager[Writer]:
    return writing(WRITER, engine.name, str(folder), str(N_PATHS))


@pytest.mark.parametrize("share", [0.05, 0.35, 0.65, 0.95])
def test_a_writer_killed_at_any_moment_of_a_write_leaves_a_whole_one(
    engine: Engine, store: Store, tmp_path: Path, share: float
) -> None:
    with writer_of(engine, tmp_path) as writer:
        wait_for_part(writer, share)
    with store.reading() as tables:
        require_whole(tables, at_once=engine.at_once)
    assert len(store.models.find()) == 1
    written = replace(WRITTEN, by="7", at=WRITTEN.at + timedelta(days=1))
    store.paths.apply(written, WindowChange([draw(value=7000.0, n_paths=N_PATHS)]))
    with store.reading() as tables:
        require_whole(tables)  # whatever the killed write has left


def test_what_is_read_at_one_moment_fits_together_while_another_process_writes(
    engine: Engine, store: Store, tmp_path: Path
) -> None:
    seen: set[str] = set()
    with writer_of(engine, tmp_path) as writer:
        while len(seen) < 3:
            with store.reading() as tables:
                require_whole(tables, at_once=engine.at_once)
                ledger = tables.read("commodity.forecast.forecasts", ["created_by"])
            seen.update(ledger.column("created_by").to_pylist())
            heard(writer, ENDED)

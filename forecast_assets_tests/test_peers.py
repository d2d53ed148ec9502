"""The benchmark against peers does the same work on both sides, and its arithmetic is right.

What needs statsforecast is not here: the tests' environment has none.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from benchmarks.peers.comparison import Comparison, in_turns, share_of, table_of
from benchmarks.peers.curve import growing, measured, plot
from benchmarks.peers.econometrics import ArchGjr, OnePathEach, StatsmodelsArima, StatsmodelsEts
from benchmarks.peers.job import Job, Paths, window_of_wti
from benchmarks.peers.keeping import by_pandas, from_frame, row_by_row
from benchmarks.peers.own import Own
from benchmarks.peers.way import Way
from forecast_assets.timeline.history import History
from forecast_assets_tests.graphs import ROOT
from forecast_assets_tests.security.dependencies import plain

WAYS = (Own("ets"), StatsmodelsArima(), OnePathEach(), StatsmodelsEts(), ArchGjr())


@pytest.fixture(scope="module")
def job() -> Job:
    """A small window of the embedded WTI."""
    whole = window_of_wti()
    begin = whole.known - 400
    history = History("WTI", whole.history.dates[begin:], whole.history.closes[begin:])
    return Job(history, 400, n_origins=3, n_paths=20, horizon=4)


def test_the_window_begins_with_its_first_origin_and_the_sample_ends_before() -> None:
    job = window_of_wti()
    assert job.training_date == job.days(0)[0]
    assert f"{job.sample.newest}" < "2015-01-01" <= f"{job.training_date}"
    assert (len(job.days(0)), len(job.levels)) == (125, job.known + 125)
    assert np.exp(job.levels[-1]) == pytest.approx(job.history.closes[job.places[-1]])
    assert job.days(1)[:-1] == job.days(0)[1:]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_way_draws_prices_from_each_origin(way: Way, job: Job) -> None:
    paths = way.draw(job, way.fit(job))
    assert paths.shape == (3, 20, 4)
    assert paths.dtype == np.float32
    closes = job.history.closes[job.places]
    assert np.median(paths[:, :, 0], axis=1) == pytest.approx(closes, rel=0.05)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_no_way_sees_what_comes_after_an_origin(way: Way, job: Job) -> None:
    fitted = way.fit(job)
    closes = job.history.closes.copy()
    closes[job.places[1] :] *= 2
    other = replace(job, history=History("WTI", job.history.dates, closes))
    refitted = way.fit(other)
    before, after = way.draw(job, fitted), way.draw(other, refitted)
    assert np.array_equal(before[0], after[0])
    assert after[1].mean() > 1.5 * before[1].mean()


def rows_by_duckdb(file: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(file, read_only=True) as tables:
        return tables.sql(
            "SELECT data_cutoff_date::DATE, path_id, day_1, day_4 FROM kept ORDER BY ALL"
        ).fetchall()


def rows_by_sqlite(file: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as tables:
        return tables.execute(
            "SELECT data_cutoff_date, path_id, day_1, day_4 FROM kept ORDER BY 1, 2"
        ).fetchall()


@pytest.mark.parametrize(
    ("keep", "rows"),
    [(from_frame, rows_by_duckdb), (row_by_row, rows_by_duckdb), (by_pandas, rows_by_sqlite)],
)
def test_peers_keep_every_path_of_each_window(
    keep: Callable[[Job, Paths, Path], None],
    rows: Callable[[Path], list[tuple[object, ...]]],
    job: Job,
    tmp_path: Path,
) -> None:
    own, windows = Own("naive"), list(job.windows(2))
    expected = []
    for window in windows:
        paths = own.draw(window, own.fit(window))
        keep(window, paths, tmp_path / "kept")
        expected += [
            (f"{day}", place + 1, float(path[0]), float(path[3]))
            for day, block in zip(window.days(0), paths, strict=True)
            for place, path in enumerate(block)
        ]
    kept = [(f"{day}"[:10], *rest) for day, *rest in rows(tmp_path / "kept")]
    assert kept == expected


def test_our_way_writes_the_tables_of_the_store(job: Job, tmp_path: Path) -> None:
    for each in (*job.windows(2), *job.commodities(2)):
        Own("naive").whole(each, tmp_path / "kept")
    with duckdb.connect(tmp_path / "kept", read_only=True) as tables:
        counted = "SELECT count(*) FROM forecast.distributions WHERE NOT is_actuals"
        assert tables.sql(counted).fetchall() == [(4 * 3 * 20,)]


def test_ways_are_timed_in_turns_and_the_fastest_of_each_counts() -> None:
    done: list[str] = []
    mine, other = in_turns(lambda: done.append("ours"), lambda: done.append("peer"), 3)
    assert done == ["peer", "ours"] * 3
    assert 0 < mine < 1
    assert 0 < other < 1


def test_a_ratio_is_of_the_peer_to_ours_and_a_share_is_told() -> None:
    job = window_of_wti()
    slower = Comparison("draw", "ets", "a peer", share_of(job.part(5)), 0.5, 2.0)
    assert slower.ratio == 4
    assert slower.share == "5 of 125 origins"
    assert share_of(job.part(1, 200)) == "1 of 125 origins, 200 of 2,000 paths"
    assert share_of(job) == "all"
    assert list(table_of([slower]).columns[-1].cells) == ["4"]


def test_one_thing_grows_at_a_time(job: Job) -> None:
    grown = {
        name: [jobs_of(size) for size in sizes]
        for name, (_, sizes, jobs_of) in growing(job).items()
    }
    assert [len(jobs) for jobs in grown["windows"]] == [1, 2, 4]
    assert [window.known for window in grown["windows"][-1]] == [400, 403, 406, 409]
    assert len({one.history.commodity for one in grown["commodities"][-1]}) == 4
    assert [one.n_paths for (one,) in grown["paths"]] == [500, 1000, 2000]
    assert [one.horizon for (one,) in grown["horizon"]] == [7, 14, 28]


@pytest.mark.usefixtures("pictures")
def test_time_is_plotted_against_a_size_with_units(tmp_path: Path) -> None:
    done: list[int] = []
    curve = measured("sizes", "sizes of nothing", (1, 2), {"ours": done.append})
    assert done == [1, 1, 2, 2]
    assert len(curve.seconds["ours"]) == 2
    assert plot(curve, tmp_path) == tmp_path / "sizes.png"
    assert (tmp_path / "sizes.png").read_bytes().startswith(b"\x89PNG")


def test_only_pandas_is_pinned_otherwise_than_in_constraints() -> None:
    def pins(file: Path) -> dict[str, str]:
        lines = (line for line in file.read_text().splitlines() if "==" in line)
        return {plain(name): release for name, release in (line.split("==") for line in lines)}

    ours, peers = pins(ROOT / "constraints.txt"), pins(ROOT / "benchmarks" / "peers" / "pins.txt")
    assert "statsforecast" in peers
    assert [name for name in peers if name in ours] == ["pandas"]

"""Writes of several programs, and what a write leaves alone."""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake.exceptions import CommitFailedError
from pyarrow import fs
from pyarrow.dataset import FileSystemDataset

from forecast_assets.errors import StoreError, StoreLocked
from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.delta import claims
from forecast_assets.store.delta.claims import LASTS, claimed
from forecast_assets.store.delta.lake import Lake
from forecast_assets.store.delta.store import DeltaStore
from forecast_assets.store.delta.workbench import Bench
from forecast_assets.store.patience import Patience
from forecast_assets.store.reader import Reader
from forecast_assets.timeline import clock
from forecast_assets_tests.engines import open_delta
from forecast_assets_tests.records import AT, DAYS, WRITTEN, draw, model

pytestmark = pytest.mark.engine

LATER = replace(WRITTEN, at=WRITTEN.at + timedelta(hours=1), by="another run")


def test_a_new_forecast_rewrites_no_file(store: DeltaStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS[:2])]))
    store.paths.apply(LATER, WindowChange([draw(DAYS[2:])]))
    for name in ("forecast.distributions", "forecast.point_estimates", "forecast.forecasts"):
        for commit in store.lake.stored.open(name).history(2):
            if commit["operation"] == "WRITE":
                assert commit["operationMetrics"]["num_removed_files"] == 0, name


def test_no_file_is_read_by_way_of_python_which_duckdb_may_keep_from_running(
    store: DeltaStore,
) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS[:2])]))
    rows = store.lake.stored.at_one_moment().rows
    read_by = {
        name: each.filesystem for name, each in rows.items() if isinstance(each, FileSystemDataset)
    }
    assert "forecast.distributions" in read_by
    assert [name for name, each in read_by.items() if isinstance(each, fs.PyFileSystem)] == []


def test_a_write_that_meets_a_commit_of_another_program_is_made_again(
    store: DeltaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.marks.leave("a", AT)
    other, commit, met = open_delta(tmp_path, 3), Bench._commit, list[str]()

    def late(bench: Bench, which: str, rows: str) -> None:
        if not met:
            met.append(bench.declared_name)
            raise CommitFailedError("another program was faster")
        commit(bench, which, rows)

    monkeypatch.setattr(Bench, "_commit", late)
    store.marks.leave("b", AT)
    assert met == ["market.marks"]
    assert other.marks.found()[1:] == ["a", "b"]


def test_a_write_whose_claim_was_lost_in_between_commits_nothing_and_is_made_again(
    store: DeltaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim ends while the rows are worked on, and another program has it for a while."""
    late, once, is_changed, tried = [timedelta()], Lake._once, Bench.is_changed, list[int]()
    monkeypatch.setattr(claims, "now", lambda: clock.now() + late[0])

    def slow(bench: Bench) -> bool:
        if not late[0]:
            late[0] = 2 * LASTS
            with claimed(str(tmp_path / "lake" / "claims"), {}, ["Coffee"]):
                pass
        return bool(is_changed.__get__(bench))

    def counted(lake: Lake, *rest: Any) -> object:
        lake.stored.make(["forecast.trained_models"])
        tried.append(lake.stored.open("forecast.trained_models").version())
        return once(lake, *rest)

    monkeypatch.setattr(Bench, "is_changed", property(slow))
    monkeypatch.setattr(Lake, "_once", counted)
    store.models.append(WRITTEN, [model()], [])
    assert tried == [1, 1]  # as it was made
    assert len(store.models.find()) == 1


def test_what_cannot_be_claimed_in_time_names_who_has_it(tmp_path: Path) -> None:
    store = DeltaStore(str(tmp_path / "lake"), 3, "256MB", Patience(0.3))
    with (
        claimed(str(tmp_path / "lake" / "claims"), {}, ["Coffee"]),
        pytest.raises(StoreLocked, match=r"Coffee.*process .* nothing was written"),
    ):
        store.models.append(WRITTEN, [model()], [])
    assert store.models.find() == []


def test_paths_that_the_ledger_does_not_name_are_not_seen(store: DeltaStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS[:2])]))
    store.lake.stored.open("forecast.forecasts").delete(f"data_cutoff_date = '{DAYS[0]}'")
    with store.reading() as tables:
        seen = tables.read("commodity.forecast.distributions", ["data_cutoff_date"])
    assert set(seen.column(0).to_pylist()) == {DAYS[1]}


def test_a_program_reads_tables_below_a_url(store: DeltaStore, tmp_path: Path) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    paths = Reader((tmp_path / "lake").as_uri()).paths("Coffee", "naive")
    assert paths.prices.shape == (3, 4, 3)
    with pytest.raises(StoreError, match="there are no tables"):
        Reader((tmp_path / "nowhere").as_uri()).models()


def test_tables_that_only_read_connections_may_use(store: DeltaStore, tmp_path: Path) -> None:
    store.marks.leave("a", AT)
    with store.connection(read_only=True) as connection:
        assert connection.sql("SELECT count(*) FROM market.marks").fetchall() == [(2,)]
    with pytest.raises(StoreError, match="only read"):
        store.connection(read_only=False)
    with pytest.raises(StoreError, match="not needed"):
        store.copy_to(tmp_path / "copy.duckdb")


def test_the_size_and_the_token_change_with_the_tables(store: DeltaStore) -> None:
    assert store.size() == 0
    before = store.token()
    store.marks.leave("a", AT)
    assert store.size() > 0
    assert store.token() != before
    assert store.token() == store.token()


def test_other_rows_of_the_same_days_stay(store: DeltaStore) -> None:
    other = replace(draw(DAYS, 9.0), model=model("garch"))
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS), other]))
    store.paths.apply(LATER, WindowChange([draw(DAYS, 5.0)]))
    with store.reading() as tables:
        rows = tables.read(
            "commodity.forecast.distributions",
            ["model_name", "data_cutoff_date", "path_id", "day_1"],
        ).to_pylist()
    first = {
        row["model_name"]: row["day_1"]
        for row in rows
        if row["path_id"] == 1 and row["data_cutoff_date"] == date(2024, 1, 1)
    }
    assert first == {"naive": 5.0, "garch": 9.0}
    assert len(rows) == 2 * len(DAYS) * 5


def test_tables_that_somebody_took_away_are_made_again(store: DeltaStore, tmp_path: Path) -> None:
    store.marks.leave("a", AT)
    shutil.rmtree(tmp_path / "lake")
    with pytest.raises(StoreError, match="No such file"):
        store.marks.found()
    assert "a" not in store.marks.found()
    store.marks.leave("b", AT)
    assert store.marks.found()[1:] == ["b"]

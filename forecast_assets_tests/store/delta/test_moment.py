"""Readers while others write: they end, and see of each forecast all rows of one drawing."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import Draw, WindowChange, Written
from forecast_assets.store.delta.delta_tables import DeltaTables
from forecast_assets.store.delta.moment import Shown, rows_in_both, versions_of
from forecast_assets.store.delta.store import DeltaStore
from forecast_assets.store.reader import Reader
from forecast_assets.store.sql.writes import MARKERS
from forecast_assets.timeline import clock
from forecast_assets_tests.engines import open_delta
from forecast_assets_tests.records import DAYS, WRITTEN, draw

pytestmark = pytest.mark.engine


def stranger(folder: Path) -> DeltaStore:
    """The same tables as another process has them open."""
    store = open_delta(folder, 3)
    own = DeltaTables(store.lake.url, {}, store.lake.declared)
    store.lake.__dict__["stored"] = own
    return store


def of(hours: int, commodity: str = "Coffee") -> tuple[Written, Draw]:
    written = replace(WRITTEN, commodity=commodity, at=WRITTEN.at + timedelta(hours=hours))
    drawn = draw(DAYS[:2], float(hours))
    return written, replace(drawn, model=replace(drawn.model, commodity=commodity))


def test_a_reader_ends_though_others_write_at_each_of_its_looks(
    store: DeltaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coffee is drawn again once in between, and Gold at each look."""
    other, look, looks = stranger(tmp_path), DeltaTables._look, list[int]()

    def write(hours: int, commodity: str) -> None:
        written, drawn = of(hours, commodity)
        other.paths.apply(written, WindowChange([drawn]))

    write(1, "Coffee")
    write(1, "Silver")

    def interrupted(tables: DeltaTables, names: Iterable[str]) -> dict[str, Shown]:
        named = list(names)
        found = look(tables, named)
        if tables is store.lake.stored and set(named) == set(MARKERS):
            looks.append(1)
            write(len(looks), "Gold")
            if len(looks) == 3:
                write(9, "Coffee")
        return found

    monkeypatch.setattr(DeltaTables, "_look", interrupted)
    with store.reading() as tables:
        ledger = tables.read("commodity.forecast.forecasts", ["commodity"])
        paths = tables.read("commodity.forecast.distributions", ["commodity", "path_id", "day_1"])
    assert len(looks) == 4
    assert set(ledger.column(0).to_pylist()) == {"Silver"}
    assert len(paths) == 2 * 5
    monkeypatch.undo()
    with store.reading() as tables:
        rows = tables.read("commodity.forecast.distributions", ["commodity", "day_1"]).to_pylist()
    coffee = [row["day_1"] for row in rows if row["commodity"] == "Coffee" and row["day_1"]]
    assert min(coffee) == 9.0
    assert {row["commodity"] for row in rows} == {"Silver", "Gold", "Coffee"}


def test_rows_in_both_are_as_they_are_after_and_lack_what_was_made_anew() -> None:
    before = pa.table({"key": [1, 2, 3], "drawn": [1, 1, 1], "said": ["a", "b", None]})
    after = pa.table({"key": [2, 3, 4], "drawn": [1, 2, 1], "said": ["changed", "c", "d"]})
    found = rows_in_both(before, after, ["key", "drawn"])
    assert found.to_pylist() == [{"key": 2, "drawn": 1, "said": "changed"}]
    assert rows_in_both(pa.table({}), after, ["key", "drawn"]).num_rows == 0


def test_versions_that_differ_are_told_apart() -> None:
    rows = pa.table({})
    told = {
        versions_of({"a": Shown(versions, rows)}) for versions in ((1,), (2,), (1, 2), (12,), ())
    }
    assert len(told) == 5


def test_the_tables_can_be_read_as_they_were(store: DeltaStore, tmp_path: Path) -> None:
    url = (tmp_path / "lake").as_uri()
    before = clock.now()
    written, drawn = of(1)
    store.paths.apply(written, WindowChange([drawn]))
    between = clock.now()
    written, drawn = of(9)
    store.paths.apply(written, WindowChange([drawn]))
    first = {
        moment: float(Reader(url, moment=moment).paths("Coffee", "naive").prices.min())
        for moment in (between, clock.now())
    }
    assert list(first.values()) == [1.0, 9.0]
    there = ZoneInfo("Asia/Kolkata")
    zoned = between.replace(tzinfo=UTC).astimezone(there)
    assert float(Reader(url, moment=zoned).paths("Coffee", "naive").prices.min()) == 1.0
    with pytest.raises(StoreError, match=f"there were no tables at {before} UTC: name a later"):
        Reader(url, moment=before).models()
    with pytest.raises(StoreError, match="a file has no earlier versions"):
        Reader(tmp_path / "commodity.duckdb", moment=before).models()


def test_a_moment_whose_files_are_gone_is_told(store: DeltaStore, tmp_path: Path) -> None:
    written, drawn = of(1)
    store.paths.apply(written, WindowChange([drawn]))
    between = clock.now()
    written, drawn = of(9)
    store.paths.apply(written, WindowChange([drawn]))
    for file in (tmp_path / "lake" / "forecast" / "distributions").rglob("*.parquet"):
        if str(file) not in {
            path.removeprefix("file://")
            for path in store.lake.stored.open("forecast.distributions").file_uris()
        }:
            file.unlink()
    with pytest.raises(StoreError, match="a file of that moment is not there any more"):
        Reader((tmp_path / "lake").as_uri(), moment=between).paths("Coffee", "naive")

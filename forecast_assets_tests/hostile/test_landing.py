"""Whatever is dropped is put away with a note that says why; the good rows in it land."""

import os
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl.xml import LXML

from forecast_assets.configuration.settings import Settings
from forecast_assets.market.landing import LONGEST_NOTE, LandingFolder
from forecast_assets.market.observations import Observations
from forecast_assets.market.reception import receive
from forecast_assets.market.records import FileMerge, PriceChanges
from forecast_assets.outside import is_plain
from forecast_assets.timeline.scrutiny import Scrutiny
from forecast_assets_tests.alarm import at_most
from forecast_assets_tests.beginnings import at_home
from forecast_assets_tests.caretaker import configuration
from forecast_assets_tests.hostile import made
from forecast_assets_tests.hostile.cases import LONGEST_SECONDS, cases, put, require
from forecast_assets_tests.web import Answer, served

NOW = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it

LONGEST_NAME = 255

OUTSIDE = "word-of-a-file-outside"


class Table:
    """A table that says of every row that it is new."""

    def merge(
        self,
        file: str,
        sha256: str,
        observations: Sequence[Observations],
        at: datetime,
        by: str,
        scrutiny: Scrutiny | None = None,
    ) -> list[FileMerge]:
        """Merge nothing."""
        return [
            FileMerge(each.commodity, PriceChanges(len(each.prices), 0, 0, 0, 0), repeated=False)
            for each in observations
        ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LandingFolder]:
    """The landing folder of a configuration with small limits."""
    home = tmp_path_factory.mktemp("hostile")
    limits = {"max_bytes": 200_000, "max_columns": 50, "max_rows": 2_000}
    landing = {"settle_seconds": 0, "incomplete_seconds": 0, "url": str(home / "landing"), **limits}
    (home / "forecast.yaml").write_text(configuration("Coffee", "Sugar", landing=landing))
    with at_home(home):
        yield LandingFolder(Settings.load(home / "forecast.yaml"))


def drop(place: Path, case: dict[str, Any]) -> str:
    """Put what a case gives into the landing folder, and return its name."""
    name = (
        os.fsdecode(bytes.fromhex(case["raw"])) if "raw" in case else case.get("file", "Coffee.csv")
    )
    if "fill" in case:
        room = LONGEST_NAME - len(name.format("").encode())
        name = name.format(case["fill"] * (room // len(case["fill"].encode())))
    put(case, place / name)
    return name


@pytest.mark.parametrize("case", cases("landing"))
def test_what_is_dropped_is_put_away_and_told(folder: LandingFolder, case: dict[str, Any]) -> None:
    place = Path(folder.path.path)
    folder.make()
    name = drop(place, case)
    with at_most(LONGEST_SECONDS):
        (arrival,) = folder.waiting(time.time() + 1).whole
        received = receive(folder, arrival, Table(), NOW, "a test")
    note = Path(f"{received.place}.txt").read_text(encoding="utf-8")
    require(note, case["message"])
    assert all(map(is_plain, note.splitlines()))
    assert len(Path(received.place).name) <= LONGEST_NAME
    assert len(note) < LONGEST_NOTE
    assert sum(each.changes.added for each in received.landings) == case.get("lands", 0)
    assert Path(received.place).parent.name == ("accepted" if case.get("lands") else "rejected")
    assert not os.path.lexists(place / name)
    assert folder.waiting(time.time() + 1).whole == []


def test_what_a_link_names_stays_where_it_is_and_as_it_is(folder: LandingFolder) -> None:
    place = Path(folder.path.path)
    folder.make()
    made.link(place / "Coffee.csv")
    secret = (place / "Coffee.csv").resolve()
    before = secret.read_bytes(), secret.stat().st_mtime_ns
    (arrival,) = folder.waiting(time.time() + 1).whole
    moved = Path(receive(folder, arrival, Table(), NOW, "a test").place)
    assert moved.is_symlink()
    assert (secret.read_bytes(), secret.stat().st_mtime_ns) == before


@pytest.mark.parametrize("part", made.REFERRING)
@pytest.mark.parametrize("where", ["a file", "an address"])
def test_xml_of_a_workbook_reads_no_file_and_asks_nobody(
    folder: LandingFolder, tmp_path: Path, part: str, where: str
) -> None:
    place, secret = Path(folder.path.path), tmp_path / "secret"
    secret.write_text(OUTSIDE)
    folder.make()
    with served(lambda _: Answer(OUTSIDE)) as server:
        address = secret.as_uri() if where == "a file" else f"{server.url}/secret"
        made.outer_entity(place / "Coffee.xlsx", part, address)
        (arrival,) = folder.waiting(time.time() + 1).whole
        received = receive(folder, arrival, Table(), NOW, "a test")
        assert server.asked == []
    lands = LXML and part != made.SHEET  # which leaves the reference as it is; expat refuses it
    assert Path(received.place).parent.name == ("accepted" if lands else "rejected")
    assert OUTSIDE not in Path(f"{received.place}.txt").read_text(encoding="utf-8")
    assert OUTSIDE not in str(received)

"""Directories: nothing is followed out of them, and what changes between two looks is not lost."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from forecast_assets.errors import FileChanged, LandingError, UnclearFormat
from forecast_assets.market.directory import Entry, LocalDirectory
from forecast_assets.market.landing import Arrival, LandingFolder
from forecast_assets.market.reception import receive
from forecast_assets.store.opening import open_store
from forecast_assets_tests.caretaker import caretaker

NOW = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it

OUTSIDE = "date,close\n2026-11-17,50\n"


@pytest.fixture
def folder(tmp_path: Path) -> LandingFolder:
    made = LandingFolder(caretaker(tmp_path).settings)
    made.make()
    return made


def path_of(folder: LandingFolder) -> Path:
    return Path(folder.path.path)


def listed(folder: LandingFolder, name: str = "Coffee.csv", content: str = "first\n") -> Arrival:
    (path_of(folder) / name).write_text(content)
    (arrival,) = folder.waiting(time.time() + 1).whole
    return arrival


def another(path: Path) -> None:
    path.unlink()
    path.write_text("other\n")


def appended(path: Path) -> None:
    with path.open("a") as file:
        file.write("more\n")


def link(path: Path) -> None:
    path.unlink()
    (path.parent.parent / "secret.csv").write_text(OUTSIDE)
    path.symlink_to(path.parent.parent / "secret.csv")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [another, appended, link, fifo])
def test_what_takes_a_files_place_is_neither_read_nor_put_away_as_that_file(
    folder: LandingFolder, change: Callable[[Path], None]
) -> None:
    arrival = listed(folder)
    change(path_of(folder) / "Coffee.csv")
    with pytest.raises((FileChanged, UnclearFormat)):
        folder.read(arrival)
    with pytest.raises(FileChanged, match=r"Coffee.csv: was changed .* lands with the next run"):
        folder.put_away(arrival, "accepted", "note\n")
    assert os.path.lexists(path_of(folder) / "Coffee.csv")
    assert list((path_of(folder) / "accepted").iterdir()) == []


def test_a_file_that_is_gone_is_told(folder: LandingFolder) -> None:
    arrival = listed(folder)
    (path_of(folder) / "Coffee.csv").unlink()
    with pytest.raises(LandingError, match=r"Coffee.csv: is gone: somebody else has moved"):
        folder.put_away(arrival, "accepted", "note\n")


def test_a_drawer_that_is_a_link_is_refused_and_nothing_is_written_behind_it(
    folder: LandingFolder, tmp_path: Path
) -> None:
    arrival, outside = listed(folder), tmp_path / "outside"
    outside.mkdir()
    (path_of(folder) / "accepted").rmdir()
    (path_of(folder) / "accepted").symlink_to(outside)
    with pytest.raises(LandingError, match=r"accepted: .*must be folders and no links"):
        folder.make()
    with pytest.raises(LandingError, match="must be folders and no links"):
        folder.put_away(arrival, "accepted", "note\n")
    assert list(outside.iterdir()) == []
    assert (path_of(folder) / "Coffee.csv").exists()


def test_a_note_is_not_written_through_a_link(folder: LandingFolder, tmp_path: Path) -> None:
    arrival, secret = listed(folder), tmp_path / "secret"
    secret.write_text(OUTSIDE)
    (path_of(folder) / "accepted" / "Coffee.csv.txt").symlink_to(secret)
    folder.put_away(arrival, "accepted", "note\n")
    assert secret.read_text() == OUTSIDE
    stored = sorted(each.name for each in (path_of(folder) / "accepted").iterdir())
    assert stored == ["Coffee.2.csv", "Coffee.2.csv.txt", "Coffee.csv.txt"]


def test_a_file_that_grows_while_it_is_read_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * 11)
    with pytest.raises(UnclearFormat, match="has 11 bytes, allowed: 10"):
        LocalDirectory(tmp_path).read(Entry("a.csv", 5, None), 10)


def test_a_folder_that_cannot_be_used_is_told_by_name(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, landing={"url": str(tmp_path / "taken")})
    (tmp_path / "taken").write_text("x")
    with pytest.raises(LandingError, match=r"landing: .*taken: .*must be folders"):
        LandingFolder(keeper.settings).make()
    reason = keeper.land().skip_reason
    assert reason is not None
    assert "taken" in str(reason.skip_message)


def test_a_folder_is_given_time_to_be_filled(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, landing={"settle_seconds": 5, "incomplete_seconds": 60})
    folder = LandingFolder(keeper.settings)
    folder.make()
    (path_of(folder) / "more").mkdir()
    (path_of(folder) / ".staging").mkdir()
    assert folder.waiting(time.time() + 30).whole == []
    assert [each.name for each in folder.waiting(time.time() + 90).whole] == ["more"]


def test_who_opens_a_file_while_it_is_looked_at_does_not_end_the_process(tmp_path: Path) -> None:
    path = tmp_path / "Coffee.csv"
    path.write_text(OUTSIDE)
    looking = """
import sys
from pathlib import Path
from forecast_assets.market.directory import LocalDirectory
folder = LocalDirectory(Path(sys.argv[1]))
print("ready", flush=True)
for _ in range(20_000):
    folder.is_written("Coffee.csv")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", looking, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    while process.poll() is None:
        with path.open("a"):
            pass
    process.communicate()
    assert process.returncode == 0


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[LandingFolder]:
    """A landing folder in the memory of the process."""
    landing = {"url": "memory://drops", "settle_seconds": 0, "incomplete_seconds": 0}
    made = LandingFolder(caretaker(tmp_path, landing=landing).settings)
    made.make()
    yield made
    made.path.rmdir(recursive=True)


def test_on_any_file_system_what_takes_a_files_place_is_not_put_away(
    elsewhere: LandingFolder,
) -> None:
    (elsewhere.path / "Coffee.csv").write_text("first\n")
    (arrival,) = elsewhere.waiting(time.time() + 1).whole
    assert elsewhere.read(arrival) == b"first\n"
    (elsewhere.path / "Coffee.csv").write_text("other\n")
    with pytest.raises(FileChanged):
        elsewhere.read(arrival)
    with pytest.raises(FileChanged, match=r"Coffee.csv: was changed .* lands with the next run"):
        elsewhere.put_away(arrival, "accepted", "note\n")
    assert (elsewhere.path / "Coffee.csv").read_text() == "other\n"
    assert list((elsewhere.path / "accepted").iterdir()) == []
    (again,) = elsewhere.waiting(time.time() + 1).whole
    elsewhere.put_away(again, "accepted", "note\n")
    assert (elsewhere.path / "accepted" / "Coffee.csv").read_text() == "other\n"


def test_a_link_that_a_file_system_tells_is_put_away_unread(tmp_path: Path) -> None:
    place, secret = tmp_path / "drops", tmp_path / "secret.csv"
    place.mkdir()
    secret.write_text(OUTSIDE)
    landing = {"url": f"simplecache::file://{place}", "settle_seconds": 0, "incomplete_seconds": 0}
    keeper = caretaker(tmp_path, landing=landing)
    folder = LandingFolder(keeper.settings)
    folder.make()
    (place / "Coffee.csv").symlink_to(secret)
    (arrival,) = folder.waiting(time.time() + 1).whole
    received = receive(folder, arrival, open_store(keeper.settings).landings, NOW, "run")
    assert "is a link, and no file: it was not read" in received.reason
    stored = sorted(each.name for each in (place / "rejected").iterdir())
    assert stored == ["Coffee.csv", "Coffee.csv.txt"]
    assert (place / "rejected" / "Coffee.csv").is_symlink()
    assert secret.read_text() == OUTSIDE


@pytest.mark.parametrize("days", [1, 40_000])
def test_a_file_of_a_time_ahead_is_as_old_as_its_last_change(
    folder: LandingFolder, days: int
) -> None:
    arrival = listed(folder)
    ahead = time.time() + days * 86_400
    os.utime(path_of(folder) / "Coffee.csv", (ahead, ahead))
    (now,) = folder.waiting(time.time() + 1).whole
    assert now.name == arrival.name


def test_a_time_of_a_wrong_clock_does_not_keep_a_file(tmp_path: Path) -> None:
    landing = {"settle_seconds": 5, "incomplete_seconds": 60}
    folder = LandingFolder(caretaker(tmp_path, landing=landing).settings)
    folder.make()
    (path_of(folder) / "Coffee.csv").write_text("first\n")
    assert folder.waiting(time.time() - 30).whole == []
    assert [each.name for each in folder.waiting(time.time() - 90).whole] == ["Coffee.csv"]


def test_a_name_that_many_files_had_is_put_away_as_quickly(
    folder: LandingFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawer = path_of(folder) / "accepted"
    for number in range(300):
        end = f".{number}" if number > 1 else ""
        (drawer / f"Coffee{end}.csv").touch()
        (drawer / f"Coffee{end}.csv.txt").touch()
    looked = []
    find = LocalDirectory.find

    def counted(self: LocalDirectory, name: str) -> Entry | None:
        looked.append(name)
        return find(self, name)

    monkeypatch.setattr(LocalDirectory, "find", counted)
    assert folder.put_away(listed(folder), "accepted", "n\n").endswith("/Coffee.300.csv")
    assert len(looked) < 10

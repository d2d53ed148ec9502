"""The folder of artifacts, in which strangers may have put other things than artifacts."""

import os
import time
from pathlib import Path
from threading import Event

import pytest

from forecast_assets.errors import ArtifactsUnavailable, PayloadCorrupted
from forecast_assets.store.answering import answer_of
from forecast_assets.store.artifacts import ArtifactStore, address_of

FOLDER, NAME = "Coffee/naive/2024-01-01/v1.0", "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore((tmp_path / "artifacts").as_uri(), seconds=0.1)


def test_what_stands_in_the_place_of_a_file_is_replaced(
    store: ArtifactStore, tmp_path: Path
) -> None:
    place = tmp_path / "artifacts" / FOLDER / f"{NAME}.json"
    place.parent.mkdir(parents=True)
    os.mkfifo(place)
    assert store.read(store.write(FOLDER, NAME, b"{}"), 2) == b"{}"
    (tmp_path / "mine").write_text("mine")
    place.unlink()
    place.symlink_to(tmp_path / "mine")
    assert store.read(store.write(FOLDER, NAME, b"{}"), 2) == b"{}"
    assert (tmp_path / "mine").read_text() == "mine"
    assert [each.name for each in place.parent.iterdir()] == [place.name]


def test_nothing_is_written_through_a_link_that_leads_out(
    store: ArtifactStore, tmp_path: Path
) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "artifacts" / "Coffee").symlink_to(tmp_path / "outside")
    with pytest.raises(PayloadCorrupted, match="leads out of the folder of artifacts"):
        store.write(FOLDER, NAME, b"{}")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_folder_that_is_a_link_inside_may_stay(store: ArtifactStore, tmp_path: Path) -> None:
    address = store.write(FOLDER, NAME, b"{}")
    root = tmp_path / "artifacts"
    (root / "Coffee").rename(root / "Beans")
    (root / "Coffee").symlink_to(root / "Beans")
    assert store.read(address, 2) == b"{}"


def test_a_folder_in_the_place_of_a_file_cannot_be_replaced_and_is_named(
    store: ArtifactStore, tmp_path: Path
) -> None:
    (tmp_path / "artifacts" / FOLDER / f"{NAME}.json" / "more").mkdir(parents=True)
    with pytest.raises(ArtifactsUnavailable, match=f"{NAME}.json cannot be reached .IsADirectory"):
        store.write(FOLDER, NAME, b"{}")


def test_a_place_that_gave_no_answer_is_not_asked_again_for_a_while() -> None:
    ended, asked = Event(), []

    def ask() -> bool:
        asked.append(1)
        return ended.wait()

    began = time.monotonic()
    for said in ("no answer in 0.05 seconds", "it gave no answer a moment ago"):
        with pytest.raises(TimeoutError, match=said):
            answer_of("a place of this test", 0.05, ask)
    ended.set()
    assert asked == [1]
    assert time.monotonic() - began < 5
    assert answer_of("another place", 5, lambda: "an answer") == "an answer"


def test_an_error_of_a_place_is_its_answer() -> None:
    def ask() -> None:
        raise TimeoutError("of its own")

    for _ in range(2):
        with pytest.raises(TimeoutError, match="of its own"):
            answer_of("a place with errors", 5, ask)


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("file:///old/place/a/b/2024-01-01/v1/c.json", "a/b/2024-01-01/v1/c.json"),
        ("s3://key:secret@bucket/a/b/2024-01-01/v1/c.json", "a/b/2024-01-01/v1/c.json"),
        ("a/b/2024-01-01/v1/c.json", "a/b/2024-01-01/v1/c.json"),
    ],
)
def test_only_the_address_in_a_url_counts(uri: str, address: str) -> None:
    assert address_of(uri) == address


def names(root: Path) -> list[str]:
    return sorted(file.name for file in (root / "artifacts" / FOLDER).iterdir())


def test_what_a_killed_process_left_of_a_file_is_deleted(
    store: ArtifactStore, tmp_path: Path
) -> None:
    store.write(FOLDER, "other", b"{}")
    (tmp_path / "artifacts" / FOLDER / "abc.0123.part").write_bytes(b"{")
    assert store.read(store.write(FOLDER, "abc", b"{}"), 2) == b"{}"
    assert names(tmp_path) == ["abc.json", "other.json"]


def test_two_may_write_the_same_file_at_once(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes = Path.write_bytes

    def overtaken(path: Path, payload: bytes) -> int:
        written = write_bytes(path, payload)
        monkeypatch.undo()
        store.write(FOLDER, "abc", payload)  # deletes what the first has just written
        return written

    monkeypatch.setattr(Path, "write_bytes", overtaken)
    assert store.read(store.write(FOLDER, "abc", b"{}"), 2) == b"{}"
    assert names(tmp_path) == ["abc.json"]

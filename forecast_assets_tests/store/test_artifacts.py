"""The folder of artifacts, in which strangers may have put other things than artifacts."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from forecast_assets.errors import ArtifactsUnavailable, PayloadCorrupted
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


def refused_twice(store: ArtifactStore, folder: str) -> str:
    """What is said of a file that cannot be written: the same at each attempt."""
    said = set()
    for _ in range(2):
        with pytest.raises(ArtifactsUnavailable) as caught:
            store.write(folder, NAME, b"{}")
        said.add(str(caught.value))
    (only,) = said
    return only


def test_a_folder_in_the_place_of_a_file_cannot_be_replaced_and_is_named(
    store: ArtifactStore, tmp_path: Path
) -> None:
    place = tmp_path / "artifacts" / FOLDER / f"{NAME}.json"
    (place / "more").mkdir(parents=True)
    said = refused_twice(store, FOLDER)
    assert f"{NAME}.json cannot be reached (IsADirectoryError: {place} is a folder: move it" in said
    assert list(place.parent.iterdir()) == [place]


def test_a_write_that_fails_leaves_nothing_and_says_the_same_at_each_attempt(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes = Path.write_bytes

    def full(path: Path, payload: bytes) -> None:
        write_bytes(path, payload[:1])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    place = tmp_path / "artifacts" / FOLDER / f"{NAME}.json"
    assert f"No space left on device: '{place}'" in refused_twice(store, FOLDER)
    assert list(place.parent.iterdir()) == []


def test_a_write_that_fails_far_away_leaves_nothing_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(_: Any, first: str, place: str) -> None:
        raise PermissionError(f"{first} cannot be moved to {place}")

    monkeypatch.setattr(MemoryFileSystem, "mv", refused)
    store = ArtifactStore("memory://artifacts_of_a_failed_write", seconds=60)
    place = f"/artifacts_of_a_failed_write/{FOLDER}/{NAME}.json"
    assert f"{place} cannot be moved to {place}" in refused_twice(store, FOLDER)
    assert MemoryFileSystem().find("/artifacts_of_a_failed_write") == []


def test_a_file_whose_folder_was_removed_in_the_moment_of_its_writing_is_not_called_stored(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes = Path.write_bytes

    def removed(path: Path, payload: bytes) -> None:
        write_bytes(path, payload)
        shutil.rmtree(tmp_path / "artifacts")

    monkeypatch.setattr(Path, "write_bytes", removed)
    assert "FileNotFoundError" in refused_twice(store, FOLDER)


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

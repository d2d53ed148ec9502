"""Files of artifacts: whole, once, and without what killed processes have left of them."""

from pathlib import Path

import pytest
from upath import UPath

from forecast_assets.store.artifacts import ArtifactStore


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / "Coffee").iterdir())


def test_what_a_killed_process_left_of_a_file_is_deleted(tmp_path: Path) -> None:
    store = ArtifactStore(f"file://{tmp_path}")
    store.write("Coffee", "other", b"{}")
    (tmp_path / "Coffee" / "abc.0123.part").write_bytes(b"{")
    assert store.read(store.write("Coffee", "abc", b"{}")) == b"{}"
    assert names(tmp_path) == ["abc.json", "other.json"]


def test_two_may_write_the_same_file_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(f"file://{tmp_path}")
    write_bytes = UPath.write_bytes

    def overtaken(path: UPath, payload: bytes) -> int:
        written: int = write_bytes(path, payload)
        monkeypatch.undo()
        store.write("Coffee", "abc", payload)  # deletes what the first has just written
        return written

    monkeypatch.setattr(UPath, "write_bytes", overtaken)
    assert store.read(store.write("Coffee", "abc", b"{}")) == b"{}"
    assert names(tmp_path) == ["abc.json"]

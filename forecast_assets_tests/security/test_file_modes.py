"""What is written can be written by its owner only, and is read by no more than before."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from stat import S_IMODE

import pytest

from forecast_assets.configuration.file_modes import as_closed_as, keep_others_from_writing
from forecast_assets.defs.assets.report import replace_file
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.duckdb.file_copy import copy
from forecast_assets.store.duckdb.guard import Guard
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.desk import desk


@pytest.fixture(params=[0o000, 0o022, 0o027, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask of the one who begins, as the project leaves it; afterwards as it was."""
    before = os.umask(request.param)
    keep_others_from_writing()
    try:
        yield request.param | 0o002
    finally:
        os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """The permissions of all files and folders, by their names."""
    return {str(x.relative_to(folder)): S_IMODE(x.stat().st_mode) for x in folder.rglob("*")}


def test_the_umask_is_kept_and_nobody_else_can_write(umask: int, tmp_path: Path) -> None:
    store = desk(tmp_path, "Coffee").store
    store.marks.leave("a mark", datetime(2026, 1, 1))  # noqa: DTZ001 - UTC, as in the tables
    replace_file(tmp_path / "home" / "report.html", "<p>")
    ArtifactStore((tmp_path / "home" / "artifacts").as_uri()).write("a/b/c/d", "0" * 64, b"{}")
    store.copy_to(tmp_path / "home" / "copy.duckdb")
    found = modes(tmp_path / "home")
    assert len(found) >= 8
    assert {name: oct(mode) for name, mode in found.items() if mode & umask} == {}


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_what_replaces_or_copies_a_file_is_as_closed_as_the_file(mode: int, tmp_path: Path) -> None:
    original, fresh = tmp_path / "commodity.duckdb", tmp_path / "copy.duckdb"
    original.write_bytes(b"x")
    original.chmod(mode)
    copy(str(original), str(fresh))
    replace_file(original, "the report")
    Guard(original)._keep([(0, b"block")])
    written = [x for x in tmp_path.iterdir() if x.stat().st_size]  # a lock file is empty
    assert len(written) == 3
    assert {S_IMODE(x.stat().st_mode) for x in written} == {mode}


def test_a_new_file_has_what_the_umask_leaves(tmp_path: Path) -> None:
    with open(tmp_path / "new", "w", opener=as_closed_as(tmp_path / "absent")) as file:
        file.write("x")
    (tmp_path / "usual").write_text("x")
    assert len(set(modes(tmp_path).values())) == 1


def test_a_command_sets_it_for_itself_and_its_children() -> None:
    before = os.umask(0)
    try:
        forecast("status")
        assert os.umask(0) == 0o002
    finally:
        os.umask(before)

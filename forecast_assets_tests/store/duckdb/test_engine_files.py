"""What an engine opens: files, of which another process may delete one at any moment."""

import os
from pathlib import Path
from typing import Any

import pytest

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.engine import require_regular


def test_a_guard_that_goes_while_it_is_looked_at_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, look = tmp_path / "guard", Path.stat
    guard.touch()

    def looked_at(path: Path, **keys: Any) -> os.stat_result:
        found = look(path, **keys)
        if path == guard:  # another process has merged its log
            guard.unlink()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", looked_at)
        require_regular(guard)
        require_regular(guard)
    (tmp_path / "file").touch()
    require_regular(tmp_path / "file" / "guard")


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no file, but a folder"):
        require_regular(tmp_path)

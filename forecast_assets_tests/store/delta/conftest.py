"""Tables of Delta Lake in a folder, three sessions ahead and empty."""

from pathlib import Path

import pytest

from forecast_assets.store.delta.store import DeltaStore
from forecast_assets_tests.engines import open_delta


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    """Tables of its own."""
    return open_delta(tmp_path, 3)

"""Tables of each engine, three sessions ahead and empty."""

from pathlib import Path

import pytest

from forecast_assets.store.contract import Store
from forecast_assets_tests.engines import ENGINES, Engine


@pytest.fixture(
    params=[pytest.param(each, id=name, marks=each.marks) for name, each in ENGINES.items()]
)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine, with the server that it needs."""
    found: Engine = request.param
    if found.server:
        request.getfixturevalue(found.server)
    return found


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> Store:
    """Tables of its own."""
    return engine.opened(tmp_path, 3)

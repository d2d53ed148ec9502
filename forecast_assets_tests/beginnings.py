"""What several tests begin with: a folder that is made once and copied for each of them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """Have data and Dagster's history in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_HOME", str(folder / "home"))
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        patch.setenv("FORECAST_CONFIG", str(folder / "forecast.yaml"))
        yield


@dataclass
class Beginnings:
    """Folders that were made, by what they were made from."""

    root: Path
    made: dict[str, Path] = field(default_factory=dict)

    def copy(self, source: str, make: Callable[[Path], object], target: Path) -> None:
        """Copy what ``make`` puts into an empty folder; it is called once for a ``source``."""
        if source not in self.made:
            place = self.root / str(len(self.made))
            place.mkdir()
            make(place)
            self.made[source] = place
        shutil.copytree(self.made[source], target, dirs_exist_ok=True)

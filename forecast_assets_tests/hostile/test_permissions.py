"""Files and folders that a user may not read or write: each is told, and what is good beside lands.

The commands are processes without root's rights, also where the tests are root's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from forecast_assets.cli.console import UNEXPECTED
from forecast_assets.configuration.home import CONFIGURATION, DAGSTER, DATA
from forecast_assets.store.reader import Reader
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.hostile.cases import require
from forecast_assets_tests.unprivileged import python

NOBODY, READ_ONLY = 0o000, 0o555

CONFIGURED = {
    "model_version": "v1.0",
    "horizon": 3,
    "paths": 10,
    "training": {"cadence": "annually", "start": "2019-01-01", "min_observations": 100},
    "models": ["naive"],
    "artifacts": {"threshold_bytes": 0},
    "landing": {"settle_seconds": 0, "incomplete_seconds": 0},
    "commodities": {
        "Coffee": {"unit": "USc/lb", "source": {"type": "file", "path": "prices/Coffee*.csv"}},
        "Sugar": {"unit": "USc/lb", "source": {"type": "landing"}},
    },
}


LAST, NEXT = date(2019, 7, 12), date(2019, 7, 15)
"""The last session of the prices, and the one after it."""


@dataclass(frozen=True)
class OneUser:
    """A folder with a configuration, and the user who runs commands on it."""

    folder: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def forecast(self, *arguments: str) -> CompletedProcess[str]:
        """A command."""
        places = {CONFIGURATION: str(self.folder / "forecast.yaml"), DATA: "", DAGSTER: ""}
        return python("-m", "forecast_assets.cli", *arguments, environment=places)

    def fails(self, *arguments: str, message: list[str]) -> None:
        """Fail unless a command ends with 1 and says so, and what to do, in a line of each."""
        done = self.forecast(*arguments)
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert "Traceback" not in said
        assert UNEXPECTED not in said
        for each in message:
            require(said, [each])


@contextmanager
def forbidden(path: Path, mode: int) -> Iterator[None]:
    """For a while, give a path permissions that its owner suffers from too."""
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


@pytest.fixture
def site(tmp_path: Path) -> OneUser:
    """A folder with the prices of two commodities, one of them dropped."""
    (tmp_path / "forecast.yaml").write_text(yaml.safe_dump(CONFIGURED))
    history = make_history(400)
    write_prices(tmp_path / "prices" / "Coffee.csv", history)
    write_prices(tmp_path / "data" / "landing" / "Sugar.csv", history)
    (tmp_path / ".dagster").mkdir()
    return OneUser(tmp_path)


def test_these_processes_have_no_rights_of_root(tmp_path: Path) -> None:
    file = tmp_path / "closed"
    file.touch(NOBODY)
    done = python("-c", "import sys; open(sys.argv[1])", str(file))
    assert done.returncode == 1
    assert "PermissionError" in done.stderr


@pytest.mark.parametrize(
    ("closed", "mode", "commands", "message"),
    [
        (
            "forecast.yaml",
            NOBODY,
            [["run"], ["status"]],
            ["forecast.yaml: Permission denied", "FORECAST_CONFIG names the configuration file"],
        ),
        (
            "data",
            READ_ONLY,
            [["run"], ["report"]],
            ["/data: cannot be used: Permission denied;", "set FORECAST_HOME to a folder that can"],
        ),
        (
            ".dagster",
            READ_ONLY,
            [["run"], ["ui"]],
            ["/.dagster: Permission denied;", "set DAGSTER_HOME to a folder that can"],
        ),
    ],
)
def test_a_place_that_is_closed_to_the_user_is_named_with_what_to_set(
    site: OneUser, closed: str, mode: int, commands: list[list[str]], message: list[str]
) -> None:
    with forbidden(site.folder / closed, mode):
        for command in commands:
            site.fails(*command, message=message)


def test_what_cannot_be_read_or_moved_is_told_and_what_is_good_beside_it_is_used(
    site: OneUser,
) -> None:
    landing = site.data / "landing"
    (landing / "Sugar_2.csv").touch(NOBODY)
    with forbidden(site.folder / "prices" / "Coffee.csv", NOBODY):
        site.fails(
            "run",
            message=[
                "Sugar_2.csv: this user may not read it: change its permissions, and drop it again",
                "prices/Coffee.csv cannot be read: this user may not read it: change the permis",
            ],
        )
    assert cutoffs(site) == {"Sugar": LAST}
    assert (landing / "accepted" / "Sugar.csv").exists()
    assert (landing / "rejected" / "Sugar_2.csv").exists()

    (artifact,) = (site.data / "artifacts" / "Sugar").rglob("*.json")
    (landing / "Sugar.csv").write_text(f"date,close\n{NEXT},50\n")
    with forbidden(artifact, NOBODY), forbidden(landing, READ_ONLY):
        site.fails(
            "run",
            message=[
                "Sugar.csv: Permission denied: the landing folder, and accepted, held and rejected",
                "Sugar|2019-01-01: ArtifactsUnavailable: Sugar_naive_2019-01-01_v1.0: the artifact"
                f" Sugar/naive/2019-01-01/v1.0/{artifact.name} cannot be reached",
                "look at artifacts.url; what is stored there is kept, and asked for again later",
            ],
        )
    assert cutoffs(site) == {"Coffee": LAST, "Sugar": LAST}
    assert (landing / "Sugar.csv").exists()
    done = site.forecast("run")
    assert done.returncode == 0, done.stdout
    assert cutoffs(site) == {"Coffee": LAST, "Sugar": NEXT}
    assert not (landing / "Sugar.csv").exists()


def cutoffs(site: OneUser) -> dict[str, date]:
    """The newest cutoff of the forecasts of each commodity that has some."""
    reader = Reader(site.data / "commodity.duckdb")
    return {
        name: reader.point_forecasts(name).data_cutoff_date.max().date()
        for name in set(reader.models().commodity)
    }

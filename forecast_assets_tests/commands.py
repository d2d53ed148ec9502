"""The console script in this process, and folders in which it has run already."""

import shutil
from pathlib import Path

from typer.testing import CliRunner, Result

from forecast_assets.cli import app
from forecast_assets.configuration.home import DAGSTER_OF_DATA, DATA_OF_DAGSTER
from forecast_assets_tests.beginnings import Beginnings, at_home

WRITTEN = "forecast.yaml", "prices", "covariates"
"""What a user has written before the first command."""


def forecast(*arguments: str) -> Result:
    """A command, in the places of the environment."""
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def begin(beginnings: Beginnings, folder: Path, *arguments: str) -> None:
    """Have a folder as it is after this command, which must go well and is executed once.

    The folder is that of a configuration, with the data in ``home`` and Dagster's history in
    ``dagster``.
    """
    files = [file for name in WRITTEN for file in sorted((folder / name).rglob("*"))]
    said = [file.read_text() for file in (folder / WRITTEN[0], *files) if file.is_file()]

    def execute(place: Path) -> None:
        for name in WRITTEN:
            copy(folder / name, place / name)
        with at_home(place):
            done = forecast(*arguments)
            assert done.exit_code == 0, done.output

    beginnings.copy(f"{said} {arguments}", execute, folder)
    (folder / "home" / DAGSTER_OF_DATA).write_text(str(folder / "dagster"))
    (folder / "dagster" / DATA_OF_DAGSTER).write_text(str(folder / "home"))


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, if it is there."""
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy(source, target)

"""``forecast snapshot``: a copy of the tables for programs that only read."""

from pathlib import Path

from rich.console import Console

from forecast_assets.cli.console import write
from forecast_assets.configuration.settings import load_settings
from forecast_assets.defs.summary import spoken_bytes
from forecast_assets.store.opening import open_store


def make_snapshot(console: Console, target: Path | None) -> None:
    """Copy the tables to a file, and print how to open it."""
    settings = load_settings()
    path = target or settings.read_copy_path
    size = open_store(settings).copy_to(path)
    lines = [f"Copied {spoken_bytes(size)} to {path}; open it read-only."]
    ours = settings.database_path.name.partition(".")[0]
    if path.name.partition(".")[0] != ours:
        lines.append(
            f"Under this name its tables are not {ours}.forecast.distributions and so on: attach"
            f" it as {ours}, or call the file {ours}.ANYTHING.duckdb."
        )
    for line in lines:
        write(console, line)

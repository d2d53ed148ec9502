"""``forecast rename``: giving the rows of a commodity its new name in the configuration."""

from rich.console import Console

from forecast_assets.automation.renaming import rename
from forecast_assets.cli.console import write
from forecast_assets.configuration.settings import load_settings
from forecast_assets.store.opening import open_store


def rename_commodity(console: Console, old: str, new: str) -> None:
    """Rename all rows of a commodity, and print how many."""
    settings = load_settings()
    moved = rename(settings, open_store(settings), old, new)
    for table, rows in moved.items():
        write(console, f"{table}: {rows:,} rows")
    write(console, f"{old} is now {new}; `forecast run` goes on with it")

"""``forecast rename``: the rows of a commodity under the name that the configuration has now."""

from rich.console import Console

from forecast_assets.automation.renaming import rename
from forecast_assets.configuration.settings import load_settings
from forecast_assets.store.opening import open_store


def rename_commodity(console: Console, old: str, new: str) -> None:
    """Move all rows, and say how many."""
    settings = load_settings()
    moved = rename(settings, open_store(settings), old, new)
    for table, rows in moved.items():
        console.print(f"{table}: {rows:,} rows", markup=False, highlight=False)
    console.print(f"{old} is now {new}; `forecast run` goes on with it", markup=False)

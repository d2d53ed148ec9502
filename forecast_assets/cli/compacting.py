"""``forecast compact``: small files of the tables are merged."""

from rich.console import Console
from rich.table import Table

from forecast_assets.cli.console import write
from forecast_assets.configuration.settings import load_settings
from forecast_assets.defs.compaction import compact_tables, line_of
from forecast_assets.store.opening import open_store


def compact_and_tell(console: Console) -> None:
    """Compact the tables, and print what was done in each of them."""
    settings = load_settings()
    with console.status("merging small files"):
        done = compact_tables(settings)
    if not done:
        store = open_store(settings)
        write(console, f"{store.place}: nothing to do: {store.engine} tables need no compaction.")
        return
    table = Table("table", "files", "files now", "old files deleted")
    for each in done:
        table.add_row(each.table, f"{each.before:,}", f"{each.after:,}", f"{each.deleted:,}")
    console.print(table)
    write(console, line_of(done))

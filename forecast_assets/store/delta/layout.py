"""How the declared tables lie in Delta: their columns, their folders, and what tells rows apart."""

from collections.abc import Sequence

from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Table

PARTITIONED = ("model_version", "commodity", "training_date")
"""The columns by which the files of a table lie in folders, as far as it has them."""

LARGE = ("forecast.distributions", "forecast.point_estimates")
"""The tables whose files lie in folders by all of these columns, and not only by commodity."""

DRAWN_AT = "generation_timestamp"
"""The column by which a forecast that was drawn again differs from the one before."""


def stored_tables(horizon: int) -> dict[str, Table]:
    """The tables that are stored, by their names without the catalog."""
    return {
        f"{table.room}.{table.short_name}": table
        for table in tables(horizon).values()
        if not table.view
    }


def partition_of(name: str, table: Table) -> list[str]:
    """The columns by which a table's files lie in folders."""
    columns = PARTITIONED if name in LARGE else ("commodity",)
    return [column for column in columns if column in table.schema.names]


def identity(table: Table) -> list[str]:
    """What tells whether a row is the same, even if it was changed, and was not made anew."""
    drawn = [column for column in (DRAWN_AT,) if column in table.schema.names]
    return list(dict.fromkeys([*table.key, *drawn]))


def sessions_in(columns: Sequence[str]) -> int:
    """How many sessions ahead the columns of paths are."""
    return sum(column.startswith("day_") for column in columns)

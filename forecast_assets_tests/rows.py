"""What tables hold, as tests look at it: through the store, whatever engine keeps them."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from forecast_assets.store.contract import Condition, Store
from forecast_assets.store.frames import frame, in_order_of
from forecast_assets_tests.engines import engine_of


def table(
    store: Store, name: str, columns: Sequence[str] | None = None, where: Sequence[Condition] = ()
) -> pa.Table:
    """Rows of a table such as ``forecast.scores``, in the order of their columns from the first."""
    with store.reading() as tables:
        found = tables.read(f"commodity.{name}", columns, where)
    return in_order_of(found, *found.column_names) if len(found) else found


def rows(store: Store, name: str, *columns: str, where: Sequence[Condition] = ()) -> list[Any]:
    """The same as tuples; without columns, of all that the table has."""
    found = table(store, name, columns or None, where)
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


def framed(store: Store, name: str, where: Sequence[Condition] = ()) -> pd.DataFrame:
    """The same as a frame of all columns."""
    return frame(table(store, name, where=where))


def put(store: Store, name: str, content: pa.Table) -> None:
    """Make a table hold just these rows, past all that guards it."""
    engine_of(store).put(store, f"commodity.{name}", content)


def append(store: Store, name: str, arriving: pa.Table) -> None:
    """Put more rows into a table; a column that they lack is NULL."""
    held = table(store, name)
    columns = {
        field.name: arriving.column(field.name).cast(field.type)
        if field.name in arriving.column_names
        else pa.nulls(len(arriving), field.type)
        for field in held.schema
    }
    put(store, name, pa.concat_tables([held, pa.table(columns, schema=held.schema)]))


def add(store: Store, name: str, some: Sequence[dict[str, Any]]) -> None:
    """Put more rows into a table, each with the columns that it has."""
    append(store, name, pa.Table.from_pylist([*some], schema=table(store, name).schema))


def keep(store: Store, name: str, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Delete all rows of a table but those that are wanted."""
    held = table(store, name)
    put(store, name, held.filter(pa.array([wanted(row) for row in held.to_pylist()], pa.bool_())))


def change(store: Store, name: str, changed: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Put other rows in place of those that a table has, one for each."""
    held = table(store, name)
    made = [row | changed(row) for row in held.to_pylist()]
    put(store, name, pa.Table.from_pylist(made, schema=held.schema))

"""Reading the cells of another system's table as the types of ours, as far as they can be."""

import pyarrow as pa
import pyarrow.compute as pc

UNREADABLE = "unreadable"
"""The column that says which cell of a row cannot be read; NULL if all can."""

MOST_SHOWN = 40
"""So many characters of such a cell are shown."""

KINDS = (
    (pa.types.is_date, "a day"),
    (pa.types.is_timestamp, "a moment"),
    (pa.types.is_integer, "a whole number"),
    (pa.types.is_floating, "a number"),
    (pa.types.is_boolean, "TRUE or FALSE"),
    (pa.types.is_string, "a text"),
)
"""What a type is called."""


def read_as(schema: pa.Schema, rows: pa.Table) -> pa.Table:
    """The rows with the columns and types of ``schema``, and with ``UNREADABLE``.

    A cell that cannot be read as its type is NULL.
    """
    columns, told = [], pa.chunked_array([pa.nulls(len(rows), pa.string())])
    for each in schema:
        cells = rows.column(each.name)
        found = _cast(cells, each.type)
        lost = pc.and_(pc.is_valid(cells), pc.is_null(found))
        if pc.any(lost).as_py():
            cell = cells.filter(lost)[0].as_py()
            shown = (repr(cell) if isinstance(cell, str) else str(cell))[:MOST_SHOWN]
            kind = next(name for fits, name in KINDS if fits(each.type))
            said = f"a {each.name} cannot be read as {kind}, such as {shown}"
            told = pc.if_else(lost, pa.scalar(said), told)
        columns.append(found)
    return pa.table([*columns, told], names=[*schema.names, UNREADABLE])


def _cast(cells: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The cells as a type, NULL where that fails: halves are tried until those are found."""
    found = _all_cast(cells, kind)
    if found is not None:
        return found
    if len(cells) == 1:
        return pa.chunked_array([pa.nulls(1, kind)])
    half = len(cells) // 2
    halves = (_cast(cells.slice(0, half), kind), _cast(cells.slice(half), kind))
    return pa.chunked_array([chunk for each in halves for chunk in each.chunks], kind)


def _all_cast(cells: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    """The cells as a type, if all of them can be."""
    try:
        return cells.cast(kind, safe=not pa.types.is_timestamp(kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None

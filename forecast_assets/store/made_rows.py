"""Objects made of rows, which are made again only where the rows differ from those read last.

Plans, checks, scores and the report read all forecasts of a commodity, several times a day, and
almost all of them are those of yesterday. Making an object of each row took three times as long as
reading the rows, and the more days there were, the longer.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from threading import Lock
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

Made = TypeVar("Made")

BLOCK = 128
"""So many rows are compared at once, with those that were at the same place."""

MOST = 4
"""How many readings are kept: with two kinds of rows, those of two commodities or versions."""


@dataclass(frozen=True, eq=False)
class Block(Generic[Made]):
    """Rows, and an object for each."""

    rows: pa.Table
    objects: list[Made]


@dataclass(frozen=True, eq=False)
class Kept(Generic[Made]):
    """The objects of one reading, in blocks by the model and the place of its first row.

    ``state``: of the tables when they were read; None if that cannot be told.
    """

    state: str | None
    blocks: Mapping[tuple[str, int], Block[Made]]


@dataclass
class MadeRows(Generic[Made]):
    """The objects of the last readings; threads may share them."""

    kept: dict[Hashable, Kept[Made]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def of(
        self,
        key: Hashable,
        state: str | None,
        read: Callable[[], pa.Table],
        make: Callable[..., Made],
    ) -> list[Made]:
        """An object for each row, in the order of the rows.

        ``key``: names the reading. ``state``: of the tables, None if it cannot be told; in the
        state of the last reading nothing is read. ``read``: returns the rows in order of models,
        which their first column names. ``make``: makes an object of the values of a row.
        """
        with self.lock:
            last = self.kept.get(key)
        if last is None or state is None or last.state != state:
            last = Kept(state, blocks_of(read(), make, last.blocks if last else {}))
        with self.lock:
            self.kept.pop(key, None)
            self.kept[key] = last
            while len(self.kept) > MOST:
                del self.kept[next(iter(self.kept))]
        return [*chain.from_iterable(block.objects for block in last.blocks.values())]

    def changed(self) -> None:
        """Have all rows be read again, since the tables were written."""
        with self.lock:
            self.kept = {key: Kept(None, each.blocks) for key, each in self.kept.items()}


def blocks_of(
    rows: pa.Table, make: Callable[..., Made], before: Mapping[tuple[str, int], Block[Made]]
) -> dict[tuple[str, int], Block[Made]]:
    """The rows in blocks; a block whose rows are as ``before`` has the objects of before.

    The rows of all other blocks are made into objects at once: models share most of their values.
    """
    # With the old rows the whole table that they are a part of would stay in memory.
    new = dict(in_blocks(rows))
    same = {key for key, some in new.items() if key in before and before[key].rows.equals(some)}
    others = [some for key, some in new.items() if key not in same]
    objects = iter(made(pa.concat_tables(others), make) if others else [])
    return {
        key: Block(some, before[key].objects if key in same else [*islice(objects, len(some))])
        for key, some in new.items()
    }


def in_blocks(rows: pa.Table) -> Iterator[tuple[tuple[str, int], pa.Table]]:
    """The blocks of rows that are in order of models, by the model and the place of the first."""
    first = 0
    for model in rows.column(0).value_counts().to_pylist():
        name, count = model["values"], model["counts"]
        for place in range(0, count, BLOCK):
            yield (name, place), rows.slice(first + place, min(BLOCK, count - place))
        first += count


def made(rows: pa.Table, make: Callable[..., Made]) -> list[Made]:
    """An object for each row; equal values of a column are one object."""
    columns = [_values(column) for column in rows.columns]
    return [make(*row) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_list(column.type):
        items = iter(_values(pc.list_flatten(column)))
        lengths = pc.list_value_length(column).to_pylist()
        return [None if n is None else [*islice(items, n)] for n in lengths]
    coded = column.combine_chunks().dictionary_encode()
    values = coded.dictionary.to_pylist()
    return [None if place is None else values[place] for place in coded.indices.to_pylist()]

"""The files of another system's table, each with the columns and types that it really has.

Files of the same table may write a column in several ways, such as days as dates and as texts. So
each is read with its own types.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from forecast_assets.errors import StoreError


@dataclass(frozen=True)
class ForeignFile:
    """A file; ``schema``: its types, and with NULL the columns that only other files have."""

    fragment: ds.Fragment
    schema: pa.Schema

    @classmethod
    def all_of(cls, rows: ds.Dataset) -> list[Self]:
        """The files of a table. Raises StoreError, with its name, for one that is none."""
        found = [(each, _plain(_schema(each))) for each in rows.get_fragments()]
        every = {each.name: each for schema in (x for _, x in found) for each in schema}
        every |= {each.name: each for each in _plain(rows.schema) if each.name not in every}
        return [
            cls(each, pa.schema({**every, **{x.name: x for x in own}}.values()))
            for each, own in found
        ]

    def rows(self, columns: Sequence[str], where: pc.Expression | None = None) -> pa.Table:
        """Rows of the file. Raises StoreError if it is damaged."""
        return pa.Table.from_batches(list(self.batches(columns, where)), self._of(columns))

    def batches(
        self,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        at_once: int = 131_072,
    ) -> Iterator[pa.RecordBatch]:
        """The rows, at most ``at_once`` of them at a time. Raises StoreError if it is damaged."""
        try:
            yield from self.fragment.to_batches(
                schema=self.schema,
                columns=list(columns or self.schema.names),
                filter=where,
                batch_size=at_once,
            )
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.fragment, error) from error

    def _of(self, columns: Sequence[str]) -> pa.Schema:
        return pa.schema([self.schema.field(name) for name in columns])


def names_of(files: Sequence[ForeignFile], rows: ds.Dataset) -> list[str]:
    """The columns that any file of a table has, or that are declared of one without files."""
    found: list[str] = (files[0].schema if files else rows.schema).names
    return found


def _schema(fragment: ds.Fragment) -> pa.Schema:
    try:
        return fragment.physical_schema
    except (pa.ArrowException, OSError) as error:
        raise _damaged(fragment, error) from error


def _damaged(fragment: ds.Fragment, error: Exception) -> StoreError:
    return StoreError(f"{fragment.path}: it cannot be read: {' '.join(str(error).split())}")


def _plain(schema: pa.Schema) -> pa.Schema:
    """The same with the values of columns that are written as a dictionary of them."""
    return pa.schema(
        [
            each.with_type(each.type.value_type) if pa.types.is_dictionary(each.type) else each
            for each in schema
        ]
    )

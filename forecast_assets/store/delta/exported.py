"""Writing tables into a new folder as Delta tables, which are laid out as a store lays them out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError

from forecast_assets.errors import StoreError
from forecast_assets.store.delta.layout import partition_of
from forecast_assets.store.delta.making import made
from forecast_assets.store.delta.storage import in_words
from forecast_assets.store.delta.workbench import PATHS, WRITTEN_SO
from forecast_assets.store.tables.table import Table


@dataclass(frozen=True)
class LakeWriter:
    """What writes one table, some rows after the others, each in a commit of its own."""

    address: Path
    name: str
    table: Table
    schema: pa.Schema

    def __enter__(self) -> "LakeWriter":
        """Make the table, without rows."""
        folders = [
            each for each in partition_of(self.name, self.table) if each in self.schema.names
        ]
        with _told(self.address):
            made(
                str(self.address),
                self.schema,
                {},
                mode="error",
                partition_by=folders,
                name=self.table.name,
                description=self.table.description,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is open: each commit is whole."""

    def write_table(self, rows: pa.Table) -> None:
        """Append rows; what really happened lies in files of its own, as a store writes it."""
        parts = [rows]
        if self.name == PATHS and "path_id" in rows.column_names:
            parts = [rows.filter(pc.field("path_id") == 0), rows.filter(pc.field("path_id") > 0)]
        with _told(self.address):
            for part in parts:
                if len(part):
                    write_deltalake(
                        str(self.address), part, mode="append", writer_properties=WRITTEN_SO
                    )


def lake_writer(folder: Path, name: str, table: Table, schema: pa.Schema) -> LakeWriter:
    """What writes a table such as ``forecast.scores`` below a folder."""
    return LakeWriter(folder / name.replace(".", "/"), name, table, schema)


@contextmanager
def _told(address: Path) -> Iterator[None]:
    """Turn errors of the library into a StoreError that says where the table is."""
    try:
        yield
    except DeltaError as error:
        raise StoreError(f"{address}: {in_words(error)}") from error

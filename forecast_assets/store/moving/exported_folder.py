"""Reading the tables of an exported folder of Parquet or CSV, as if a store had them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from forecast_assets.errors import StoreError
from forecast_assets.store.contract import Condition
from forecast_assets.store.moving.export_note import ExportNote
from forecast_assets.store.moving.table_files import file_of, rows_in
from forecast_assets.store.tables import tables as declared_tables
from forecast_assets.store.tables.table import CATALOG, Table


@dataclass(frozen=True)
class ExportedFolder:
    """A ``Reading`` of the files of an export; ``note``: what the export says of itself."""

    folder: Path
    note: ExportNote
    _opened: dict[str, ds.Dataset] = field(default_factory=dict)

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns, in order."""
        return list(self._rows(table).schema.names)

    def read(
        self, table: str, columns: Sequence[str] | None = None, where: Sequence[Condition] = ()
    ) -> pa.Table:
        """The rows of a table that meet all conditions, with the types that are declared.

        Raises StoreError for a file that is damaged.
        """
        declared, rows = self._declared(table), self._rows(table)
        met = [_met(each) for each in where]
        only = met[0] if met else None
        for each in met[1:]:
            only = only & each
        named = list(columns or declared.schema.names)
        plain = pa.schema([declared.plain_schema.field(name) for name in named])
        try:
            found = rows.to_table(columns=named, filter=only)
            return found.cast(pa.schema([each.with_nullable(True) for each in plain]))
        except (pa.ArrowException, OSError) as error:
            raise StoreError(f"{self._file(table)}: {' '.join(str(error).split())}") from error

    def require_whole(self) -> None:
        """Raise StoreError unless each table has all of its columns, and as many rows as noted."""
        for table in declared_tables(self.note.horizon).values():
            if not table.view:
                self._require_like(table)

    def _require_like(self, table: Table) -> None:
        file, noted = (
            self._file(table.name),
            self.note.tables[table.name.removeprefix(f"{CATALOG}.")],
        )
        found, due = self.columns(table.name), table.schema.names
        if found != due:
            unlike = sorted(set(found) ^ set(due)) or found
            raise StoreError(
                f"{file}: its columns are not those of this release: {', '.join(unlike)}"
            )
        try:
            rows = self._rows(table.name).count_rows()
        except (pa.ArrowException, OSError) as error:
            raise StoreError(f"{file}: {' '.join(str(error).split())}") from error
        if rows != noted:
            raise StoreError(f"{file}: {rows:,} rows, and the export had {noted:,}: export again")

    def _rows(self, table: str) -> ds.Dataset:
        if table not in self._opened:
            file, schema = self._file(table), self._declared(table).plain_schema
            if not file.is_file():
                raise StoreError(f"{file}: there is no such file: export again")
            try:
                self._opened[table] = rows_in(file, schema, self.note.form)
            except (pa.ArrowException, OSError) as error:
                raise StoreError(f"{file}: {' '.join(str(error).split())}") from error
        return self._opened[table]

    def _file(self, table: str) -> Path:
        return file_of(self.folder, table.removeprefix(f"{CATALOG}."), self.note.form)

    def _declared(self, table: str) -> Table:
        return declared_tables(self.note.horizon)[table]


def _met(condition: Condition) -> pc.Expression:
    """A condition as pyarrow filters by it."""
    column, how, value = condition
    given = pc.field(column)
    if how == "in":
        return given.isin(list(value))
    if how == "<=":
        return given <= value
    if how == ">=":
        return given >= value
    return given == value

"""Where a write is made: the rows that it may change, as tables of DuckDB in memory.

What the write has done to them is found by comparing each row with itself as it was before, and
committed to Delta, a table at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from deltalake import DeltaTable, WriterProperties, write_deltalake

from forecast_assets.store.delta.layout import identity
from forecast_assets.store.delta.predicate import Value, predicate
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.names import quoted
from forecast_assets.store.tables.table import Table

PATHS = "forecast.distributions"
OUTCOME, PATH = "path_id = 0", "path_id > 0"
"""Path 0 is written anew each day, so it lies in files of its own."""

BY_CUTOFF = (
    PATHS,
    "forecast.point_estimates",
    "forecast.superseded_point_forecasts",
    "forecast.scores",
    "forecast.path_scores",
)
"""The large tables, of which only rows of the cutoffs of a write are looked at."""

TELLING = (
    "commodity",
    "model_version",
    "model_name",
    "training_date",
    "data_cutoff_date",
    "date",
    "sha256",
    "mark",
)
"""The columns by which a commit says which rows it replaces."""

ROWS_OF_A_FILE = 122_880
"""The rows of a row group of the files."""

WRITTEN_SO = WriterProperties(compression="ZSTD", max_row_group_size=ROWS_OF_A_FILE)
"""How files are written."""


@dataclass(frozen=True, eq=False)
class Bench:
    """One table of a write. ``among``: the rows of the table that are looked at here, as SQL."""

    connection: Connection
    declared_name: str
    table: Table
    delta: DeltaTable
    among: str | None = None

    @property
    def before(self) -> str:
        """The name of the table that remembers the rows before the write."""
        part = "_outcome" if self.among == OUTCOME else ""
        return f"before_{self.declared_name.replace('.', '_')}{part}"

    @property
    def telling(self) -> list[str]:
        """The columns by which its rows are told apart."""
        return [column for column in TELLING if column in self.table.schema.names]

    @property
    def same(self) -> str:
        """Whether a row is one from before: the same even if it was changed, but not made anew."""
        names = map(quoted, identity(self.table))
        return " AND ".join(f"was.{name} IS NOT DISTINCT FROM here.{name}" for name in names)

    def remember(self) -> None:
        """Before the write: remember each row by its place and a hash of what it says."""
        known = map(quoted, dict.fromkeys([*self.telling, *identity(self.table)]))
        columns = ", ".join(["rowid AS _place", "hash(held) AS _said", *known])
        self.connection.execute(
            f"CREATE TEMP TABLE {self.before} AS SELECT {columns} FROM {self._held}"  # noqa: S608
        )

    @cached_property
    def removed(self) -> int:
        """How many rows the write has deleted or changed."""
        return self._count(self._removed)

    @cached_property
    def added(self) -> int:
        """How many rows the write has added, or changed."""
        return self._count(self._added)

    @property
    def is_changed(self) -> bool:
        """Whether the write has changed anything."""
        return bool(self.removed or self.added)

    @property
    def _held(self) -> str:
        where = f"WHERE {self.among}" if self.among else ""
        return f"{self.declared_name} AS held {where}"

    @property
    def _now(self) -> str:
        return f"(SELECT rowid AS _place, hash(held) AS _said, * FROM {self._held})"  # noqa: S608

    @property
    def _removed(self) -> str:
        return f"{self.before} ANTI JOIN {self._now} AS here USING (_place, _said)"

    @property
    def _gone(self) -> str:
        return f"{self.before} AS was ANTI JOIN {self._now} AS here ON {self.same}"

    @property
    def _added(self) -> str:
        return f"{self._now} AS here ANTI JOIN {self.before} USING (_place, _said)"

    def _count(self, rows: str) -> int:
        ((count,),) = self.connection.execute(f"SELECT count(*) FROM {rows}").fetchall()  # noqa: S608
        return int(count)

    @cached_property
    def gone(self) -> int:
        """How many rows the write has deleted, or made anew."""
        return self._count(self._gone)

    def take_away(self) -> None:
        """Commit that rows are gone which the write has deleted or made anew."""
        others = f"{self._now} AS here SEMI JOIN {self.before} AS was ON {self.same}"
        self._commit(self._which([self._gone]), others)

    def commit(self) -> None:
        """Commit the rows as the write has left them."""
        self._commit(self._which([self._removed, self._added]), f"{self._now} AS here")

    def _which(self, rows: Sequence[str]) -> str:
        """The condition of the rows that a commit replaces: those with the values of these rows."""
        values = {column: self._told(column, rows) for column in self.telling}
        return predicate(values, self.among, exactly=self.declared_name in BY_CUTOFF)

    def _told(self, column: str, rows: Sequence[str]) -> list[Value]:
        """All values of a column in some rows, in order."""
        union = " UNION ".join(f'SELECT "{column}" FROM {some}' for some in rows)  # noqa: S608
        return [value for (value,) in self.connection.execute(f"{union} ORDER BY ALL").fetchall()]

    def _commit(self, which: str, rows: str) -> None:
        columns = ", ".join(
            f'"{column.name}"{"::VARCHAR" if column.sql_type == "JSON" else ""} AS "{column.name}"'
            for column in self.table.columns
        )
        query = f"SELECT {columns} FROM {rows} WHERE {which}"  # noqa: S608
        reader = self.connection.sql(query).to_arrow_reader(ROWS_OF_A_FILE)
        write_deltalake(
            self.delta,
            reader.cast(self.table.plain_schema),
            mode="overwrite",
            predicate=which,
            writer_properties=WRITTEN_SO,
        )

"""All tables as they are at one moment, though Delta has no transaction over several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa
import pyarrow.dataset as ds

from forecast_assets.store.sql.confined import confined
from forecast_assets.store.sql.names import quoted

Rows: TypeAlias = ds.Dataset | pa.Table


@dataclass(frozen=True)
class Shown:
    """The rows of a table that are shown, and of which versions they are."""

    versions: tuple[int, ...]
    rows: Rows


NOTHING = Shown((), pa.table({}))
"""A table that is not there."""


@dataclass(frozen=True)
class Moment:
    """The rows of all tables that there are, by their names without the catalog."""

    shown: Mapping[str, Shown]

    @property
    def rows(self) -> dict[str, Rows]:
        """The rows of each table."""
        return {name: shown.rows for name, shown in self.shown.items()}

    @property
    def token(self) -> str:
        """A text that is different if any table shows other rows."""
        return versions_of(self.shown)


def versions_of(shown: Mapping[str, Shown]) -> str:
    """A text that is different if any table has another version."""
    return " ".join(f"{name}:{','.join(map(str, shown[name].versions))}" for name in sorted(shown))


def rows_in_both(before: Rows, after: Rows, identity: Sequence[str]) -> pa.Table:
    """The rows of a table that were there before, told by some columns, as they are after."""
    if not before.schema.names:
        return after.schema.empty_table()
    columns = ", ".join(map(quoted, identity))
    with confined() as connection:
        connection.register("before", before)
        connection.register("after", after)
        return connection.sql(
            f"SELECT after.* FROM after SEMI JOIN before USING ({columns})"  # noqa: S608
        ).to_arrow_table()

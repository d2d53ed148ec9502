"""``commodity.market.marks``: marks, by which runs recognise the tables that they worked on.

The first mark is made together with the tables, and each run of a plan leaves one when it ends.
Tables that were emptied have none of the older marks. Tables that were restored from a copy have
only the marks up to that copy.
"""

from dataclasses import dataclass
from datetime import datetime

from forecast_assets.store.sql.database import Database
from forecast_assets.store.sql.writes import MARKS

FIRST = """
    INSERT INTO market.marks
    SELECT uuid()::VARCHAR, 1, now() AT TIME ZONE 'UTC'
    WHERE NOT EXISTS (FROM market.marks)
"""

LEAVE = """
    INSERT INTO market.marks
    SELECT $mark, (SELECT max(place) + 1 FROM market.marks), $at
    WHERE NOT EXISTS (FROM market.marks WHERE mark = $mark)
"""


@dataclass(frozen=True)
class DuckDBMarkTable:
    """Marks in DuckDB."""

    database: Database

    def leave(self, mark: str, at: datetime) -> None:
        """Add a mark, unless it is there already."""
        said = {"mark": mark, "at": at}
        self.database.write(MARKS, lambda connection: connection.execute(LEAVE, said))

    def found(self) -> list[str]:
        """All marks, the newest last."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT mark FROM market.marks ORDER BY place").fetchall()
        return [mark for (mark,) in rows]

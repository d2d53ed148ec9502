"""``commodity.market.marks``: how far these tables have come, so that a copy is told from another.

The first mark is made with the tables; each run that a sensor asks for leaves its own at its end.
Tables that were emptied have none of the older marks, and those restored from a copy have the
marks up to the copy.
"""

from dataclasses import dataclass
from datetime import datetime

from forecast_assets.store.duckdb.database import Database

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
        """Add a mark, unless it is there."""
        with self.database.writing() as connection:
            connection.execute(LEAVE, {"mark": mark, "at": at})

    def found(self) -> list[str]:
        """Every mark, the newest last."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT mark FROM market.marks ORDER BY place").fetchall()
        return [mark for (mark,) in rows]

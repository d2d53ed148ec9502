"""Files of older releases, as DuckDB exports them."""

from contextlib import closing
from pathlib import Path

import duckdb

GOLDEN = Path(__file__).parents[2] / "golden"
"""Files of each released schema: ``schema_1`` is that of 0.1.0."""


def older_file(path: Path, release: Path = GOLDEN / "schema_1") -> None:
    """Make a file of an older release."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(duckdb.connect(path)) as connection:
        for part in ("schema.sql", "load.sql"):
            text = (release / part).read_text()
            connection.execute(text.replace("FROM '", f"FROM '{release}/"))

"""Files of older releases, as DuckDB exports them, or as migrations leave them on the way."""

from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from forecast_assets.store.duckdb import migrations
from forecast_assets.store.duckdb.migrations import (
    MIGRATIONS,
    UNNUMBERED,
    file_definitions,
    upgrade,
)

GOLDEN = Path(__file__).parents[2] / "golden"
"""Files of each released schema: ``schema_1`` is that of 0.1.0."""


def older_file(path: Path, release: Path = GOLDEN / "schema_1") -> None:
    """Make a file of an older release."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(duckdb.connect(path)) as connection:
        for part in ("schema.sql", "load.sql"):
            text = (release / part).read_text()
            connection.execute(text.replace("FROM '", f"FROM '{release}/"))


UPGRADED = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - as the tables keep it

HORIZON = 3
"""That of the file of the first release."""

OF_THE_LOG = 3
"""The schema from which the views of today can be made, as publications are no table any more."""


def upgraded_to(path: Path, schema: int) -> None:
    """Have migrations make a file of an older schema of one of the first release."""
    if schema == UNNUMBERED:
        return
    due = file_definitions(HORIZON, path.stem)
    if schema < OF_THE_LOG:
        due = tuple(each for each in due if "TABLE IF NOT EXISTS market.schema_versions" in each)
    with closing(duckdb.connect(path)) as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", MIGRATIONS[: schema - UNNUMBERED])
        upgrade(connection, due, UNNUMBERED, UPGRADED, path)
        connection.execute("DELETE FROM market.schema_versions")
        connection.execute(
            "INSERT INTO market.schema_versions VALUES (?, ?, NULL)", [schema, UPGRADED]
        )

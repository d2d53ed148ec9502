"""Upgrades of a file's tables to the schema of this release, after a backup.

Each release that changes what tables mean has a schema with a number of its own. A file keeps the
numbers that it has had in ``commodity.market.schema_versions``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.file_copying import in_another_process
from forecast_assets.store.duckdb.names import quoted

UNNUMBERED = 1
"""The schema of release 0.1.0, which did not store its number."""


@dataclass(frozen=True)
class Migration:
    """What leads from the schema before to the schema ``number``.

    ``before`` and ``after``: statements to execute before the definitions of this release, when
    the tables are those of the schema before, and after them.
    """

    number: int
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


MIGRATIONS = (Migration(2),)
"""In order. 2: the number of the schema is stored."""

SCHEMA = MIGRATIONS[-1].number
"""The schema of this release."""

FIRST = f"""
    INSERT INTO market.schema_versions
    SELECT {SCHEMA}, now() AT TIME ZONE 'UTC', NULL WHERE NOT EXISTS (FROM market.schema_versions)
"""
"""The number that new tables get."""

PLACES = """
    SELECT table_name FROM information_schema.tables WHERE table_schema IN ('market', 'forecast')
"""

DERIVED = """
    SELECT 'VIEW', schema_name, view_name FROM duckdb_views()
    WHERE schema_name IN ('market', 'forecast') AND database_name = current_database()
    UNION ALL
    SELECT 'MACRO TABLE', schema_name, function_name FROM duckdb_functions()
    WHERE schema_name IN ('market', 'forecast') AND database_name = current_database()
"""
"""What has no rows of its own, and is made anew by the definitions of a release."""


def schema_of(connection: duckdb.DuckDBPyConnection, path: Path) -> int | None:
    """The number of a file's schema; None if it has no tables yet.

    Raises StoreError if the schema is newer than this release.
    """
    places = {name for (name,) in connection.execute(PLACES).fetchall()}
    if not places:
        return None
    if "schema_versions" not in places:
        return UNNUMBERED
    newest = "SELECT max(schema_version) FROM market.schema_versions"
    ((found,),) = connection.execute(newest).fetchall()
    if found > SCHEMA:
        raise StoreError(
            f"{path}: the tables are of a newer release (schema {found}; this one knows up to"
            f" {SCHEMA}): install that release, or go back to the copy that it made before it"
            f" changed them, {path.stem}.schema-*{path.suffix}"
        )
    return int(found)


def backed_up(path: Path, schema: int, at: datetime, told: Callable[[str], object]) -> Path:
    """Copy a file that is to be upgraded, and tell of it; return the copy."""
    copy = path.with_name(f"{path.stem}.schema-{schema}.{at:%Y%m%dT%H%M%S}{path.suffix}")
    fresh = copy.with_name(f".{copy.name}.new")
    in_another_process(path, fresh)
    fresh.replace(copy)
    told(
        f"{path.name}: its tables are of schema {schema} and become those of schema {SCHEMA}; as"
        f" they were, they are kept in {copy} ({copy.stat().st_size / 1e6:,.1f} MB)"
    )
    return copy


def upgrade(
    connection: duckdb.DuckDBPyConnection,
    definitions: tuple[str, ...],
    schema: int,
    at: datetime,
    backup: Path,
) -> None:
    """Within a transaction: turn the tables of an older schema into those of this release."""
    due = [migration for migration in MIGRATIONS if migration.number > schema]
    for migration in due:
        for statement in migration.before:
            connection.execute(statement)
    for kind, place, name in connection.execute(DERIVED).fetchall():
        connection.execute(f"DROP {kind} {quoted(place)}.{quoted(name)}")
    for definition in definitions:
        connection.execute(definition)
    for migration in due:
        for statement in migration.after:
            connection.execute(statement)
    connection.execute(
        "INSERT OR REPLACE INTO market.schema_versions VALUES ($number, $at, $backup)",
        {"number": SCHEMA, "at": at, "backup": backup.name},
    )

"""Upgrades of a file's tables to the schema of this release, after a backup.

Each release that changes what tables mean has a schema with a number of its own. A file keeps the
numbers that it has had in ``commodity.market.schema_versions``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.file_copying import in_another_process
from forecast_assets.store.sql.definitions import definitions
from forecast_assets.store.sql.mark_table import FIRST as FIRST_MARK

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


OVER_SESSIONS = ("absolute_error", "squared_error", "pinball_loss", "crps")

MAY_BE_UNDEFINED = {
    "scores": OVER_SESSIONS,
    "path_scores": (*OVER_SESSIONS, "energy_score", "variogram_score"),
}
"""The columns that were NOT NULL up to schema 4."""

MIGRATIONS = (
    Migration(2),
    Migration(
        3,
        before=(
            "CREATE TEMP TABLE published AS FROM forecast.publications",
            "DROP TABLE forecast.publications",
        ),
        after=(
            """
            INSERT INTO forecast.publication_log BY NAME
            SELECT published.*, 1 AS entry, TRUE AS is_published, forecast_start_date,
                generation_timestamp, cutoff_close
            FROM published LEFT JOIN forecast.forecasts
                USING (commodity, model_name, model_version, data_cutoff_date)
            """,
            "DROP TABLE published",
        ),
    ),
    Migration(
        4,
        after=tuple(
            f"UPDATE forecast.{table} SET issued_at = generation_timestamp"  # noqa: S608 - ours
            for table in ("forecasts", "superseded_forecasts")
        ),
    ),
    Migration(
        5,
        before=(
            *(
                f"ALTER TABLE forecast.{table} ALTER COLUMN {score} DROP NOT NULL"
                for table, scores in MAY_BE_UNDEFINED.items()
                for score in scores
            ),
            "CREATE TEMP TABLE words AS FROM market.price_words",
            "DROP TABLE market.price_words",
        ),
        after=(
            "INSERT INTO market.price_words BY NAME FROM words",
            "DROP TABLE words",
            *(
                f"UPDATE forecast.{table} SET {score} = NULL WHERE isinf({score})"  # noqa: S608
                for table, scores in MAY_BE_UNDEFINED.items()
                for score in scores
            ),
            "UPDATE forecast.leaderboard SET undefined_forecasts = 0",
            # An address of an artifact is relative to the store, whose own may hold a password.
            r"""
            UPDATE forecast.trained_models
            SET fitted_model_uri = regexp_extract(fitted_model_uri, '([^/]+/){4}[^/]+$')
            WHERE fitted_model_uri LIKE '%://%'
            """,
        ),
    ),
)
"""In order. 2: the number of the schema is stored. 3: publications are a log. 4: versions are
pinned, and superseded forecasts can be drawn as they were. 5: a score may be NULL where it is not
defined, a price may be withdrawn by a word, and addresses of artifacts are relative.

What was published by older releases is taken over without the numbers of its page.
"""

WITHOUT_URLS = 5
"""The first schema in which no row has a URL, which may hold the password of a store."""

OF_THE_OWNER = 0o600
"""What the mode of a file before an upgrade may have."""

SCHEMA = MIGRATIONS[-1].number
"""The schema of this release."""

FIRST = f"""
    INSERT INTO market.schema_versions
    SELECT {SCHEMA}, now() AT TIME ZONE 'UTC', NULL WHERE NOT EXISTS (FROM market.schema_versions)
"""
"""The number that new tables get."""


def file_definitions(horizon: int, catalog: str) -> tuple[str, ...]:
    """The statements that make all that a file has, and those of its first rows."""
    return (*definitions(horizon, catalog), FIRST_MARK, FIRST)


PLACES = """
    SELECT table_name FROM information_schema.tables WHERE table_schema IN ('market', 'forecast')
"""

DERIVED = re.compile(r"\s*CREATE (VIEW|MACRO) IF NOT EXISTS ([\w.]+)")
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
    if found is None:
        raise StoreError(
            f"{path}: market.schema_versions is empty, so these tables are of no release: put back"
            " a copy of the file"
        )
    if found > SCHEMA:
        raise StoreError(
            f"{path}: the tables are of a newer release (schema {found}; this one knows up to"
            f" {SCHEMA}): install that release, or go back to the copy that it made before it"
            f" changed them, {path.stem}.schema-*{path.suffix}"
        )
    return int(found)


def backed_up(path: Path, schema: int, at: datetime, told: Callable[[str], object]) -> Path:
    """Copy a file that is to be upgraded, and tell of it; return the copy.

    Only the owner may read the copy. What killed processes have left of such copies is deleted.
    """
    for left in path.parent.glob(f".{path.stem}.schema-*.new"):
        left.unlink(missing_ok=True)
    copy = path.with_name(f"{path.stem}.schema-{schema}.{at:%Y%m%dT%H%M%S}{path.suffix}")
    fresh = copy.with_name(f".{copy.name}.new")
    in_another_process(path, fresh)
    fresh.chmod(fresh.stat().st_mode & OF_THE_OWNER)
    fresh.replace(copy)
    secrets = (
        ". If artifacts.url ever had a password or a key, change it there: this copy has it, and so"
        f" may blocks of {path.name} that are free now"
    )
    told(
        f"{path.name}: its tables are of schema {schema} and become those of schema {SCHEMA}; as"
        f" they were, they are kept in {copy} ({copy.stat().st_size / 1e6:,.1f} MB)"
        f"{secrets if schema < WITHOUT_URLS else ''}"
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
    for statement in drops(definitions):
        connection.execute(statement)
    for definition in definitions:
        connection.execute(definition)
    for migration in due:
        for statement in migration.after:
            connection.execute(statement)
    connection.execute(
        "INSERT OR REPLACE INTO market.schema_versions VALUES ($number, $at, $backup)",
        {"number": SCHEMA, "at": at, "backup": backup.name},
    )


def drops(definitions: tuple[str, ...]) -> Iterator[str]:
    """The statements that drop the views and macros of definitions, and no others."""
    for definition in definitions:
        if found := DERIVED.match(definition):
            kind = "VIEW" if found[1] == "VIEW" else "MACRO TABLE"
            yield f"DROP {kind} IF EXISTS {found[2]}"

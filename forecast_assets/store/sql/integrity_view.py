"""Rows that break what their table declares: its key, its rules, and which values may be missing.

The file refuses such rows, so they can only come from other programs or from damage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from forecast_assets.evaluation.leaderboard import ALL
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.definitions import condition
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import DAYS, Table

FLOATING = (pa.float32(), pa.float64())

ARRIVING = "arriving"
"""What rows are called that are not in the tables."""

MINE = "($commodity::VARCHAR IS NULL OR {commodity} = $commodity)"

COUNT = "SELECT {counts} FROM {name} WHERE {mine}"

BROKEN = """
    SELECT $table AS "table", $kind AS kind, $found AS found, {whose}, count(*) AS rows
    FROM {name} WHERE {mine} AND ({broken}) GROUP BY ALL ORDER BY ALL
"""

REPEATED = """
    SELECT $table AS "table", $kind AS kind, $found AS found, {whose}, sum(times)::BIGINT AS rows
    FROM (
        SELECT {key}, count(*) - 1 AS times FROM {name} WHERE {mine}
        GROUP BY {key} HAVING count(*) > 1
    ) GROUP BY ALL HAVING sum(times) > 0 ORDER BY ALL
"""


@dataclass(frozen=True)
class Broken:
    """A condition in SQL that no row meets, with the kind of damage and what was found."""

    kind: str
    found: str
    condition: str


@dataclass(frozen=True)
class DuckDBIntegrityView:
    """What breaks the declarations of tables in DuckDB."""

    database: Database
    horizon: int

    def commodities(self) -> list[str]:
        """All commodities that any table has a row of, in order."""
        named = [x for x in tables(self.horizon).values() if "commodity" in x.schema.names]
        query = " UNION ".join(
            f"SELECT commodity FROM {table.room}.{table.short_name}"  # noqa: S608 - tables of ours
            for table in named
            if not table.view
        )
        with self.database.reading() as connection:
            rows = connection.execute(f"FROM ({query}) ORDER BY ALL").fetchall()
        return [name for (name,) in rows if name not in (None, ALL)]

    def broken_among(self, table: str, rows: pa.Table) -> pa.Table:
        """The same of rows that are not in the tables; ``table``: whose they would be."""
        declared = tables(self.horizon)[table]
        with self.database.reading() as connection:
            connection.register(ARRIVING, rows)
            found = [*_found(connection, declared, ARRIVING, None, [*_documents(declared)])]
        return pa.concat_tables([NOTHING, *found])

    def broken(self, commodity: str | None) -> pa.Table:
        """The rows that break a declaration, counted: see the contract."""
        found = [NOTHING]
        with self.database.reading() as connection:
            for table in tables(self.horizon).values():
                has_commodity = "commodity" in table.schema.names
                if not table.view and (has_commodity or commodity is None):
                    name = f"{table.room}.{table.short_name}"
                    found += _found(connection, table, name, commodity)
        return pa.concat_tables(found)


NOTHING = pa.schema(
    [
        *((name, pa.string()) for name in ("table", "kind", "found")),
        *((name, pa.string()) for name in ("commodity", "model_name", "model_version")),
        ("day", pa.date32()),
        ("rows", pa.int64()),
    ]
).empty_table()


def _found(
    connection: Connection,
    table: Table,
    name: str,
    commodity: str | None,
    more: Sequence[Broken] = (),
) -> Iterator[pa.Table]:
    """What is wrong in a table: all is counted at once, and what there is looked at.

    ``name``: what its rows are called in SQL. ``more``: what no row may be besides its rules.
    """
    named = "commodity" if "commodity" in table.schema.names else "NULL"
    mine = MINE.format(commodity=named)
    rules = [*_rules(table), *more]
    counts = ", ".join(f"count(*) FILTER (WHERE {each.condition})" for each in rules)
    query = COUNT.format(counts=counts, name=name, mine=mine)
    (counted,) = connection.execute(query, {"commodity": commodity}).fetchall()
    queries = [
        (
            each.kind,
            each.found,
            BROKEN.format(
                whose=_whose(table, table.schema.names), name=name, mine=mine, broken=each.condition
            ),
        )
        for each, rows in zip(rules, counted, strict=True)
        if rows
    ]
    if table.key:
        said = f"more than one row has the same {', '.join(table.key)}"
        key = ", ".join(f'"{column}"' for column in table.key)
        whose = _whose(table, table.key)
        query = REPEATED.format(whose=whose, key=key, name=name, mine=mine)
        queries.append(("repeated row", said, query))
    for kind, said, query in queries:
        header = {"table": table.name, "kind": kind, "found": said, "commodity": commodity}
        yield connection.sql(query, params=header).to_arrow_table().cast(NOTHING.schema)


def _rules(table: Table) -> Iterator[Broken]:
    """What no row of a table may be."""
    for each in table.columns:
        if not each.nullable:
            yield Broken("missing value", f"{each.name} has no value", f'"{each.name}" IS NULL')
        if each.type in FLOATING:
            said = f"{each.name} is infinite or no number"
            yield Broken("not a number", said, f'NOT isfinite("{each.name}")')
    for rule in table.rules:
        said = f"a row is not {condition(rule)}"
        yield Broken("broken rule", said, f"NOT ({condition(rule)})")


def _documents(table: Table) -> Iterator[Broken]:
    """That documents are JSON, of which columns of that type have nothing else."""
    for each in table.columns:
        if each.type == pa.json_():
            said = f"{each.name} is not JSON"
            yield Broken("not JSON", said, f'NOT json_valid("{each.name}")')


def _whose(table: Table, columns: Sequence[str]) -> str:
    """Of which forecast or day a row is, as far as these columns tell."""
    texts = [
        f'"{name}"' if name in columns else f"'' AS \"{name}\""
        for name in ("commodity", "model_name", "model_version")
    ]
    day = next((name for name in DAYS if name in columns), None)
    finite = f'CASE WHEN isfinite("{day}") THEN "{day}" END AS day'  # others fit no date of Python
    return ", ".join([*texts, finite if day else "NULL::DATE AS day"])

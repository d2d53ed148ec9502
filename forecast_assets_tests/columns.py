"""The lists of columns in docs/tables.md, made from the tables as the store declares them.

``python -m forecast_assets_tests.columns`` writes them anew.
"""

import re
from itertools import groupby

from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Column, Table
from forecast_assets_tests.graphs import ROOT

PAGE = ROOT / "docs" / "tables.md"

BEGIN, END = "<!-- {name}: made by `make columns` -->\n", "<!-- end of what is made -->\n"

LIST = re.compile(re.escape(BEGIN).replace(r"\{name\}", r"([\w.]+)") + ".*?" + END, re.DOTALL)
"""A list in the page, with the name of its table."""

FEW = 6
"""So many names are written out; of more, the first and the last."""


def listed(table: Table) -> str:
    """The columns of a table as a Markdown table, those that say the same in one row."""
    lines = ["| column | type | |", "|---|---|---|"]
    for (said, kind), some in groupby(
        table.columns, key=lambda each: (each.description, typed(each))
    ):
        names = [f"`{column.name}`" for column in some]
        named = ", ".join(names) if len(names) <= FEW else f"{names[0]} ... {names[-1]}"
        lines.append(f"| {named} | {kind} | {said} |")
    if table.key:
        keys = ", ".join(f"`{name}`" for name in table.key)
        lines += ["", f"No two rows have the same {keys}."]
    return "\n".join([*lines, ""])


def typed(column: Column) -> str:
    """The type of a column as SQL calls it, and whether it may be NULL."""
    return f"{column.sql_type}{' or NULL' if column.nullable else ''}"


def relisted(page: str) -> str:
    """The page with its lists as the tables are now."""
    known = tables(14)
    return LIST.sub(lambda found: BEGIN.format(name=found[1]) + listed(known[found[1]]) + END, page)


if __name__ == "__main__":
    PAGE.write_text(relisted(PAGE.read_text()))

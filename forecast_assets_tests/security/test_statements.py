"""Every statement of SQL is a literal, or made of names that the project declares."""

import pytest

from forecast_assets_tests.graphs import ROOT
from forecast_assets_tests.security.statements import Package


def test_every_statement_is_made_of_literals_and_declared_names() -> None:
    package = Package.of(ROOT / "forecast_assets")
    assert [str(each) for each in package.unsafe()] == []
    found = sum(1 for module in package.modules.values() for _ in module.statements())
    assert found > 80  # or the check looks at nothing


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("connection.execute(f\"SELECT * FROM prices WHERE commodity = '{name}'\")", "name"),
        ("connection.sql('SELECT ' + name)", "name"),
        ("connection.sql('SELECT {}'.format(name))", "name"),
        ("connection.sql('SELECT %s' % name)", "name"),
        ("connection.execute(' '.join(['SELECT', name]))", "name"),
        ("statement = f'SELECT {name}'\n    connection.execute(statement)", "name"),
        ("for each in [name]:\n        connection.execute(each)", "name"),
        ("connection.execute(open('statements.sql').read())", "open('statements.sql').read()"),
        ("connection.execute(row.text)", "row.text"),
        ("connection.execute(inner(name))", "name"),
        ("connection.execute(select(text(f'{name}')))", "select(text(f'{name}'))"),
        ("connection.execute(text(f'SELECT {name}'))", "text(f'SELECT {name}')"),
        ("clause = text(name)\n    connection.execute(select(t).where(clause))", "text(name)"),
        ("connection.execute(query=f'SELECT {name}')", "name"),
        ("connection.execute(**name)", "connection.execute(**name)"),
        ("connection.execute(*name)", "name"),
        ("connection.execute(inner(*name))", "inner(*name)"),
        ("connection.execute(inner(**name))", "inner(**name)"),
        ("connection.execute(usual())", "environ"),
        ("run = connection.execute\n    run(f'SELECT {name}')", "connection.execute"),
        ("connection.executescript(f'SELECT {name}')", "name"),
        ("read_sql_query(f'SELECT {name}', connection)", "name"),
        ("pandas.read_sql_query(f'SELECT {name}', connection)", "name"),
        ("connection.table('prices').filter(f'commodity = {name}')", "name"),
        ("connection.table('prices').filter('commodity = ' + name)", "name"),
        ("connection.execute(f'SELECT {row.key}')", "row.key"),
        ("connection.execute(row.condition)", "row.condition"),
        (
            "parts = ['SELECT']\n    parts.append(name)\n    connection.execute(' '.join(parts))",
            "name",
        ),
    ],
)
def test_a_statement_made_of_a_value_is_found(line: str, part: str) -> None:
    package = Package()
    package.add(
        "bad",
        "from sqlalchemy import text\n\n"
        "def inner(told):\n    return f'SELECT {told}'\n\n"
        "def usual(told=environ):\n    return f'SELECT {told}'\n\n"
        f"def outer(connection, row, name):\n    {line}\n",
    )
    assert [each.part for each in package.unsafe()] == [part]


@pytest.mark.parametrize(
    "line",
    [
        "connection.execute('SELECT $name', {'name': name})",
        "connection.execute(f'SELECT {COLUMNS} FROM {quoted(name)}')",
        "connection.execute(f'ATTACH {text(name)}')",
        "for each in ALL:\n        connection.execute(each)",
    ],
)
def test_parameters_constants_and_quoted_names_are_let_be(line: str) -> None:
    package = Package()
    declared = "from forecast_assets.store.sql.confined import text\n"
    declared += "from forecast_assets.store.sql.names import quoted\n"
    declared += "COLUMNS = 'date, close'\nALL = (f'SELECT {COLUMNS}', 'SELECT 1')\n\n"
    package.add("good", f"{declared}def outer(connection, name):\n    {line}\n")
    assert package.unsafe() == []

"""docs/dependencies.md lists what the project names, as it is pinned."""

import re

from forecast_assets_tests.security.dependencies import (
    PAGE,
    UNKNOWN,
    direct,
    months,
    pins,
    plain,
    table,
)

CELLS = re.compile(r"^\| (\S+) \| (\d\S*) \| (\S+) \|", re.MULTILINE)
"""A row's package, release and month. Its licence is as the installed package has it."""


def test_the_page_lists_what_is_pinned_and_since_when() -> None:
    listed = CELLS.findall(PAGE.read_text())
    assert listed == CELLS.findall(table())
    assert {plain(name) for name, _, _ in listed} == set(map(plain, direct()))
    assert [release for name, release, _ in listed if pins()[plain(name)] != release] == []


def test_a_month_is_of_a_release_that_is_pinned_and_not_after_the_page() -> None:
    looked = re.search(r"\d{4}-\d\d", PAGE.read_text())
    assert looked
    for (name, release), month in months().items():
        assert pins()[name] == release, name
        assert re.fullmatch(r"\d{4}-\d\d", month)
        assert month <= looked[0]


def test_few_months_are_unknown() -> None:
    unknown = [name for name, _, month in CELLS.findall(table()) if month == UNKNOWN]
    assert len(unknown) < len(direct()) / 4, unknown

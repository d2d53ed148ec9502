"""Every test that SECURITY.md names is there."""

import ast
import re

import pytest

from forecast_assets_tests.graphs import ROOT

TESTS = ROOT / "forecast_assets_tests"

NAMED = re.compile(r"`([\w/]+\.py|\w+/\w+\.yaml)?(?:::(\w+))?`")
"""A file of tests in quotes, a test in it, or both; without a file it is the one named before."""


def named() -> list[tuple[str, str]]:
    """The files and tests that the promises name; an empty test is the whole file."""
    found, file = [], ""
    for match in NAMED.finditer((ROOT / "SECURITY.md").read_text()):
        file = match[1] or file
        found.append((file, match[2] or ""))
    return sorted(set(found) - {("", "")})


@pytest.mark.parametrize(("file", "test"), named())
def test_what_shows_a_promise_exists(file: str, test: str) -> None:
    folders = TESTS / "security", TESTS
    (place,) = (folder / file for folder in folders if (folder / file).is_file())
    functions = ast.walk(ast.parse(place.read_text())) if test else []
    assert not test or test in {x.name for x in functions if isinstance(x, ast.FunctionDef)}


def test_they_are_many() -> None:
    assert len([test for _, test in named() if test]) > 20

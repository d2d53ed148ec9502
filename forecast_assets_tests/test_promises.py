"""Each promise names what shows it, and that is there."""

import re
from pathlib import Path

import pytest

from forecast_assets_tests.graphs import ROOT

TESTS = ROOT / "forecast_assets_tests"

FOLDERS = (ROOT, TESTS, TESTS / "security")
"""Where files that a page names may be, in this order."""

NAMED = re.compile(r"[\w/]+\.py\b(?:::\w+)?|(?<=make )[a-z]+|(?<=python -m )[\w.]+")
"""A file with tests, a test in it, a target of make, or a module."""

MODULES = re.compile(r"^forecast_assets_tests\.")

PAGES = ("SECURITY.md", "docs/reliability.md")


def lacking(page: str) -> list[str]:
    """What a page names in its examples of code and has not."""
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    lacks, file = [], Path()
    for example in re.findall(r"`([^`]+)`", page):
        for name in NAMED.findall(re.sub(r"^::", f"{file.name}::", example)):
            if ".py" in name:
                place, _, test = name.partition("::")
                file = next((x for x in (y / place for y in FOLDERS) if x.is_file()), Path(place))
                there = file.is_file() and (not test or f"def {test}(" in file.read_text())
            elif MODULES.match(name):
                module = ROOT / name.replace(".", "/")
                there = module.with_suffix(".py").is_file() or (module / "__main__.py").is_file()
            else:
                there = name in targets
            if not there:
                lacks.append(name)
    return lacks


@pytest.mark.parametrize("page", PAGES)
def test_what_shows_a_promise_is_there(page: str) -> None:
    text = (ROOT / page).read_text()
    assert lacking(text) == []
    assert len(NAMED.findall(text)) > 20


def test_what_is_lacking_is_told() -> None:
    page = (
        "`test_names.py::test_no` `::test_nothing` `no.py` `make nothing`"
        " `python -m forecast_assets_tests.no`"
    )
    assert lacking(page) == [
        "test_names.py::test_no",
        "test_names.py::test_nothing",
        "no.py",
        "nothing",
        "forecast_assets_tests.no",
    ]

"""``python -m forecast_assets_tests.security.dependencies``: the table in docs/dependencies.md.

It is made without the network. So the months of releases, which no installed package tells, are in
a file.
"""

import re
import tomllib
from datetime import UTC, datetime
from importlib.metadata import metadata

from forecast_assets_tests.graphs import ROOT

PAGE = ROOT / "docs" / "dependencies.md"

RELEASED = ROOT / "forecast_assets_tests" / "security" / "released.txt"

UNKNOWN = "unknown"
"""What is said of a release whose month is not listed."""

LONGEST = 60
"""Longer texts in the field of a licence are the licence itself."""


PROGRAMS = "engines"
"""The extra of programs that tests start. Nothing of them is imported."""


def direct() -> dict[str, str]:
    """The packages that the project imports, with the extra that asks for each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {"": project["dependencies"]} | project["optional-dependencies"]
    del asked[PROGRAMS]
    return {
        re.split(r"[><=\[; ]", each)[0]: extra
        for extra, requirements in reversed(asked.items())
        for each in requirements
        if not each.startswith(project["name"])
    }


def pins() -> dict[str, str]:
    """The releases in constraints.txt, by names as pip compares them."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {plain(name): release for name, release in pairs}


def months() -> dict[tuple[str, str], str]:
    """The month in which a release of a package was published, where it is listed."""
    lines = [line.split() for line in RELEASED.read_text().splitlines() if line[0] != "#"]
    parts = [(*pin.split("=="), month) for pin, month in lines]
    return {(plain(name), release): month for name, release, month in parts}


def plain(name: str) -> str:
    """A name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(name: str) -> str:
    """The licence that an installed package declares."""
    told = metadata(name)
    short = [(told.get_all(field) or [""])[0] for field in ("License-Expression", "License")]
    classified = [
        each.rpartition(" :: ")[2]
        for each in told.get_all("Classifier") or []
        if each.startswith("License ::")
    ]
    found = [each for each in (*short, *classified) if each and len(each) <= LONGEST]
    return found[0] if found else "not declared"


def table() -> str:
    """A row for each package that the project names."""
    rows = ["| package | release | of | licence | for |", "|---|---|---|---|---|"]
    pinned, known = pins(), months()
    for name, extra in sorted(direct().items(), key=lambda each: each[0].lower()):
        release = pinned[plain(name)]
        month = known.get((plain(name), release), UNKNOWN)
        rows.append(f"| {name} | {release} | {month} | {licence(name)} | {extra or 'all'} |")
    return "\n".join(rows)


def write() -> None:
    """Replace the table on the page, and the date."""
    text = PAGE.read_text()
    text = re.sub(r"\| package .*", f"{table()}\n", text, flags=re.DOTALL)
    text = re.sub(r"\d{4}-\d\d-\d\d", f"{datetime.now(UTC):%Y-%m-%d}", text, count=1)
    PAGE.write_text(text)


if __name__ == "__main__":
    write()

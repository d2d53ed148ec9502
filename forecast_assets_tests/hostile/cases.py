"""Cases of hostile input: what is given, and what the message about it must contain."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from forecast_assets_tests.hostile import made

FOLDER = Path(__file__).parent

LONGEST_SECONDS = 10.0
"""Nothing may take longer to be refused."""

VALID: dict[str, Any] = {
    "model_version": "v1",
    "training": {"start": "2018-01-01"},
    "models": ["naive"],
    "commodities": {"WTI": {"unit": "USD/bbl", "source": {"type": "sample", "name": "wti"}}},
}
"""A configuration without mistakes."""


def cases(kind: str) -> list[Any]:
    """The cases of a kind as parameters of a test, by their names."""
    return [pytest.param(each, id=each["name"]) for each in read(kind)]


@cache
def read(kind: str) -> list[dict[str, Any]]:
    """The cases of a kind."""
    text = (FOLDER / f"{kind}.yaml").read_text("utf-8")
    told: list[dict[str, Any]] = yaml.load(text, yaml.CSafeLoader)
    return told


def kinds() -> list[str]:
    """All kinds of cases that there are."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def document(changes: dict[str, Any]) -> dict[str, Any]:
    """The valid configuration with values at dotted keys."""
    whole: dict[str, Any] = yaml.safe_load(yaml.safe_dump(VALID))
    for key, value in changes.items():
        *parents, last = key.split(".")
        inner = whole
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return whole


def written(case: Mapping[str, Any]) -> bytes | None:
    """The contents that a case has as ``hex``, as ``text``, or as texts to ``repeat``."""
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "text" in case:
        return str(case["text"]).encode()
    if "repeat" in case:
        return b"".join(str(text).encode() * times for text, times in case["repeat"])
    return None


def put(case: Mapping[str, Any], path: Path) -> None:
    """Write the contents of a case into a file, or make it by the function that the case names."""
    content = written(case)
    if content is None:
        getattr(made, case["made"])(path)
    else:
        path.write_bytes(content)


def text_of(case: Mapping[str, Any]) -> bytes:
    """The configuration file of a case: its contents, or the valid one with changed keys."""
    content = written(case)
    if content is None:
        return yaml.safe_dump(document(case["set"]), allow_unicode=True).encode()
    return content


def require(said: str, fragments: Sequence[str]) -> None:
    """Fail unless a message has all fragments."""
    missing = [each for each in fragments if each not in said]
    assert not missing, f"{missing} not in {said}"

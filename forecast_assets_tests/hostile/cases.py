"""Cases of hostile input: what is given, and what the message about it must contain."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def text_of(case: dict[str, Any]) -> bytes:
    """The configuration file of a case: as bytes, as text, repeated, or with changed keys."""
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "text" in case:
        return str(case["text"]).encode()
    if "repeat" in case:
        return b"".join(str(text).encode() * times for text, times in case["repeat"])
    return yaml.safe_dump(document(case["set"]), allow_unicode=True).encode()


def require(said: str, fragments: Sequence[str]) -> None:
    """Fail unless a message has all fragments."""
    missing = [each for each in fragments if each not in said]
    assert not missing, f"{missing} not in {said}"

"""Payloads: fitted models as canonical JSON, and the library versions that produced them."""

import json
import platform
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from typing import Any

from forecast_assets.errors import PayloadCorrupted

PAYLOAD_FORMAT = "json"

LARGEST_PAYLOAD = 64_000_000
"""Most bytes of a payload; the boosters of 1,000 trees take 8 MB."""

DEEPEST = 16
"""How deep a payload may nest; the volatility of an ensemble's member is 7 deep."""

MOST_KEYS = 1_000
"""Most keys of an object: twice the covariates of a model. A key that does not belong there becomes
an error, which takes a hundred times the memory of the key."""

MOST_SAID = 200
"""How much of a parser's message is told; it may repeat what a stranger wrote."""

STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string, or what has begun as one and does not end. It matches at each quote at which it is
tried, without going back, so that a text is looked at once."""

BETWEEN_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

LIBRARIES = ("forecast_assets", "numpy", "scipy", "statsmodels", "arch", "lightgbm")


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """The only JSON for a document: sorted keys, no spaces, no NaN, floats that read back exactly.

    Raises ValueError for NaN or an infinite number.
    """
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    ).encode()


def parsed(payload: bytes) -> dict[str, Any]:
    """The document of a payload, whoever wrote it. Raises PayloadCorrupted.

    Size and depth are bounded before anything is parsed, the keys of an object while it is.
    """
    if len(payload) > LARGEST_PAYLOAD:
        raise PayloadCorrupted(f"{len(payload):,} bytes, allowed: {LARGEST_PAYLOAD:,}")
    if (depth := _depth(payload)) > DEEPEST:
        raise PayloadCorrupted(f"JSON nested {depth} deep, allowed: {DEEPEST}")
    try:
        document = json.loads(
            payload.decode(), parse_constant=_refused, object_pairs_hook=_few_and_different
        )
    except ValueError as error:  # also of JSON and UTF-8
        raise PayloadCorrupted(f"no JSON: {str(error)[:MOST_SAID]}") from error
    if not isinstance(document, dict):
        raise PayloadCorrupted(f"JSON of a {type(document).__name__}, allowed: an object")
    return document


def _depth(payload: bytes) -> int:
    """How deep the brackets of a JSON text nest; those inside strings do not count."""
    depth = deepest = 0
    for bracket in STRING.sub(b"", payload).translate(None, BETWEEN_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _few_and_different(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_KEYS:
        raise ValueError(f"{len(pairs):,} keys in one object, allowed: {MOST_KEYS:,}")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


@cache
def library_versions() -> Mapping[str, str]:
    """The versions of the libraries that a fit depends on; optional ones only if installed.

    They are looked up once, since that takes longer than some fits.
    """
    libraries = {name: installed_version(name) for name in LIBRARIES if find_spec(name)}
    return {"python": platform.python_version()} | libraries

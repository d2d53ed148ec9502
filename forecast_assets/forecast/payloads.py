"""Payloads: canonical JSON and the versions behind it."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from typing import Any

PAYLOAD_FORMAT = "json"


LIBRARIES = ("forecast_assets", "numpy", "scipy", "statsmodels", "arch", "lightgbm")


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """JSON of one spelling: sorted keys, no spaces, no NaN, floats that read back bit for bit."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    ).encode()


def library_versions() -> dict[str, str]:
    """The releases that a fit depends on, of an optional library only where it is installed."""
    libraries = {name: installed_version(name) for name in LIBRARIES if find_spec(name)}
    return {"python": platform.python_version()} | libraries

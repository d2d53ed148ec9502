"""Payloads: fitted models as canonical JSON, and the library versions that produced them."""

import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from typing import Any

PAYLOAD_FORMAT = "json"


LIBRARIES = ("forecast_assets", "numpy", "scipy", "statsmodels", "arch", "lightgbm")


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """The only JSON for a document: sorted keys, no spaces, no NaN, floats that read back exactly.

    Raises ValueError for NaN or an infinite number.
    """
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    ).encode()


@cache
def library_versions() -> Mapping[str, str]:
    """The versions of the libraries that a fit depends on; optional ones only if installed.

    They are looked up once, since that takes longer than some fits.
    """
    libraries = {name: installed_version(name) for name in LIBRARIES if find_spec(name)}
    return {"python": platform.python_version()} | libraries

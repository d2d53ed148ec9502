"""Addresses of the configuration: they may hold secrets, so they show only scheme and host.

``${NAME}`` in an address stands for an environment variable, so that a secret need not be in the
file.
"""

import os
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Secret

from forecast_assets.outside import host_of, is_plain

VARIABLE = re.compile(r"\$\{(\w+)\}")
"""An environment variable in an address."""

BLANK = re.compile(r"\s")

LONGEST = 2000
"""The most characters of an address."""

WEB_RULE = "allowed: an address such as https://host/path, without blanks"


class Address(Secret[str]):
    """An address, shown as its scheme and host; ``get_secret_value`` returns all of it."""

    def _display(self) -> str:
        said = self.get_secret_value()
        return host_of(said) if "://" in said else said


def _filled(written: Any) -> Any:
    """Replace environment variables. Raises ValueError if one is not set."""
    if not isinstance(written, str):
        return written
    lacking = [name for name in VARIABLE.findall(written) if not os.environ.get(name)]
    if lacking:
        raise ValueError(
            f"the environment variable {lacking[0]} is not set: set it, or write it out"
        )
    return VARIABLE.sub(lambda found: os.environ[found[1]], written)


def _on_the_web(address: Address) -> Address:
    said = address.get_secret_value()
    try:
        parts = urlsplit(said)
        host, port = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:
        raise ValueError(WEB_RULE) from None
    usable = parts.scheme in ("http", "https") and host and port != 0
    if not usable or not _is_one_word(said) or "\\" in said:
        raise ValueError(WEB_RULE)
    return address


def _is_one_word(said: str) -> bool:
    return is_plain(said) and not BLANK.search(said) and len(said) <= LONGEST


def _on_a_file_system(address: Address) -> Address:
    said = address.get_secret_value()
    schemes, sign, _ = said.partition("://")
    if not said.strip() or not is_plain(said) or len(said) > LONGEST:
        raise ValueError(f"allowed: a folder or an fsspec URL of at most {LONGEST} characters")
    if sign and BLANK.search(said):  # what follows a blank in a text is not known to be secret
        raise ValueError("allowed: an fsspec URL without blanks, or the path of a folder")
    for scheme in schemes.split("::") if sign else ():
        _require_file_system(scheme)
    return address


def _require_file_system(scheme: str) -> None:
    """Raise ValueError if no file system is known by a scheme; its package may be missing."""
    from fsspec.registry import available_protocols

    if scheme not in available_protocols():
        raise ValueError(
            f"no file system is called {scheme!r}; allowed: a folder, or a URL that fsspec knows,"
            " such as file:///data or s3://bucket/folder"
        )


Folder = Annotated[Address, BeforeValidator(_filled), AfterValidator(_on_a_file_system)]
"""A folder on any file system."""

WebAddress = Annotated[Address, BeforeValidator(_filled), AfterValidator(_on_the_web)]
"""An address of the web."""

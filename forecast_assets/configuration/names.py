"""Names that users choose, and the rules that make them usable in tables, keys and paths."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator

from forecast_assets.errors import ConfigurationError

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


NAME_RULE = "1 to 64 letters, digits, '.', '_' or '-', the first a letter or a digit"


def meant(name: str, known: Iterable[str]) -> str:
    """The text ``; did you mean`` with the known names nearest to a mistaken one.

    Case does not matter. The text is empty if no name is near.
    """
    spelled = {each.casefold(): each for each in known}
    near = [spelled[each] for each in get_close_matches(name.casefold(), spelled)]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def valid_name(name: str) -> str:
    """Return ``name``. Raises ConfigurationError if tables, keys or paths cannot hold it."""
    if not NAME_PATTERN.fullmatch(name):
        raise ConfigurationError(f"found {name!r}, allowed: {NAME_RULE}")
    return name


LONGEST_REASON = 200


def valid_reason(reason: str) -> str:
    """Return a user's reason without surrounding space. Raises ConfigurationError for another text.

    It must be a single line of 1 to ``LONGEST_REASON`` printable characters, and not begin like an
    option: then the reason was forgotten.
    """
    said = reason.strip()
    is_line = 0 < len(said) <= LONGEST_REASON and said.isprintable()
    if not is_line or said.startswith("--"):
        raise ConfigurationError(
            f"reason: found {reason!r}, allowed: one line of 1 to {LONGEST_REASON} characters"
        )
    return said


def _name_field(name: str) -> str:
    if not NAME_PATTERN.fullmatch(name):
        raise ValueError(f"allowed: {NAME_RULE}")
    return name


Name = Annotated[str, AfterValidator(_name_field)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("allowed: a name of the tz database, such as UTC or Europe/London")
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]

OWNER = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}|team:.+")
"""The forms of an owner that Dagster accepts: an e-mail address or a team."""


def _owner(name: str) -> str:
    if not OWNER.fullmatch(name):
        raise ValueError("allowed: an e-mail address, or a team such as team:desk")
    return name


Owner = Annotated[str, AfterValidator(_owner)]

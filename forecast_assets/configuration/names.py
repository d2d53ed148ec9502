"""Names that users choose, and the rules that make them usable in tables, keys and paths."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator

from forecast_assets.configuration.found import shown
from forecast_assets.errors import ConfigurationError
from forecast_assets.outside import is_plain

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
        raise ConfigurationError(f"found {shown(name)}, allowed: {NAME_RULE}")
    return name


LONGEST_REASON = 200


def alike(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that differ only by case; None if there are none.

    A file system that ignores case would have one folder for both.
    """
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(name.casefold(), name)
        if other != name:
            return other, name
    return None


SEPARATORS = "[ ._-]+"
"""What separates the words of a name in the name of a file: all of it is equal there."""


def as_in_files(text: str) -> str:
    """A name as the names of files compare it: without its case and with equal separators."""
    return re.sub(SEPARATORS, " ", text.casefold())


def valid_reason(reason: str) -> str:
    """Return a user's reason without surrounding space. Raises ConfigurationError for another text.

    It must be a single line of 1 to ``LONGEST_REASON`` printable characters, and not begin like an
    option: then the reason was forgotten.
    """
    said = reason.strip()
    is_line = 0 < len(said) <= LONGEST_REASON and said.isprintable()
    if not is_line or said.startswith("--"):
        raise ConfigurationError(
            f"reason: found {shown(reason)}, allowed: one line of 1 to {LONGEST_REASON} characters"
        )
    return said


def _name_field(name: str) -> str:
    if not NAME_PATTERN.fullmatch(name):
        raise ValueError(f"allowed: {NAME_RULE}")
    return name


Name = Annotated[str, AfterValidator(_name_field)]

LONGEST_TEXT = 100


def _line_field(text: str) -> str:
    if not 0 < len(text) <= LONGEST_TEXT or not text.strip() or not is_plain(text):
        raise ValueError(
            f"allowed: one line of at least 1 character and at most {LONGEST_TEXT}, without escapes"
            " and marks of direction"
        )
    return text


Line = Annotated[str, AfterValidator(_line_field)]
"""A short text that is shown to people, such as a unit."""


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("allowed: a name of the tz database, such as UTC or Europe/London")
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]

OWNER = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}|team:.+")
"""The forms of an owner that Dagster accepts: an e-mail address or a team."""


def _owner(name: str) -> str:
    if not OWNER.fullmatch(name) or not is_plain(name):
        raise ValueError("allowed: an e-mail address, or a team such as team:desk")
    return name


Owner = Annotated[str, AfterValidator(_owner)]

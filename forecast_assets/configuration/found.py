"""Values that were found in a configuration, as error texts show them: short, and no secrets."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from forecast_assets.outside import ADDRESS, HIDDEN, NAMES_A_SECRET, host_of, masked, shortened

LONGEST_VALUE = 200
"""The most characters of a value that an error shows."""

MOST_PARTS = 12
"""Of a list or a mapping an error shows at most so many parts."""

DEEPEST = 4
"""Of values within values an error shows so many levels."""

DIGITS_SHOWN = 20
"""A longer number is not shown, since Python refuses to write out the longest."""

UNSHOWN = "a value that is not shown"
"""What is shown in place of a secret."""


def shown(value: Any, key: str = "", depth: int = 0) -> str:
    """A value of the configuration as error texts show it.

    Of an address only scheme and host are shown, of the value of a key such as ``webhook`` nothing,
    and of a long value its beginning.
    """
    if value is not None and not isinstance(value, bool) and _is_secret(key):
        return UNSHOWN if depth == 0 else repr(HIDDEN)
    if isinstance(value, (Mapping, list)) and depth >= DEEPEST:
        return "..."
    match value:
        case Mapping():
            inner = [
                f"{shown(name)}: {shown(each, str(name), depth + 1)}"
                for name, each in islice(value.items(), MOST_PARTS)
            ]
            return shortened("{" + ", ".join([*inner, *_rest(value)]) + "}", LONGEST_VALUE)
        case list():
            inner = [shown(each, "", depth + 1) for each in value[:MOST_PARTS]]
            return shortened("[" + ", ".join([*inner, *_rest(value)]) + "]", LONGEST_VALUE)
        case int() if abs(value) >= 10**DIGITS_SHOWN:
            return f"a number of more than {DIGITS_SHOWN} digits"
        case str():
            return shortened(repr(_without_paths(value[: LONGEST_VALUE * 10])), LONGEST_VALUE)
        case _:
            return shortened(masked(repr(value)), LONGEST_VALUE)


def _is_secret(key: str) -> bool:
    of_alerts = key.startswith("alerts") and key != "alerts.timeout_seconds"
    return of_alerts or bool(NAMES_A_SECRET.search(key))


def _rest(value: Mapping[Any, Any] | list[Any]) -> list[str]:
    more = len(value) - MOST_PARTS
    return [f"and {more} more"] if more > 0 else []


def _without_paths(value: str) -> str:
    """A text without the paths of addresses of the web, which may be secrets, and without others.

    What looks like an address is one here to the end of the text, since a blank in a password makes
    a mistake that is to be shown without it.
    """
    begin = ADDRESS.search(value)
    if begin is None:
        return masked(value)
    return value[: begin.start()] + host_of(value[begin.start() :])

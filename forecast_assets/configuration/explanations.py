"""Error texts for users: one line for each mistake in a configuration."""

from datetime import date
from typing import Any

from pydantic import BaseModel

from forecast_assets.configuration.commodities import SOURCES
from forecast_assets.configuration.file_format import FileFormat
from forecast_assets.configuration.found import LONGEST_VALUE, shown
from forecast_assets.outside import shortened

LONGEST_LINE = 1000
"""The most characters of a line about a mistake."""

UNQUOTED = " (YAML reads it as no text: quote it)"


def line_of(detail: Any, section: type[BaseModel]) -> str:
    """An error of pydantic about a key of ``section``, as a line that begins with the key."""
    return shortened(_line_of(detail, section), LONGEST_LINE)


def _line_of(detail: Any, section: type[BaseModel]) -> str:
    *parents, last = [str(part) for part in detail["loc"]] or [""]
    message = detail["msg"]
    if last == "[key]":
        found = shown(detail["input"])
        unquoted = "" if isinstance(detail["input"], str) else UNQUOTED
        return f"{'.'.join(parents[:-1])}: found the name {found}{unquoted}; {message}"
    tagged = len(parents) > 3 and parents[2] == "source"  # pydantic inserts the source's type
    key = ".".join([*parents[:3], *parents[4:], last] if tagged else [*parents, last])
    if len(parents) == 3 and parents[2] == "source":
        key = ".".join(parents)
    found = shown(detail["input"], key)
    match detail["type"]:
        case "missing":
            return f"{key}: missing"
        case "extra_forbidden":
            # The keys of the section itself come before those of FileFormat.
            fields = sorted(section.model_fields, key=FileFormat.model_fields.__contains__)
            allowed = ", ".join(fields) or "none"
            return (
                f"{shortened(key, LONGEST_VALUE)}: unknown key, found {found}, allowed: {allowed}"
            )
        case "union_tag_not_found":
            return f"{key}.type: missing, allowed: {', '.join(SOURCES)}"
        case "string_type" if isinstance(detail["input"], int | float | date):
            return f"{key}: found {found}{UNQUOTED}; {message}"
        case _:
            return f"{key}: found {found}; {message}"

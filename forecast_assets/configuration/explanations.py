"""Error texts for users: one line for each mistake in a configuration."""

from typing import Any

from pydantic import BaseModel

from forecast_assets.configuration.commodities import SOURCES
from forecast_assets.configuration.file_format import FileFormat


def line_of(detail: Any, section: type[BaseModel]) -> str:
    """An error of pydantic about a key of ``section``, as a line that begins with the key."""
    *parents, last = [str(part) for part in detail["loc"]] or [""]
    found, message = detail["input"], detail["msg"]
    if last == "[key]":
        unquoted = "" if isinstance(found, str) else " (YAML reads it as no text: quote it)"
        return f"{'.'.join(parents[:-1])}: found the name {found!r}{unquoted}; {message}"
    tagged = len(parents) > 3 and parents[2] == "source"  # pydantic inserts the source's type
    key = ".".join([*parents[:3], *parents[4:], last] if tagged else [*parents, last])
    if len(parents) == 3 and parents[2] == "source":
        key = ".".join(parents)
    match detail["type"]:
        case "missing":
            return f"{key}: missing"
        case "extra_forbidden":
            # The keys of the section itself come before those of FileFormat.
            fields = sorted(section.model_fields, key=FileFormat.model_fields.__contains__)
            allowed = ", ".join(fields) or "none"
            return f"{key}: unknown key, found {found!r}, allowed: {allowed}"
        case "union_tag_not_found":
            return f"{key}.type: missing, allowed: {', '.join(SOURCES)}"
        case _:
            return f"{key}: found {found!r}; {message}"

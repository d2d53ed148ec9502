"""After a commit: what is shown of work that is done, and cannot fail it any more.

A picture, a table of metadata, a description or a summary may fail for any reason, such as a date
that a plot cannot draw. The rows are committed by then, so the step must not fail: what could not
be shown becomes a note in the metadata, in the log of the run and in the terminal's summary. This
is the only place that catches such errors; all that is told after a commit passes through it.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from dagster import (
    AssetMaterialization,
    FloatMetadataValue,
    MarkdownMetadataValue,
    MetadataValue,
    TextMetadataValue,
)

from forecast_assets.automation.listener import Listener, Nobody
from forecast_assets.automation.results import NotShown, Result
from forecast_assets.boundary import told_of
from forecast_assets.errors import Interrupted

Metadata = dict[str, Any]
Made = TypeVar("Made")

LOG = logging.getLogger(__name__)

NOT_SHOWN = "not_shown"
"""The key of a materialization's metadata for what could not be shown of it, and why."""

PICTURE = "picture"
"""The key of a materialization's picture."""

LONGEST_TEXT = 10_000
"""A text of metadata is cut after so many characters."""

LONGEST_LINE = 500
"""A note on what could not be shown is cut after so many characters."""


@dataclass(frozen=True)
class AfterCommit:
    """The boundary of all that is told of committed work.

    ``log``: that of the run. ``listener``: receives a note for the terminal's summary.
    """

    log: logging.Logger = LOG
    listener: Listener = Nobody()  # noqa: RUF009 - it has no state

    def attempt(
        self,
        what: str,
        make: Callable[[], Made],
        otherwise: Made,
        notes: list[str] | None = None,
    ) -> Made:
        """What ``make`` returns, or ``otherwise`` if it raises anything.

        ``what``: the commodity or partition and what of it is told, for the note. ``notes``: gets
        the note too. Interrupted is not caught, since the user wants to stop.
        """
        try:
            return make()
        except Interrupted:
            raise
        except Exception as error:  # the boundary: what is committed cannot fail any more
            line = f"{told_of(f'{what} is not shown', error)[:LONGEST_LINE]}"
            self.log.exception(line)
            if notes is not None:
                notes.append(line)
            self.listener.hear(NotShown(line))
            return otherwise

    def each(self, what: str, made: Iterator[Made]) -> Iterator[Made]:
        """Yield what an iterator yields, one after the other, until it raises anything."""
        nothing: Made | None = None
        while (one := self.attempt(what, lambda: next(made, nothing), nothing)) is not None:
            yield one

    def metadata(self, what: str, make: Callable[[], Metadata]) -> Metadata:
        """The metadata that ``make`` returns, as Dagster takes it, or a note of why there is none.

        A value that Dagster refuses becomes a text.
        """
        notes: list[str] = []
        none: Metadata = {}
        return self.attempt(what, lambda: accepted(make()), none, notes) | not_shown(notes)

    def picture(self, what: str, draw: Callable[[], str | None]) -> MetadataValue | None:
        """The picture that ``draw`` returns as Markdown, a note in its place, or None."""
        notes: list[str] = []
        markdown = self.attempt(what, draw, None, notes)
        if notes:
            return MetadataValue.text(notes[0])
        return MarkdownMetadataValue(markdown) if markdown else None

    def hear(self, result: Result) -> None:
        """Give the listener a result."""
        self.attempt("a part of the terminal's output", lambda: self.listener.hear(result), None)


def with_picture(metadata: Metadata, picture: MetadataValue | None) -> Metadata:
    """Insert a picture after the first entry, which is the table."""
    if picture is None:
        return metadata
    entries = list(metadata.items())
    return dict([*entries[:1], (PICTURE, picture), *entries[1:]])


def not_shown(notes: Sequence[str]) -> Metadata:
    """The entry for what could not be shown; empty without notes."""
    return {NOT_SHOWN: MetadataValue.text("\n".join(notes))} if notes else {}


def accepted(metadata: Mapping[str, Any]) -> Metadata:
    """The entries in a form that Dagster stores and its pages show."""
    return {str(name): _entry(value) for name, value in metadata.items()}


def _entry(value: Any) -> Any:
    plain = value.value if isinstance(value, FloatMetadataValue | TextMetadataValue) else value
    plain = cell(plain) if isinstance(plain, str | int | float | np.generic | None) else plain
    try:
        AssetMaterialization("entry", metadata={"value": plain})  # Dagster looks at it
    except Exception:  # noqa: BLE001 - Dagster's own errors of any class; the value becomes a text
        return MetadataValue.text(str(plain)[:LONGEST_TEXT])
    return plain


def cell(value: Any) -> str | int | float | bool | None:
    """A value of a table of metadata: of Dagster's types, and none that JSON lacks."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)[:LONGEST_TEXT]

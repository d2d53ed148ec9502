"""Reception: merging one file of the landing folder, putting it away, and the note about it.

Whatever a file holds, its reception ends with the file put away: what cannot be read, for any
reason, is rejected. Only what is no fault of the file, such as locked tables or a full disk, leaves
it in the folder, and the next run tries again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from forecast_assets.boundary import told_of
from forecast_assets.errors import (
    FileChanged,
    Interrupted,
    LandingError,
    SourceError,
    StoreError,
)
from forecast_assets.market.dropped_files import Dropped, read_dropped
from forecast_assets.market.files.regular import FILE
from forecast_assets.market.lacking import sessions
from forecast_assets.market.landing import (
    HELD,
    LEFT_OUT,
    REFUSED,
    WAITS,
    Arrival,
    Held,
    LandingFolder,
)
from forecast_assets.market.observations import Observations
from forecast_assets.market.records import FileMerge, LandingTable, PriceChanges
from forecast_assets.market.refusals import SINGLY_IN_A_NOTE, grouped, rows_of
from forecast_assets.market.rows import Rejection
from forecast_assets.outside import plain

MOST_LINES = 500
"""So many lines of a note say what was refused, and so many what was left out."""

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Received:
    """A file that was put away.

    ``place``: its new path. ``landings``: what it did to the prices of each commodity.
    ``observations``: the prices that it held. ``rejections``: its refused rows. ``notes``: lines on
    rows that were left out without harm. ``reason``: why none of it was usable; empty for a file
    that was accepted or is held.
    """

    file: str
    place: str
    landings: list[FileMerge] = field(default_factory=list)
    observations: list[Observations] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reason: str = ""

    @property
    def accepted(self) -> bool:
        """Whether all usable rows of the file were merged, and there were some."""
        return not self.reason and not self.held

    @property
    def held(self) -> bool:
        """Whether some of its rows wait until a user accepts or rejects them."""
        return any(landing.dispute for landing in self.landings)

    @property
    def outcome(self) -> str:
        """What was done with the file, in one line."""
        return self.reason or "; ".join(line_of(landing) for landing in self.landings)


def receive(
    folder: LandingFolder, arrival: Arrival, landings: LandingTable, at: datetime, by: str
) -> Received:
    """Merge a file's prices and put the file away; one with a disputed revision waits in ``held``.

    If the process is killed between the two, the next reception finds that the file was merged and
    only puts it away. Raises StoreError and LandingError; then the file stays.
    """
    table, scrutiny = landings, folder.settings.scrutiny
    try:
        dropped = read_held(folder, arrival, at)
        seen = dropped.observations
        merged = table.merge(dropped.file, dropped.sha256, seen, at, by, scrutiny) if seen else []
    except (Interrupted, StoreError, LandingError):
        raise
    except MemoryError as error:
        raise LandingError(
            f"{arrival.name}: there is not enough memory for its {arrival.entry.size:,} bytes: it"
            " stays, and the next run tries again; or set landing.max_bytes to less"
        ) from error
    except SourceError as error:
        return _reject(folder, arrival, str(error))
    except Exception as error:  # a file's boundary: it is put away with the error in its note
        LOG.exception("%s", arrival.name)
        return _reject(folder, arrival, f"{told_of(arrival.name, error)}: none of it was merged")
    if not merged:
        why = "" if dropped.rejections else ": it has none below its header, or only blank ones"
        return _reject(folder, arrival, f"{arrival.name}: no usable row{why}", dropped)
    drawer = HELD if any(landing.dispute for landing in merged) else "accepted"
    place = folder.put_away(arrival, drawer, note_about(dropped, merged))
    rejections, notes = dropped.rejections, dropped.notes
    return Received(dropped.file, place, merged, seen, rejections, notes)


def read_held(folder: LandingFolder, arrival: Arrival, at: datetime, drawer: str = "") -> Dropped:
    """Read a file of the folder, or of one of its drawers. Raises SourceError and LandingError."""
    name, kind = arrival.name, arrival.entry.kind
    if kind != FILE:
        raise SourceError(f"{name}: is {kind}, and no file: it was not read; drop the file itself")
    try:
        content = folder.read(arrival, drawer)
    except FileChanged as error:
        raise FileChanged(f"{name}: {error}") from error
    except SourceError as error:
        raise SourceError(f"{name}: {error}") from error
    except FileNotFoundError as error:
        raise LandingError(f"{name}: is gone: somebody else has moved or deleted it") from error
    except PermissionError as error:
        raise SourceError(
            f"{name}: this user may not read it: change its permissions, and drop it again"
        ) from error
    except OSError as error:
        raise LandingError(f"{name}: cannot be read: {error.strerror or error}") from error
    return read_dropped(name, content, folder.settings, at)


def _reject(
    folder: LandingFolder, arrival: Arrival, reason: str, dropped: Dropped | None = None
) -> Received:
    rejections, notes = (dropped.rejections, dropped.notes) if dropped else ([], [])
    place = folder.put_away(arrival, "rejected", note(arrival.name, reason, rejections, notes))
    return Received(arrival.name, place, [], [], rejections, notes, reason)


def accept(
    folder: LandingFolder, held: Held, landings: LandingTable, at: datetime, by: str
) -> list[FileMerge]:
    """Merge all rows of a file that waits, and put it away. Raises SourceError and StoreError."""
    dropped = read_held(folder, held.arrival, at, HELD)
    merged = landings.merge(dropped.file, dropped.sha256, dropped.observations, at, by)
    folder.settle(held, "accepted", f"{note_about(dropped, merged)}Accepted by hand.\n")
    return merged


def reject(folder: LandingFolder, held: Held) -> None:
    """Put away a file that waits, without merging the rows that wait."""
    lines = [held.arrival.name + ":", *held.waits, "Rejected by hand: none of that is merged."]
    folder.settle(held, "rejected", "\n".join(lines) + "\n")


def note_about(dropped: Dropped, landings: Sequence[FileMerge]) -> str:
    """The note about a file that was merged; it marks the commodities whose rows wait."""
    marks = [WAITS if landing.dispute else "" for landing in landings]
    lines = [mark + line_of(each) for mark, each in zip(marks, landings, strict=True)]
    if any(marks):
        lines.append("`forecast landing` lists what waits, and how to accept or to reject it.")
    return note(dropped.file, "\n".join(lines), dropped.rejections, dropped.notes)


IGNORED = "rejected or withdrawn before (`forecast prices accept` brings back what was withdrawn)"
"""Why prices of a file are in no use."""


def line_of(landing: FileMerge) -> str:
    """What a file did to the prices of a commodity, in one line."""
    changes = landing.changes
    if landing.dispute:
        return f"{landing.commodity}: {landing.dispute}; none of its {changes.held} rows is merged"
    rows = changes.added + changes.revised + changes.unchanged + changes.ignored
    if landing.repeated:
        return f"{landing.commodity}: {rows} rows, merged before from the same file: nothing done"
    return (
        f"{landing.commodity}: {rows} rows: {changes.added} new, {changes.revised} revised,"
        f" {changes.unchanged} as they were"
        + (f", {changes.held} held for a word" if changes.held else "")
        + (f", {changes.ignored} ignored: {IGNORED}" if changes.ignored else "")
        + _withdrawn(changes)
    )


def _withdrawn(changes: PriceChanges) -> str:
    """Which sessions a file withdrew, as the end of a line; empty if it withdrew none."""
    said = f"; withdrawn: {sessions(changes.taken_back)}" if changes.taken_back else ""
    for count, whose in (
        (changes.not_there, "of days without a stored session"),
        (changes.overruled, "ignored: repeated after a user brought the sessions back"),
    ):
        said += f"; {count} withdrawals {whose}" if count else ""
    return said


def _first(lines: list[str]) -> list[str]:
    """The first of many lines, and how many more there are."""
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"and {more:,} more lines"] if more > 0 else lines


def note(file: str, outcome: str, rejections: Sequence[Rejection], notes: Sequence[str]) -> str:
    """The note about a file: what was done with it, and which rows were refused or left out."""
    file, outcome = plain(file), "\n".join(map(plain, outcome.split("\n")))
    lines = [outcome if outcome.startswith(f"{file}: ") else f"{file}:\n{outcome}"]
    if rejections:
        told = grouped(rejections, SINGLY_IN_A_NOTE)
        lines += [f"{REFUSED}{rows_of(rejections)} rows", *_first([str(each) for each in told])]
    if notes:
        lines += [LEFT_OUT, *_first([plain(each) for each in notes])]
    if rejections or notes:
        lines += ["What you mend, or want later, drop again: rows that landed do no harm."]
    return "\n".join(lines) + "\n"

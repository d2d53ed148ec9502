"""Reception: merging one file of the landing folder, putting it away, and the note about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from forecast_assets.errors import SourceError
from forecast_assets.market.dropped_files import Dropped, read_arrival
from forecast_assets.market.lacking import sessions
from forecast_assets.market.landing import HELD, WAITS, Arrival, Held, LandingFolder
from forecast_assets.market.observations import Observations
from forecast_assets.market.records import FileMerge, LandingTable, PriceChanges
from forecast_assets.market.refusals import SINGLY_IN_A_NOTE, grouped, rows_of
from forecast_assets.market.rows import Rejection
from forecast_assets.outside import masked, plain


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
    only puts it away. Raises StoreError.
    """
    name = arrival.path.name
    try:
        dropped = read_arrival(arrival, folder.settings, at)
    except SourceError as error:
        place = folder.put_away(arrival, "rejected", note(name, str(error), [], []))
        return Received(name, masked(str(place)), reason=str(error))
    if not dropped.observations:
        reason = f"{name}: no usable row"
        said = note(name, reason, dropped.rejections, dropped.notes)
        place = folder.put_away(arrival, "rejected", said)
        return Received(name, masked(str(place)), [], [], dropped.rejections, dropped.notes, reason)
    return _accept(folder, arrival, dropped, landings, at, by)


def _accept(
    folder: LandingFolder,
    arrival: Arrival,
    dropped: Dropped,
    table: LandingTable,
    at: datetime,
    by: str,
) -> Received:
    scrutiny = folder.settings.scrutiny
    landings = table.merge(dropped.file, dropped.sha256, dropped.observations, at, by, scrutiny)
    said = note_about(dropped, landings)
    waits = any(landing.dispute for landing in landings)
    place = folder.put_away(arrival, HELD if waits else "accepted", said)
    return Received(
        dropped.file,
        masked(str(place)),
        landings,
        dropped.observations,
        dropped.rejections,
        dropped.notes,
    )


def accept(
    folder: LandingFolder, held: Held, landings: LandingTable, at: datetime, by: str
) -> list[FileMerge]:
    """Merge all rows of a file that waits, and put it away. Raises SourceError and StoreError."""
    dropped = read_arrival(held.arrival, folder.settings, at)
    merged = landings.merge(dropped.file, dropped.sha256, dropped.observations, at, by)
    folder.settle(held, "accepted", f"{note_about(dropped, merged)}Accepted by hand.\n")
    return merged


def reject(folder: LandingFolder, held: Held) -> None:
    """Put away a file that waits, without merging the rows that wait."""
    lines = [
        plain(held.arrival.path.name) + ":",
        *held.waits,
        "Rejected by hand: none of that is merged.",
    ]
    folder.settle(held, "rejected", "\n".join(lines) + "\n")


def note_about(dropped: Dropped, landings: Sequence[FileMerge]) -> str:
    """The note about a file that was merged; it marks the commodities whose rows wait."""
    marks = [WAITS if landing.dispute else "" for landing in landings]
    lines = [mark + line_of(each) for mark, each in zip(marks, landings, strict=True)]
    if any(marks):
        lines.append("`forecast landing` lists what waits, and how to accept or to reject it.")
    return note(dropped.file, "\n".join(lines), dropped.rejections, dropped.notes)


def line_of(landing: FileMerge) -> str:
    """What a file did to the prices of a commodity, in one line."""
    changes = landing.changes
    if landing.dispute:
        return f"{landing.commodity}: {landing.dispute}; none of its {changes.held} rows is merged"
    rows = changes.added + changes.revised + changes.unchanged
    if landing.repeated:
        return f"{landing.commodity}: {rows} rows, merged before from the same file: nothing done"
    return (
        f"{landing.commodity}: {rows} rows: {changes.added} new, {changes.revised} revised,"
        f" {changes.unchanged} as they were"
        + (f", {changes.held} held for a word" if changes.held else "")
        + _withdrawn(changes)
    )


def _withdrawn(changes: PriceChanges) -> str:
    """Which sessions a file withdrew, as the end of a line; empty if it withdrew none."""
    said = f"; withdrawn: {sessions(changes.taken_back)}" if changes.taken_back else ""
    more = changes.not_there
    return said + (f"; {more} withdrawals of days without a stored session" if more else "")


def note(file: str, outcome: str, rejections: Sequence[Rejection], notes: Sequence[str]) -> str:
    """The note about a file: what was done with it, and which rows were refused or left out."""
    named = plain(file)
    lines = [outcome if outcome.startswith(f"{named}: ") else f"{named}:\n{outcome}"]
    if rejections:
        told = grouped(rejections, SINGLY_IN_A_NOTE)
        lines += [f"refused: {rows_of(rejections)} rows", *(str(each) for each in told)]
    if notes:
        lines += ["left out, without harm:", *notes]
    if rejections or notes:
        lines += ["What you mend, or want later, drop again: rows that landed do no harm."]
    return "\n".join(lines) + "\n"

"""Records of what a write did to prices and features, and of prices that wait."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from forecast_assets.market.lacking import Lacking
from forecast_assets.market.observations import Observations
from forecast_assets.timeline.scrutiny import Dispute, DoubtedWithdrawals, Scrutiny


@dataclass(frozen=True)
class PriceChanges:
    """What a write of prices did, in numbers of sessions.

    ``missing``: sessions that the source lacks and that were kept nevertheless. ``held``: sessions
    whose new or revised close waits until a user accepts or rejects it. ``lacking``: the days of
    the sessions that are missing or were withdrawn because the source lacks them. ``taken_back``:
    those that it withdrew explicitly. ``not_there``: how many it so withdrew of which nothing is
    stored. ``overruled``: how many it so withdrew that stay, since it had withdrawn them before and
    a user has brought them back. ``ignored``: its prices that a user has rejected, or whose session
    was withdrawn.
    """

    added: int
    revised: int
    withdrawn: int
    unchanged: int
    missing: int
    held: int = 0
    lacking: Lacking = field(default_factory=Lacking)
    taken_back: Sequence[date] = ()
    not_there: int = 0
    overruled: int = 0
    ignored: int = 0

    def __add__(self, other: "PriceChanges") -> "PriceChanges":
        """Add up what two writes did."""
        return PriceChanges(
            self.added + other.added,
            self.revised + other.revised,
            self.withdrawn + other.withdrawn,
            self.unchanged + other.unchanged,
            self.missing + other.missing,
            self.held + other.held,
            taken_back=(*self.taken_back, *other.taken_back),
            not_there=self.not_there + other.not_there,
            overruled=self.overruled + other.overruled,
            ignored=self.ignored + other.ignored,
        )


HeldReason = Literal["revision", "with_revisions", "strange"]
"""Why a close waits.

``revision``: it would change a stored close too much, or too many stored closes would change.
``with_revisions``: it came together with too many revisions. ``strange``: it is a strange new
close.
"""


@dataclass(frozen=True)
class HeldPrice:
    """A close of a source that waits until a user accepts or rejects it.

    ``stored_close``: the close in use; None for a session that is not stored.
    """

    date: date
    close: float
    stored_close: float | None
    reason: HeldReason
    source: str


@dataclass(frozen=True)
class WithdrawnPrice:
    """A session that was withdrawn for a reason, with its last close, when, and by whom."""

    date: date
    close: float
    reason: str
    at: datetime
    by: str


@dataclass(frozen=True)
class FileMerge:
    """What a file from the landing folder did to the prices of one commodity, in rows.

    ``repeated``: True if the same rows of the same file were merged before, so nothing was done.
    ``dispute``: the revisions or withdrawals because of which its rows were not merged and wait for
    a user.
    """

    commodity: str
    changes: PriceChanges
    repeated: bool
    dispute: Dispute | DoubtedWithdrawals | None = None


@dataclass(frozen=True)
class FeatureChanges:
    """What a write of features did, in numbers of rows: one for each covariate and session."""

    added: int
    revised: int
    deleted: int
    unchanged: int


class LandingTable(Protocol):
    """The table of files that were merged into the prices."""

    def merge(
        self,
        file: str,
        sha256: str,
        observations: Sequence[Observations],
        at: datetime,
        by: str,
        scrutiny: Scrutiny | None = None,
    ) -> list[FileMerge]:
        """Merge a file's prices, all commodities in one transaction, unless that was done before.

        Two files are the same if they have the same bytes and the same number of usable rows. If
        ``scrutiny`` disputes revisions or withdrawals of a commodity, none of its rows is merged.
        """

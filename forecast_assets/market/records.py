"""What was done to prices and features."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from forecast_assets.market.lacking import Lacking
from forecast_assets.market.observations import Observations
from forecast_assets.timeline.scrutiny import Dispute, Scrutiny


@dataclass(frozen=True)
class PriceChanges:
    """What a write of prices did, in sessions.

    ``missing``: sessions that the source lacks and that were kept all the same. ``held``: what it
    says of others and what waits for a word. ``lacking``: which are missing or withdrawn.
    """

    added: int
    revised: int
    withdrawn: int
    unchanged: int
    missing: int
    held: int = 0
    lacking: Lacking = field(default_factory=Lacking)

    def __add__(self, other: "PriceChanges") -> "PriceChanges":
        """What two writes did together."""
        return PriceChanges(
            self.added + other.added,
            self.revised + other.revised,
            self.withdrawn + other.withdrawn,
            self.unchanged + other.unchanged,
            self.missing + other.missing,
            self.held + other.held,
        )


HeldReason = Literal["revision", "with_revisions", "strange"]
"""A stored close would move too far, or a session came with too many such; a strange new close."""


@dataclass(frozen=True)
class HeldPrice:
    """A close that a source says and that waits for a word.

    ``stored_close``: None for a session that is not stored.
    """

    date: date
    close: float
    stored_close: float | None
    reason: HeldReason
    source: str


@dataclass(frozen=True)
class Landing:
    """What a file from the landing folder did to the prices of one commodity, in rows.

    ``repeated``: the same rows of the same file were merged before, and nothing was done.
    ``dispute``: why its rows were not merged and wait for a word.
    """

    commodity: str
    changes: PriceChanges
    repeated: bool
    dispute: Dispute | None = None


@dataclass(frozen=True)
class FeatureChanges:
    """What a write of features did, in rows: one for each covariate and session."""

    added: int
    revised: int
    deleted: int
    unchanged: int


class LandingTable(Protocol):
    """Files that were merged into the prices."""

    def merge(
        self,
        file: str,
        sha256: str,
        observations: Sequence[Observations],
        at: datetime,
        by: str,
        scrutiny: Scrutiny | None = None,
    ) -> list[Landing]:
        """Merge a file's prices, all commodities in one transaction, unless that was done before.

        The same bytes with the same number of usable rows are the same file. Of a commodity whose
        revisions ``scrutiny`` disputes nothing is merged.
        """

"""What a compaction of the tables did."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Compacted:
    """One table: its files before and after, and how many old files were deleted."""

    table: str
    before: int
    after: int
    deleted: int

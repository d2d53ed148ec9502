"""The clock, in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time in UTC, as the tables keep it: without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)

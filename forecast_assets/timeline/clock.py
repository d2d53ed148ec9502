"""The clock, in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present time in UTC, without a time zone, as the tables store it."""
    return datetime.now(UTC).replace(tzinfo=None)

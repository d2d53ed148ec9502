"""Meaning: what the configuration says of the rows of a commodity's source."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from forecast_assets.configuration.commodities import Commodity, FileSource, RowKeys
from forecast_assets.timeline.sessions import FROM_DATA


@dataclass(frozen=True)
class Meaning:
    """What the rows of a commodity mean.

    ``key``: where its source is configured; None for a source whose rows have no keys.
    ``timezone``: the zone that the source sets. ``exchange``: the one of its calendar, None where
    that is learned from the data or knows no place. ``sundays``: the calendar trades on Sundays
    and not on Fridays.
    """

    key: str | None = None
    timezone: ZoneInfo | None = None
    exchange: ZoneInfo | None = None
    sundays: bool = False
    aggregate: bool = False
    weekends: Literal["keep", "drop"] | None = None
    known_ahead: int = 0
    prefer: str | None = None

    @classmethod
    def of(cls, name: str, commodity: Commodity) -> "Meaning":
        """The meaning of the rows of the commodity called ``name``, in its files and dropped."""
        source = commodity.source
        exchange, sundays = _exchange(commodity.calendar)
        if not isinstance(source, RowKeys):
            return cls(exchange=exchange, sundays=sundays)
        return cls(
            key=f"commodities.{name}.source",
            timezone=ZoneInfo(source.timezone) if source.timezone else None,
            exchange=exchange,
            sundays=sundays,
            aggregate=source.aggregate is not None,
            weekends=source.weekends,
            known_ahead=source.known_ahead,
            prefer=source.prefer if isinstance(source, FileSource) else None,
        )

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone whose days are sessions, where one is known."""
        return self.timezone or self.exchange

    def today(self, now: datetime) -> date:
        """The day in the commodity's zone, or in UTC; ``now`` is UTC without a zone."""
        return now.replace(tzinfo=UTC).astimezone(self.zone or UTC).date()

    def hint(self, key: str) -> str:
        """What to set, where the source has keys for its rows."""
        if self.key is None:
            return f"that takes the key {key} of a source of type file or landing"
        return f"set {self.key}.{key}"


AS_WRITTEN = Meaning()
"""Days as they are written, one row each, none of them ahead of today."""


def _exchange(calendar: str) -> tuple[ZoneInfo | None, bool]:
    """The zone of a calendar, and whether it trades on Sundays and not on Fridays.

    A calendar in UTC, such as 24/7, is of no place.
    """
    if calendar == FROM_DATA:
        return None, False
    import exchange_calendars  # loaded when a calendar is named

    known = exchange_calendars.get_calendar(calendar)
    zone = None if str(known.tz) == "UTC" else ZoneInfo(str(known.tz))
    friday, sunday = known.weekmask[4], known.weekmask[6]
    return zone, (friday, sunday) == ("0", "1")

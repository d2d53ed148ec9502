"""Meaning: how the configuration says to interpret the rows of a commodity's source."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from forecast_assets.configuration.commodities import Commodity, FileSource, RowKeys
from forecast_assets.configuration.sections import PLAUSIBLE, Bounds
from forecast_assets.timeline.sessions import FROM_DATA


@dataclass(frozen=True)
class Meaning:
    """How to interpret the rows of a commodity.

    ``key``: the place of the source in the configuration; None for a source without keys for rows.
    ``timezone``: the zone that the source sets. ``exchange``: the zone of its calendar; None if the
    calendar is learned from the data or has no place. ``sundays``: whether the calendar trades on
    Sundays and not on Fridays. ``bounds``: what is plausible. The other fields are keys of the
    source.
    """

    key: str | None = None
    timezone: ZoneInfo | None = None
    exchange: ZoneInfo | None = None
    sundays: bool = False
    aggregate: bool = False
    weekends: Literal["keep", "drop"] | None = None
    known_ahead: int = 0
    prefer: str | None = None
    bounds: Bounds = PLAUSIBLE

    @classmethod
    def of(cls, name: str, commodity: Commodity, bounds: Bounds = PLAUSIBLE) -> "Meaning":
        """The meaning of rows of the commodity ``name``, in its own files and in dropped ones."""
        source = commodity.source
        exchange, sundays = _exchange(commodity.calendar)
        if not isinstance(source, RowKeys):
            return cls(exchange=exchange, sundays=sundays, bounds=bounds)
        return cls(
            key=f"commodities.{name}.source",
            timezone=ZoneInfo(source.timezone) if source.timezone else None,
            exchange=exchange,
            sundays=sundays,
            aggregate=source.aggregate is not None,
            weekends=source.weekends,
            known_ahead=source.known_ahead,
            prefer=source.prefer if isinstance(source, FileSource) else None,
            bounds=bounds,
        )

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone whose days are the sessions, or None if it is not known."""
        return self.timezone or self.exchange

    def today(self, now: datetime) -> date:
        """Today in the commodity's zone, or in UTC if that is unknown; ``now``: UTC, no zone."""
        return now.replace(tzinfo=UTC).astimezone(self.zone or UTC).date()

    def hint(self, key: str) -> str:
        """A hint for users to set this key, or that only other types of source have it."""
        if self.key is None:
            return f"that takes the key {key} of a source of type file or landing"
        return f"set {self.key}.{key}"


AS_WRITTEN = Meaning()
"""The default meaning: days are taken as written, one row each, and none lies after today."""


def _exchange(calendar: str) -> tuple[ZoneInfo | None, bool]:
    """The zone of a calendar, and whether it trades on Sundays and not on Fridays.

    The zone is None for a calendar in UTC, such as 24/7, since it belongs to no place.
    """
    if calendar == FROM_DATA:
        return None, False
    import exchange_calendars  # loaded when a calendar is named

    known = exchange_calendars.get_calendar(calendar)
    zone = None if str(known.tz) == "UTC" else ZoneInfo(str(known.tz))
    friday, sunday = known.weekmask[4], known.weekmask[6]
    return zone, (friday, sunday) == ("0", "1")

"""Partitions: commodities, training dates, and their product, whose key is a model's window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from dagster import (
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
)

from forecast_assets.configuration.sections import CADENCES
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.window import Window

DATE_FORMAT = "%Y-%m-%d"

EPOCH = "1950-01-01"
"""Where places in a cadence are counted from, so that no configuration moves them."""

CHAIN_LENGTH = 4
"""Windows in a row that begin their estimates with each other's; every fourth begins anew."""


@dataclass(frozen=True)
class Partitions:
    """The partitions of every asset, made from one configuration."""

    settings: Settings

    @cached_property
    def commodities(self) -> StaticPartitionsDefinition:
        """One partition a commodity."""
        return StaticPartitionsDefinition(list(self.settings.commodities))

    @cached_property
    def training_dates(self) -> TimeWindowPartitionsDefinition:
        """One partition a training date, the current window among them."""
        training = self.settings.training
        return TimeWindowPartitionsDefinition(
            start=training.start.isoformat(),
            fmt=DATE_FORMAT,
            cron_schedule=CADENCES[training.cadence],
            timezone="UTC",
            end_offset=1,
        )

    @cached_property
    def windows(self) -> MultiPartitionsDefinition:
        """Commodity x training date: the partitions of models and of forecasts."""
        return MultiPartitionsDefinition(
            {"commodity": self.commodities, "training_date": self.training_dates}
        )

    def window(self, commodity: str, training_date: str) -> Window:
        """The window of one commodity that starts on a training date.

        Raises ConfigurationError for a date that is none.
        """
        self.settings.commodity(commodity)
        if not self.training_dates.has_partition_key(training_date):
            cadence = self.settings.training.cadence
            raise ConfigurationError(
                f"training date: found {training_date!r}, allowed: the {cadence} ones from"
                f" {self.training_dates.get_first_partition_key()} on"
            )
        if training_date not in self._places:
            raise ConfigurationError(f"training date: {training_date} has not come yet")
        bounds = self.training_dates.time_window_for_partition_key(training_date)
        place = self._places[training_date]
        earlier = list(self._places)[place - place % CHAIN_LENGTH : place]
        dates = tuple(date.fromisoformat(day) for day in earlier)
        return Window(commodity, bounds.start.date(), bounds.end.date(), dates)

    @cached_property
    def _places(self) -> dict[str, int]:
        """Every date of the cadence in order, each with its place, whenever training starts."""
        dates = TimeWindowPartitionsDefinition(
            start=EPOCH,
            fmt=DATE_FORMAT,
            cron_schedule=CADENCES[self.settings.training.cadence],
            timezone="UTC",
            end_offset=1,
        )
        return {key: place for place, key in enumerate(dates.get_partition_keys())}

    def window_of(self, key: str) -> Window:
        """The window of a partition key."""
        dimensions = self.windows.get_partition_key_from_str(key).keys_by_dimension
        return self.window(dimensions["commodity"], dimensions["training_date"])

    def window_of_run(self, key: str, training_date: str | None, version: str) -> Window:
        """The window of a key, or its rest where a run's config names a day to train on.

        Raises ConfigurationError for a day that is none, or for the configuration's version.
        """
        window = self.window_of(key)
        if training_date is None:
            return window
        if version == self.settings.model_version:
            raise ConfigurationError(
                f"training_date: found {training_date!r} under the configuration's version"
                f" {version!r}, allowed: together with a model_version of its own"
            )
        try:
            day = date.fromisoformat(training_date)
        except ValueError as error:
            raise ConfigurationError(
                f"training_date: found {training_date!r}, allowed: a day written YYYY-MM-DD"
            ) from error
        return window.retrained(day)

    @property
    def begun(self) -> list[date]:
        """Every training date that has begun, in order."""
        return [date.fromisoformat(key) for key in self._come()]

    @property
    def first(self) -> date:
        """The first training date, whether it has come or not."""
        later = self.training_dates.start + timedelta(
            days=2 * 366
        )  # of any cadence, one is by then
        return date.fromisoformat(self.training_dates.get_partition_keys(current_time=later)[0])

    def windows_of(self, commodity: str, now: datetime | None = None) -> list[Window]:
        """All windows of a commodity that have begun, in order."""
        return [self.window(commodity, key) for key in self._come(now)]

    def _come(self, now: datetime | None = None) -> list[str]:
        """The keys of training dates that have come.

        Before the first has come, Dagster names it all the same: its newest window is one that
        has not ended, and it does not ask whether that has begun.
        """
        today = (now or datetime.now(UTC)).date().isoformat()
        keys = self.training_dates.get_partition_keys(current_time=now)
        return [key for key in keys if key <= today]


def first_of(keys: Sequence[str], commodity: str) -> str:
    """The first window of a commodity among the partition keys of a run."""
    return min(key for key in keys if commodity_of(key) == commodity)


def commodity_of(key: str) -> str:
    """The commodity of a window's partition key."""
    return key.rpartition("|")[0]

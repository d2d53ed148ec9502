"""Partitions: commodities, training dates, and their product, in which each key is a window."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from dagster import (
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
)

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.window import Window
from forecast_assets.timeline.windows import Cadence

DATE_FORMAT = "%Y-%m-%d"

CADENCES: dict[Cadence, str] = {
    "annually": "0 0 1 1 *",
    "semiannually": "0 0 1 1,7 *",
    "quarterly": "0 0 1 1,4,7,10 *",
    "monthly": "0 0 1 * *",
    "weekly": "0 0 * * 1",
}
"""The cron expression of the training dates of each cadence, in UTC."""


@dataclass(frozen=True)
class Partitions:
    """The partitions of all assets of a configuration."""

    settings: Settings

    @cached_property
    def commodities(self) -> StaticPartitionsDefinition:
        """One partition for each commodity."""
        return StaticPartitionsDefinition(list(self.settings.commodities))

    @cached_property
    def training_dates(self) -> TimeWindowPartitionsDefinition:
        """One partition for each training date that has come, so the current window is included."""
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

        Raises ConfigurationError for a day that is not a training date, or has not come. Dagster
        has a partition for the first training date even before it has come.
        """
        self.settings.commodity(commodity)
        windows = self.settings.windows
        if training_date not in map(str, windows.begun()):
            raise ConfigurationError(
                f"training date: found {training_date!r}, allowed: the {windows.cadence} ones"
                f" from {windows.first} on that have come"
            )
        return windows.window(commodity, date.fromisoformat(training_date))

    def window_of(self, key: str) -> Window:
        """The window of a partition key."""
        dimensions = self.windows.get_partition_key_from_str(key).keys_by_dimension
        return self.window(dimensions["commodity"], dimensions["training_date"])

    def window_of_run(self, key: str, training_date: str | None, version: str) -> Window:
        """The window of a key; the rest of it if the run's configuration has a ``training_date``.

        Raises ConfigurationError if that is not a day, or if the run has the configuration's own
        model version.
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


def commodity_of(key: str) -> str:
    """The commodity in a window's partition key; empty if the key is that of a commodity."""
    return key.rpartition("|")[0]


def training_date_of(key: str) -> date:
    """The training date of a window's partition key."""
    return date.fromisoformat(key.rpartition("|")[2])


def newest_of_each(rows: Mapping[str, int]) -> list[str]:
    """The newest partition with rows of each commodity, or else its last one, in order.

    ``rows``: the number of rows by partition.
    """
    order = sorted(rows, key=lambda key: (bool(rows[key]), key))
    return sorted({commodity_of(key) or key: key for key in order}.values())


def newest_window(rows: Mapping[str, int]) -> str | None:
    """The newest window that holds rows; None if there is no window."""
    windows = [key for key in newest_of_each(rows) if commodity_of(key)]
    held = [key for key in windows if rows[key]] or windows
    return max(held, key=training_date_of, default=None)

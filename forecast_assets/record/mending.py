"""Mending: which command puts damaged rows right, by what the configuration still makes.

Runs make what the tables lack, and paths are drawn again as they were issued. What is neither, and
what the configuration no longer makes, comes only from a backup.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from shlex import quote
from typing import Any

import pandas as pd

from forecast_assets.configuration.settings import Settings
from forecast_assets.record.damage import FORECAST, day_of
from forecast_assets.timeline.window import Window

BACKUP = "only a backup: docs/operations.md, Restore"

PUBLISH = "forecast report"

RESTORE = "--restore"


def restoring(commodity: str, model_name: str, model_version: str) -> str:
    """What draws damaged paths and points of a model again, as they were issued."""
    named = ["--model", model_name, "--model-version", model_version]
    words = ["forecast", "redraw", commodity, *named, RESTORE]
    return " ".join(quote(word) for word in words)


@dataclass(frozen=True, eq=False)
class Mending:
    """What mends the rows of a commodity.

    ``models`` and ``ledger``: its rows of ``trained_models`` and ``forecasts``. ``sessions``: those
    of its prices.
    """

    settings: Settings
    commodity: str
    models: pd.DataFrame
    ledger: pd.DataFrame
    sessions: frozenset[date]
    windows: list[Window] = field(default_factory=list)

    def run(self, version: str, day: date | None = None) -> str:
        """A run of the commodity, in the window of a day if one is given."""
        if self.commodity not in self.settings.commodities:
            return BACKUP
        words = ["forecast", "run", "--commodity", quote(self.commodity)]
        if day is not None:
            words += ["--from", str(day), "--to", str(day)]
        if version not in ("", self.settings.model_version):
            words += ["--model-version", quote(version)]
        return " ".join(words)

    def training(self, row: Any) -> str:
        """What trains the model of a row again, if its window and name are configured."""
        day = day_of(row.training_date)
        begun = any(window.training_date == day for window in self.windows)
        if begun and row.model_name in self.settings.models:
            return self.run(row.model_version, day)
        return BACKUP

    def restoring(self, row: Any) -> str:
        """What draws the paths of a forecast again as it was issued, if its model is there."""
        key = (row.model_name, row.model_version, pd.Timestamp(row.data_cutoff_date))
        if self.commodity not in self.settings.commodities or key not in self._restorable:
            return BACKUP
        return restoring(self.commodity, row.model_name, row.model_version)

    @cached_property
    def _restorable(self) -> set[tuple[str, str, pd.Timestamp]]:
        """The forecasts of the ledger whose payload a model has."""
        made_by = ["model_id", "payload_sha256"]
        there = self.ledger.merge(self.models[made_by].drop_duplicates(), on=made_by)
        return set(there[FORECAST].itertuples(index=False, name=None))

    def drawing(self, row: Any) -> str:
        """What draws the forecast of a row again, if the ledger has no row of it."""
        cutoff = day_of(row.data_cutoff_date)
        if cutoff not in self.sessions:
            return BACKUP
        start = min((day for day in self.sessions if day > cutoff), default=cutoff)
        mine = self.models[
            self.models.is_active
            & (self.models.model_name == row.model_name)
            & (self.models.model_version == row.model_version)
        ]
        fitted = set(mine.training_date.dt.date)
        begun = any(
            x.training_date <= start < x.end and x.training_date in fitted for x in self.windows
        )
        if not begun or row.model_name not in self.settings.models:
            return BACKUP
        return self.run(row.model_version, start)

"""Mending: which command puts damaged rows right, by what the configuration still makes.

Commands make what the tables lack. What they see as present, and what the configuration no longer
makes, comes only from a backup.
"""

from dataclasses import dataclass, field
from datetime import date
from shlex import quote
from typing import Any

import pandas as pd

from forecast_assets.configuration.settings import Settings
from forecast_assets.record.damage import day_of
from forecast_assets.timeline.window import Window

BACKUP = "only a backup: docs/operations.md, Restore"

PUBLISH = "forecast report"


@dataclass(frozen=True, eq=False)
class Mending:
    """What mends the rows of a commodity.

    ``models``: its rows of ``trained_models``. ``sessions``: those of its prices.
    """

    settings: Settings
    commodity: str
    models: pd.DataFrame
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

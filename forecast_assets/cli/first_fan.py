"""The first fan of a long ``forecast run``: what a forecast is like, while the others are made."""

from dataclasses import dataclass

import numpy as np
from rich.console import Console

from forecast_assets.automation.results import WindowForecast
from forecast_assets.cli.console import write
from forecast_assets.cli.showing import show_forecast
from forecast_assets.configuration.settings import Settings
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.models.naive import Naive
from forecast_assets.store.opening import open_store
from forecast_assets.store.reader import Reader

WAIT_SECONDS = 2.0
"""The fan waits for the tables no longer than this, since the run waits for the fan."""


@dataclass(frozen=True)
class FirstFan:
    """Prints one forecast of a window: the newest of the roster's first model besides ``naive``."""

    console: Console
    settings: Settings

    def show(self, forecast: WindowForecast, windows: int) -> None:
        """Print it, with a line on which window it is of. Raises StoreLocked."""
        window, settings = forecast.window, self.settings
        store = open_store(settings, at_most=WAIT_SECONDS)
        issued = store.paths.issued(window.commodity, forecast.model_version)
        of_window = issued.trained == np.datetime64(window.training_date)
        chosen = self.choice(list(issued.only(of_window)))
        day, memory = chosen.forecast_start_date, settings.database.memory_limit
        reader = Reader(settings.tables_at, WAIT_SECONDS, memory)
        paths = reader.paths(window.commodity, chosen.model_name, forecast.model_version, day, day)
        write(
            self.console,
            f"{window.commodity}: the first of {windows} windows has its forecasts, and this is the"
            f" newest of them by {chosen.model_name}, from {chosen.data_cutoff_date}; the other"
            " windows follow",
        )
        unit = settings.commodity(window.commodity).unit
        show_forecast(self.console, paths, forecast.history, unit)

    def choice(self, issued: list[IssuedForecast]) -> IssuedForecast:
        """The newest forecast of the first model; ``naive`` only if there is no other."""
        roster = list(self.settings.models)

        def place(each: IssuedForecast) -> tuple[bool, int]:
            known = each.model_name in roster
            place = roster.index(each.model_name) if known else len(roster)
            return each.model_name == Naive.name, place

        first = min(map(place, issued))
        return max(
            (each for each in issued if place(each) == first), key=lambda x: x.data_cutoff_date
        )

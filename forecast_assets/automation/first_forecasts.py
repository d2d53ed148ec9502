"""The first forecasts of a long command: they are told before the other windows have theirs."""

from collections.abc import Callable
from dataclasses import dataclass

from forecast_assets.automation.plan import PlannedRun
from forecast_assets.automation.results import Result, WindowForecast

Show = Callable[[WindowForecast, int], object]
"""Shows forecasts of a window that are committed; the number is that of the run's windows."""


def show_nothing(forecast: WindowForecast, windows: int) -> None:
    """Nobody wants to see the first forecasts."""


@dataclass
class FirstForecasts:
    """A listener that shows the first new forecasts of a run with several windows to forecast.

    It does so once, however many runs it listens to. ``windows``: how many the run under way has to
    forecast.
    """

    show: Show = show_nothing
    windows: int = 0
    shown: bool = False

    def expect(self, request: PlannedRun) -> None:
        """Listen to another run from now on."""
        self.windows = len({work for work in request.work if work.stage == "forecast"})

    def hear(self, result: Result) -> None:
        """Show what a window has, if it is the first with a forecast that was not there before."""
        if self.shown or self.windows < 2 or not isinstance(result, WindowForecast):
            return
        if result.drawn > result.redrawn:
            self.shown = True
            self.show(result, self.windows)

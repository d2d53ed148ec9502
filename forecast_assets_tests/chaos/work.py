"""The work of runs by the project's functions, window by window, without Dagster."""

from collections.abc import Callable

from forecast_assets.automation.due import due_windows
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.after_commit import AfterCommit
from forecast_assets.defs.assets.leaderboard import ranked
from forecast_assets.defs.assets.published_distributions import published
from forecast_assets.errors import ForecastAssetsError
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window
from forecast_assets_tests import desk

OnWindow = Callable[[Settings, Store, Window, History], None]


def train(settings: Settings) -> None:
    """Fit what is not fitted."""
    _each(settings, desk.train)


def forecast(settings: Settings) -> None:
    """Draw what is not drawn."""
    _each(settings, desk.draw)


def score(settings: Settings) -> None:
    """Score what is not scored."""
    _each(settings, desk.score)


def publish(settings: Settings) -> None:
    """Rank the models, and publish."""
    store = open_store(settings)
    for work in (ranked, published):
        if failures := work(settings, store, desk.BY, AfterCommit()).failures:
            raise ForecastAssetsError(*failures)


def _each(settings: Settings, work: OnWindow) -> None:
    store, run = open_store(settings), settings.of_run(None, None)
    for name in run.commodities:
        history = store.features.read(store.prices.history(name))
        for window in due_windows(run, run.windows.of(name), history):
            work(run, store, window, history)

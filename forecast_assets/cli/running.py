"""``forecast run`` and ``forecast report``: executing the due runs in a thread."""

import time
from datetime import date

from rich.console import Console

from forecast_assets.automation.scope import Scope
from forecast_assets.cli.console import interruptible
from forecast_assets.cli.first_fan import FirstFan
from forecast_assets.cli.outcome import Outcome
from forecast_assets.cli.overview import commodities
from forecast_assets.cli.wish import Wish
from forecast_assets.configuration.settings import load_settings
from forecast_assets.defs.launching import work
from forecast_assets.defs.progress import TerminalProgress
from forecast_assets.store.opening import open_store


def run_due(console: Console, progress: TerminalProgress, wish: Wish) -> Outcome:
    """Do all due work that the options select; they are possible.

    ``console``: shows the first fan of many.
    """
    settings = load_settings()
    names = commodities(settings, wish.commodity)
    version = settings.version(wish.model_version)
    first, last = wish.first or date.min, wish.last or date.max
    scope = Scope(tuple(names), first, last, wish.recompute, wish.train_on)
    before, began = open_store(settings).size(), time.monotonic()
    worker = interruptible(
        lambda: work(
            settings,
            version,
            scope,
            progress,
            allow_withdrawals=wish.allow_withdrawals,
            rewrite=wish.rewrite,
            show=FirstFan(console, settings).show,
        ),
        progress.stopping,
        progress.hear_stop,
    )
    return Outcome(worker, names, time.monotonic() - began, before)


def make_report(progress: TerminalProgress) -> Outcome:
    """Rank the models, publish forecasts, and write the report."""
    settings = load_settings()
    before, began = open_store(settings).size(), time.monotonic()
    worker = interruptible(
        lambda: work(settings, settings.model_version, Scope(commodities=()), progress),
        progress.stopping,
        progress.hear_stop,
    )
    return Outcome(worker, [], time.monotonic() - began, before)

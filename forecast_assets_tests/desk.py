"""A desk: commodities whose work is done by the project's functions, in this process, without runs.

Runs do the same and cost a second each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast_assets.automation.due import due_windows
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.after_commit import AfterCommit
from forecast_assets.defs.assets.leaderboard import ranked
from forecast_assets.defs.assets.published_distributions import published
from forecast_assets.evaluation.assessment import assess_window
from forecast_assets.forecast.forecasting import forecast_window
from forecast_assets.forecast.records import Written
from forecast_assets.forecast.training import train_window
from forecast_assets.market.features import read_features
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.store.saved_models import FittedModels, ModelStore
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window
from forecast_assets_tests.caretaker import configuration
from forecast_assets_tests.histories import write_covariate

BY = "a test"
"""Who has written what a desk does."""


@dataclass
class Desk:
    """A configuration over tables of its own."""

    settings: Settings

    @property
    def store(self) -> Store:
        """The tables."""
        return open_store(self.settings)

    def told(self, history: History) -> None:
        """Have prices and covariates as a history has them; what it lacks is withdrawn."""
        rows = pd.DataFrame({"date": history.dates, "close": history.closes})
        prices = rows.reindex(columns=list(COLUMNS))
        said = Observations(history.commodity, "file:prices.csv", prices)
        self.store.prices.write(said, now(), BY, allow_withdrawals=True)
        folder, commodity = self.settings.folder, self.settings.commodity(history.commodity)
        for name in history.feature_names:
            write_covariate(folder / commodity.covariates[name].path, history, name)
        self.told_nothing(history.commodity)

    def told_nothing(self, name: str = "Coffee") -> None:
        """Have covariates as their files are, at the sessions that there are."""
        stored, commodity = self.store.prices.history(name), self.settings.commodity(name)
        today = Meaning.of(name, commodity).today(now())
        joined = read_features(name, commodity, stored.dates, self.settings.folder, today)
        self.store.features.write(joined, now(), BY)

    def work(
        self, version: str | None = None, *, recompute: bool = False, publishes: bool = True
    ) -> None:
        """Train, draw and score what is due, then rank and publish, as runs do."""
        run = self.settings.of_run(version, None)
        for name in run.commodities:
            history = self.store.features.read(self.store.prices.history(name))
            for window in due_windows(run, run.windows.of(name), history):
                train(run, self.store, window, history)
                draw(run, self.store, window, history, recompute=recompute)
                score(run, self.store, window, history)
        if publishes:
            publish(self.settings, self.store)


def publish(settings: Settings, store: Store) -> None:
    """Rank the models, and publish."""
    assert not ranked(settings, store, BY, AfterCommit()).failures
    assert not published(settings, store, BY, AfterCommit()).failures


def train(run: Settings, store: Store, window: Window, history: History) -> None:
    """Fit what is not fitted of a window."""
    name, version = window.commodity, run.model_version
    shelf = ModelStore.over(store, run)
    header = Written(name, version, window.training_date, now(), BY)
    known = store.models.find(name, None, window.training_date, version)
    training = train_window(run, window, history, shelf.intact(known))
    rows = [shelf.row(fit, header, training.history) for fit in training.fits]
    pin = PinnedVersion.of(run, store).due(now(), BY)
    store.models.append(header, rows, training.failures, pin)


def draw(
    run: Settings, store: Store, window: Window, history: History, *, recompute: bool = False
) -> None:
    """Draw what is not drawn of a window."""
    name, version = window.commodity, run.model_version
    shelf = ModelStore.over(store, run)
    loaded, _ = FittedModels(shelf).of(window, version, list(run.models))
    header = Written(name, version, window.training_date, now(), BY)
    issued = store.paths.issued(name, version)
    drawn = forecast_window(run, window, history, loaded, issued, recompute=recompute)
    store.paths.apply(header, drawn.change)


def score(run: Settings, store: Store, window: Window, history: History) -> None:
    """Score what is not scored of a window."""
    name, version = window.commodity, run.model_version
    issued = store.paths.issued(name, version)
    found = assess_window(
        window,
        history,
        issued,
        store.scores.scored(name, version),
        horizon=run.horizon,
        read=lambda model, days: store.paths.drawn(name, model, version, days),
    )
    header = Written(name, version, window.training_date, now(), BY)
    store.scores.replace(header, found.models, found.gone)


def desk(folder: Path, *names: str, **keys: Any) -> Desk:
    """A desk of commodities from files that do not exist, three sessions ahead and 20 paths."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "forecast.yaml"
    path.write_text(configuration(*names, **keys))
    return Desk(Settings.load(path))


def without(history: History, places: Sequence[int]) -> History:
    """A history without the sessions at some places."""
    kept = np.ones(len(history), dtype=bool)
    kept[list(places)] = False
    return History(
        history.commodity,
        history.dates[kept],
        history.closes[kept],
        history.features[kept],
        history.feature_names,
    )


def corrected(history: History, place: int, factor: float) -> History:
    """A history with another close at a place."""
    closes = history.closes.copy()
    closes[place] *= factor
    return History(
        history.commodity, history.dates, closes, history.features, history.feature_names
    )

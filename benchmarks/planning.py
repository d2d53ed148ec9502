"""What it costs to find out that nothing is due: ten years of forecasts by six models, all scored.

``python -m benchmarks.planning``: the plan right after the tables were written, so that it reads
all, and while they rest. Its peer reads the same forecasts, outcomes and scores as Arrow tables by
DuckDB. A forecast has two paths, since a plan reads none of them. Processor time, about a minute.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pandas as pd
import yaml
from rich.console import Console

from forecast_assets.automation.attempts import Attempts
from forecast_assets.automation.plan import plan
from forecast_assets.configuration.settings import Settings
from forecast_assets.evaluation.assessment import assess_window
from forecast_assets.forecast.forecasting import forecast_window
from forecast_assets.forecast.records import TrainedModel, Written
from forecast_assets.forecast.training import train_window
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.store.opening import open_store
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.store.saved_models import FittedModels, ModelStore
from forecast_assets.timeline.history import History

NAME, VERSION = "Coffee", "bench"
SETTINGS = {
    "model_version": VERSION,
    "paths": 2,
    "training": {"cadence": "semiannually", "start": date(2014, 1, 1)},
    "models": ["naive", "arima_auto", "ets", "garch", "reverting_volatility", "ensemble"],
    "commodities": {NAME: {"unit": "USc/lb", "source": {"type": "landing"}}},
}
FIRST, LAST = "2011-06-01", "2023-12-22"
NOW = datetime(2023, 12, 23, tzinfo=UTC)
AHEAD = 4_000_000_000
"""A stamp of a file, in seconds, that is later than any clock."""

REPETITIONS = 20

READ = (
    "FROM forecast.forecasts ORDER BY model_name, data_cutoff_date",
    "FROM forecast.distributions WHERE path_id = 0",
    "SELECT model_name, data_cutoff_date, day_ahead, actual FROM forecast.scores",
)
"""What the peer reads; a plan needs all of it."""


def walk() -> History:
    """A geometric random walk on weekdays."""
    days = pd.bdate_range(FIRST, LAST).to_numpy().astype("datetime64[D]")
    returns = np.random.default_rng(1).standard_normal(len(days)) * 0.02
    return History(NAME, days, 50 * np.exp(np.cumsum(returns)))


def site(folder: Path) -> Settings:
    """A configuration in a folder, and tables with all that is due."""
    file = folder / "forecast.yaml"
    file.write_text(yaml.safe_dump(SETTINGS))
    settings, history = Settings.load(file), walk()
    models = ModelStore.of(settings)
    prices = pd.DataFrame({"date": history.dates, "close": history.closes})
    rows = prices.reindex(columns=list(COLUMNS))
    at = NOW.replace(tzinfo=None)
    models.store.prices.write(Observations(NAME, "landing:drawn", rows), at, VERSION)
    store, fitted = models.store, list[TrainedModel]()
    for window in settings.windows.of(NAME, NOW):
        written = Written(NAME, VERSION, window.training_date, at, VERSION)
        known = history.known_before(window.training_date)
        if not fitted:
            fits = train_window(settings, window, history, []).fits
            fitted = [models.row(fit, written, known) for fit in fits]
        pin = PinnedVersion.of(settings, store).due(at, VERSION)
        store.models.append(written, [_of_window(x, written, known) for x in fitted], [], pin)
        loaded, _ = FittedModels(models).of(window, VERSION, settings.models)
        store.paths.apply(written, forecast_window(settings, window, history, loaded, []).change)
        found = assess_window(
            window,
            history,
            store.paths.issued(NAME, VERSION),
            [],
            horizon=settings.horizon,
            read=lambda model, days: store.paths.drawn(NAME, model, VERSION, days),
        )
        store.scores.replace(written, found.models, found.gone)
    settings.report_path.touch()
    return settings


def _of_window(row: TrainedModel, written: Written, known: History) -> TrainedModel:
    """The same estimates as if they were those of another window."""
    day = written.training_date
    return replace(
        row,
        model_id=row.model_id.replace(str(row.training_date), str(day)),
        training_date=day,
        training_end_date=known.newest,
        data_fingerprint=known.fingerprint,
        year=day.year,
        month=day.month,
    )


def least(work: Callable[[], object]) -> float:
    """The processor milliseconds of the quickest of some repetitions."""
    found = []
    for _ in range(REPETITIONS):
        began = time.process_time()
        work()
        found.append(1000 * (time.process_time() - began))
    return min(found)


def main() -> None:
    """Measure, and print a line."""
    os.environ.pop("FORECAST_HOME", None)  # no measurement touches anybody's tables
    with TemporaryDirectory() as folder:
        settings = site(Path(folder))
        file = settings.database_path

        def planned() -> None:
            store = open_store(settings)
            untried = Attempts((), settings.automation, store.marks)
            if not (found := plan(settings, store, untried, NOW)).settled:
                raise AssertionError(found)  # the ledger is not whole, so its figure means nothing

        def read() -> None:
            with duckdb.connect(file, read_only=True) as connection:
                for query in READ:
                    connection.sql(query).to_arrow_table()

        os.utime(file, (AHEAD, AHEAD))  # of such a file nothing is taken to be known
        anew = least(planned)
        os.utime(file, (0, 0))
        resting = least(planned)
        peer = least(read)
    Console().print(
        f"a plan with nothing due: {anew:.0f} ms of the processor after a write, {resting:.0f} ms"
        f" while the tables rest; its rows by DuckDB: {peer:.0f} ms;"
        f" ratios {anew / peer:.2f} and {resting / peer:.2f}"
    )


if __name__ == "__main__":
    main()

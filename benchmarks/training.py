"""What training costs: the whole roster but its extras, 16 semiannual windows of real prices.

``python -m benchmarks.training``: 3,000 to 5,000 sessions before a training date, on all cores.
The covariate of ``sarimax`` is drawn, since the package has none.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import joblib
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.quality import NEEDING_MORE
from forecast_assets.configuration.commodities import SampleSource
from forecast_assets.configuration.settings import Settings
from forecast_assets.forecast.parallel import Processes
from forecast_assets.forecast.tasks import Done, Estimation, Task
from forecast_assets.forecast.training import WindowToTrain, train
from forecast_assets.market.sources import read_sample
from forecast_assets.models.ensemble import Ensemble
from forecast_assets.models.roster import ROSTER
from forecast_assets.timeline.history import History

SESSIONS = 5000
FIRST, LAST = date(2011, 1, 1), date(2018, 7, 1)
"""Training dates of the 16 windows."""


def history_with_a_covariate() -> History:
    """WTI, and a random walk beside it."""
    prices = read_sample("WTI", SampleSource(type="sample", name="wti")).prices[-SESSIONS:]
    walk = np.random.default_rng(1).standard_normal((SESSIONS, 1)).cumsum(axis=0)
    return History("WTI", prices["date"].to_numpy(), prices["close"].to_numpy(), walk, ("walk",))


def settings_over_the_roster() -> Settings:
    """Every model that needs no extra, with its default options."""
    models = [name for name in ROSTER if name not in NEEDING_MORE]
    covariate = {"path": "none.csv", "column": "walk"}
    return Settings.model_validate(
        {
            "model_version": "bench",
            "training": {"cadence": "semiannually", "start": FIRST},
            "feature_sets": {"drawn": ["walk"]},
            "models": [*models, {"sarimax": {"features": "drawn"}}],
            "commodities": {
                "WTI": {
                    "unit": "USD/bbl",
                    "source": {"type": "sample", "name": "wti"},
                    "covariates": {"walk": covariate},
                }
            },
        }
    )


def main() -> None:
    """Train every window, and print what each model took."""
    settings, history = settings_over_the_roster(), history_with_a_covariate()
    windows = [x for x in settings.windows.of("WTI") if x.training_date <= LAST]
    fits: dict[str, float] = defaultdict(float)
    trials: dict[str, float] = defaultdict(float)

    def spread(tasks: Sequence[Task]) -> Iterator[list[Done[Any]]]:
        for task, done in zip(tasks, Processes(settings.parallel)(tasks), strict=True):
            spent = fits if isinstance(task, Estimation) else trials
            spent[task.model.name] += sum(one.seconds for one in done)
            yield done

    began = time.perf_counter()
    trained = list(train(settings, [WindowToTrain(window, history) for window in windows], spread))
    wall = time.perf_counter() - began
    failures = [failure.reason for _, training in trained for failure in training.failures]
    assert not failures, failures  # noqa: S101
    together = (
        sum(
            fit.seconds
            for _, training in trained
            for fit in training.fits
            if fit.model.name == Ensemble.name
        )
        - sum(fits.values())
        - sum(trials.values())
    )
    table = Table(title=f"{len(windows)} windows on {joblib.cpu_count()} cores: {wall:.1f} s")
    for heading in ("model", "fits, s", "trials on a hold-out, s"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for name in fits:
        table.add_row(name, f"{fits[name]:.2f}", f"{trials[name]:.2f}")
    table.add_row(f"{Ensemble.name}, its weights and stretch", f"{together:.2f}", "")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

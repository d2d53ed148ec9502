"""The project's own way: a model of the roster, and the store."""

from dataclasses import replace
from pathlib import Path

from benchmarks.paths import AT, model_row
from benchmarks.peers.job import Job, Paths
from benchmarks.peers.way import Way
from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import Draw, WindowChange, Written
from forecast_assets.models.base import FittedForecaster
from forecast_assets.models.roster import ROSTER
from forecast_assets.models.simulation import seed_of
from forecast_assets.store.opening import open_tables

MEMORY, PATIENCE = "512MB", 10.0
"""What DuckDB may use, and how many seconds it waits for a locked file."""


class Own(Way):
    """A model of the roster with its default options."""

    def __init__(self, model: str) -> None:
        self.model, self.name = model, f"forecast_assets {model}"

    def fit(self, job: Job) -> FittedForecaster:
        """Fit as training does."""
        return ROSTER[self.model]().fit(job.sample)

    def draw(self, job: Job, fitted: FittedForecaster) -> Paths:
        """Draw from all origins at once, each with its own seed."""
        origins = job.days(0)
        return fitted.simulate(
            job.history,
            origins,
            horizon=job.horizon,
            n_paths=job.n_paths,
            seeds=[seed_of(job.history.commodity, str(day)) for day in origins],
        )

    def keep(self, job: Job, paths: Paths, file: Path) -> None:
        """Write paths, points and their rows in the ledger as one change, and count them."""
        name, begin = job.history.commodity, job.training_date
        row = replace(
            model_row(),
            commodity=name,
            model_name=self.model,
            model_id=f"{name} {self.model} {begin}",
            training_date=begin,
        )
        draw = Draw(
            row,
            job.days(0),
            job.days(1),
            ["none"] * job.n_origins,
            job.history.closes[job.places].tolist(),
            paths,
            points_of(in_order(paths)),
        )
        written = Written(name, row.model_version, begin, AT, "bench")
        open_tables(str(file), job.horizon, MEMORY, PATIENCE).paths.apply(
            written, WindowChange([draw])
        )

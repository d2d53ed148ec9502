"""Fitting several series in one process and in more: each side by its own means."""

import os
from collections.abc import Sequence

import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import AutoARIMA

from benchmarks.peers.curve import Curve, measured
from benchmarks.peers.job import Job
from forecast_assets.configuration.sections import Parallel
from forecast_assets.forecast.parallel import Processes
from forecast_assets.forecast.tasks import Estimation
from forecast_assets.models.arima_auto import ArimaAuto

SESSIONS = 2000
"""Of each series, so that the other side's processes are worth their start."""


def ours(jobs: Sequence[Job], processes: int) -> None:
    """Estimate as training does."""
    tasks = [
        Estimation(
            ArimaAuto(),
            job.sample.since(job.sample.dates[-SESSIONS].item()),
            (),
            (job.training_date,),
            (job.training_date,),
            SESSIONS,
        )
        for job in jobs
    ]
    for (done,) in Processes(Parallel(processes=processes))(tasks):
        if done.value is None:
            raise RuntimeError(done.reason)


def peers(jobs: Sequence[Job], processes: int) -> None:
    """``StatsForecast.fit`` of a frame with all series."""
    series = [
        pd.DataFrame(
            {
                "unique_id": job.history.commodity,
                "ds": range(SESSIONS),
                "y": job.levels[job.known - SESSIONS : job.known],
            }
        )
        for job in jobs
    ]
    StatsForecast(models=[AutoARIMA()], freq=1, n_jobs=processes).fit(pd.concat(series))


def cores(job: Job) -> Curve:
    """Both, in one process up to as many as there are cores.

    Our processes stay for the next training; the peer starts its own each time.
    """
    jobs = list(job.commodities(4))
    sizes = range(1, (os.cpu_count() or 1) + 1)
    works = {
        "forecast_assets arima_auto": lambda size: ours(jobs, size),
        "statsforecast AutoARIMA": lambda size: peers(jobs, size),
    }
    return measured("cores", f"processes, {len(jobs)} fits of {SESSIONS:,} sessions", sizes, works)

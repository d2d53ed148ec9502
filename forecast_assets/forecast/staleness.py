"""The rule for stale forecasts: those whose history was revised after they were made."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from forecast_assets.forecast.forecast_columns import Mask
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.timeline.history import History, found_in


def are_stale(held: IssuedForecasts, history: History) -> Mask:
    """Of which a close up to the cutoff, or a covariate that their model is offered, was revised.

    ``history``: as it is now, with the covariates that the model of all of them is offered. A
    forecast whose cutoff is no longer a session is not stale: it is withdrawn.
    """
    places, there = found_in(history.dates, held.cutoffs)
    now = pa.array([*history.fingerprints, ""]).take(places)  # of no session there is none
    same: Mask = pc.equal(held.rows.column("history_fingerprint"), now).to_numpy()
    return there & ~same


def told(cutoffs: Sequence[date]) -> str:
    """How many forecasts, and from which day to which; empty for none.

    ``cutoffs``: that of each forecast, so that a day occurs once for each model.
    """
    if not cutoffs:
        return ""
    first, last = min(cutoffs), max(cutoffs)
    count = "1 forecast" if len(cutoffs) == 1 else f"{len(cutoffs):,} forecasts"
    return f"{count} from {first}" + (f" to {last}" if last > first else "")

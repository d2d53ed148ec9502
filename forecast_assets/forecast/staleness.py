"""The rule for stale forecasts: those whose history was revised after they were made."""

from collections.abc import Mapping, Sequence
from datetime import date

from forecast_assets.forecast.records import IssuedForecast


def is_stale(held: IssuedForecast, fingerprints: Mapping[date, str]) -> bool:
    """Whether a close up to the cutoff, or a covariate that the model is offered, was revised.

    ``fingerprints``: those of the model's history as it is now, by session. A forecast whose cutoff
    is no longer a session is not stale: it is withdrawn.
    """
    now = fingerprints.get(held.data_cutoff_date)
    return now is not None and now != held.history_fingerprint


def told(cutoffs: Sequence[date]) -> str:
    """How many forecasts, and from which day to which; empty for none.

    ``cutoffs``: that of each forecast, so that a day occurs once for each model.
    """
    if not cutoffs:
        return ""
    first, last = min(cutoffs), max(cutoffs)
    count = "1 forecast" if len(cutoffs) == 1 else f"{len(cutoffs):,} forecasts"
    return f"{count} from {first}" + (f" to {last}" if last > first else "")

"""The rule for stale forecasts: those whose history was revised after they were made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.forecast.records import IssuedForecast


def is_stale(held: IssuedForecast, fingerprints: Mapping[date, str]) -> bool:
    """Whether a close up to the cutoff, or a covariate that the model is offered, was revised.

    ``fingerprints``: those of the model's history as it is now, by session. A forecast whose cutoff
    is no longer a session is not stale: it is withdrawn.
    """
    now = fingerprints.get(held.data_cutoff_date)
    return now is not None and now != held.history_fingerprint


@dataclass(frozen=True)
class Stale:
    """Some stale forecasts: the cutoff of each, so that a cutoff occurs once for each model."""

    cutoffs: Sequence[date] = ()

    def __len__(self) -> int:
        """How many forecasts they are."""
        return len(self.cutoffs)

    @property
    def days(self) -> str:
        """The first and the last cutoff in words; there must be one."""
        first, last = min(self.cutoffs), max(self.cutoffs)
        return f"from {first}" if first == last else f"from {first} to {last}"

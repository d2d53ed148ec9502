"""The records that training and forecasting produce and the store writes and reads."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import astuple, dataclass, field, replace
from datetime import date, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecast.points import Points
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes

Stage = Literal["train", "forecast"]


@dataclass(frozen=True)
class TrainedModel:
    """One row of ``trained_models``: see docs/tables.md for each column."""

    model_id: str
    commodity: str
    model_name: str
    model_version: str
    training_date: date
    training_start_date: date
    training_end_date: date
    training_samples: int
    options: str
    parameters: str
    fitted_model_json: str | None
    fitted_model_uri: str | None
    payload_format: str
    payload_schema_version: int
    payload_sha256: str
    model_size_bytes: int
    data_fingerprint: str
    library_versions: str
    fit_metrics: str
    fit_seconds: float
    created_at: datetime
    created_by: str
    is_active: bool
    year: int
    month: int


PREDECESSOR = "predecessor"
"""What forecasts of another system have in place of the hashes of a payload and of a history."""

IMPORTED_BY = "forecast import"
"""Who wrote what was taken over from such a system."""

OF_PREDECESSOR = f"{PREDECESSOR}_"
"""What the versions of such forecasts begin with."""


@dataclass(frozen=True)
class ModelFailure:
    """A model, or some forecasts of it, that a window lacks, and the reason.

    ``declined``: True if the model does not apply to these data, so that nothing is wrong.
    ``origins``: how many forecasts are lacking; 0 if the model itself is lacking.
    """

    model_name: str
    reason: str
    declined: bool = False
    origins: int = 0


@dataclass(frozen=True, slots=True)
class IssuedForecast:
    """One forecast that the tables hold, and what it was made from.

    ``outcome``: the stored close of each session ahead, with None for a session that has not
    happened; None as a whole if the tables have no row of outcomes for this forecast.
    ``cutoff_close``: the close at the cutoff when it was drawn; None if the tables do not know.
    """

    model_name: str
    model_id: str
    training_date: date
    data_cutoff_date: date
    forecast_start_date: date
    payload_sha256: str
    history_fingerprint: str
    n_paths: int
    generation_timestamp: datetime
    outcome: list[float | None] | None
    cutoff_close: float | None = None

    @property
    def told(self) -> bool:
        """Whether the tables have a row of outcomes."""
        return self.outcome is not None


@dataclass(frozen=True)
class RevisedForecast:
    """A forecast that used closes which have been revised since.

    ``revised_sessions``: how many sessions up to the cutoff were revised, ``first_revised`` and
    ``last_revised`` among them. ``used``: the close at the cutoff when the forecast was drawn.
    ``newest``: that close now. Both are None if the tables do not know.
    """

    model_name: str
    model_version: str
    data_cutoff_date: date
    revised_sessions: int
    first_revised: date
    last_revised: date
    used: float | None
    newest: float | None

    def told(self, newest: date) -> str:
        """A line for users that says what was revised, and whether the forecast is drawn again.

        ``newest``: the newest session that has a price. A forecast whose outcome has begun is a
        record, so it is drawn again only if a user asks for it.
        """
        how = "forecast run --recompute" if newest > self.data_cutoff_date else "forecast run"
        days = str(self.first_revised)
        if self.first_revised != self.last_revised:
            days = f"{self.revised_sessions} sessions from {days} to {self.last_revised}"
        at_cutoff = ""
        if self.used is not None and self.newest is not None and self.used != self.newest:
            at_cutoff = f" (its last close was {self.used:.10g} and is {self.newest:.10g} now)"
        return (
            f"the newest forecast of {self.model_name} {self.model_version}, from"
            f" {self.data_cutoff_date}, was drawn before the close of {days} was"
            f" revised{at_cutoff}; `{how}` draws it again"
        )


@dataclass(frozen=True, eq=False)
class Draw:
    """New paths of one model: float32, shape (n_origins, n_paths, horizon), all finite.

    ``cutoffs``, ``starts``, ``fingerprints`` and ``closes`` have one item for each origin. A
    fingerprint is that of the history up to the cutoff; a close is that at the cutoff, in the
    commodity's unit. ``points``: means, deviations and quantiles of the paths. ``why``: by cutoff,
    why an issued forecast is replaced.
    """

    model: TrainedModel
    cutoffs: list[date]
    starts: list[date]
    fingerprints: list[str]
    closes: list[float]
    paths: NDArray[np.float32]
    points: Points
    why: Mapping[date, str] = field(default_factory=dict)

    def without(self, cutoffs: Set[date]) -> "Draw":
        """The draw without its forecasts from some cutoffs."""
        kept = [place for place, day in enumerate(self.cutoffs) if day not in cutoffs]
        return replace(
            self,
            cutoffs=[self.cutoffs[place] for place in kept],
            starts=[self.starts[place] for place in kept],
            fingerprints=[self.fingerprints[place] for place in kept],
            closes=[self.closes[place] for place in kept],
            paths=self.paths[kept],
            points=self.points.only(kept),
        )


@dataclass(frozen=True, eq=False)
class WindowChange:
    """The changes of one write to the forecasts of a commodity and version, in one transaction.

    ``draws``: new forecasts; each replaces the stored one of the same model and cutoff. A replaced
    or withdrawn forecast stays as a record of what was forecast, without its paths. ``failures``:
    those of this attempt, which replace those of the last attempt. ``moved``: (cutoff, start) of
    forecasts whose first session turned out to be another day, ``start``. ``withdrawn``: cutoffs
    that are no longer sessions; the forecasts from them are deleted. ``happened``: the outcomes
    after some cutoffs; they are written as path 0 of every forecast from these cutoffs. A draw from
    a cutoff without outcomes gets an empty path 0. ``expected``: the sessions after the newest
    close by the commodity's calendar, which replace those stored; empty leaves them.
    """

    draws: Sequence[Draw] = ()
    failures: Sequence[ModelFailure] = ()
    moved: Sequence[tuple[date, date]] = ()
    withdrawn: Sequence[date] = ()
    happened: Outcomes | None = None
    expected: Sequence[date] = ()

    @property
    def cutoffs(self) -> set[date]:
        """The cutoffs whose forecasts it replaces, moves or deletes, or adds."""
        drawn = {cutoff for draw in self.draws for cutoff in draw.cutoffs}
        return drawn | {cutoff for cutoff, _ in self.moved} | {*self.withdrawn}

    @property
    def told(self) -> set[date]:
        """The cutoffs whose forecasts get an outcome."""
        return {*self.happened.cutoffs} if self.happened else set()


@dataclass(frozen=True, eq=False)
class Restoration:
    """Forecasts of one model that were drawn again as they were issued.

    ``issued_at``: when each was issued, in UTC, so that none is put in place of a newer one.
    ``paths``: float32, shape (n_cutoffs, n_paths, horizon), with their ``points``. ``happened``:
    the outcomes after the cutoffs.
    """

    commodity: str
    model_name: str
    model_version: str
    cutoffs: list[date]
    issued_at: list[datetime]
    paths: NDArray[np.float32]
    points: Points
    happened: Outcomes


@dataclass(frozen=True)
class Written:
    """The columns that all rows of one write share: the window, who writes, and when."""

    commodity: str
    model_version: str
    training_date: date
    at: datetime
    by: str


@dataclass(frozen=True, eq=False)
class Fan:
    """One forecast: float32 paths, shape (n_paths, horizon).

    ``close``: the close at the cutoff when it was drawn; None if the tables do not know.
    """

    cutoff: date
    start: date
    paths: NDArray[np.float32]
    close: float | None = None

    def opens_at(self, history: History) -> float:
        """The close that the paths begin at, as it was before any later revision.

        It is taken from the history if the tables do not know it. Raises IndexError if the history
        has none either.
        """
        known = history.known_at(self.cutoff)
        return float(known.closes[-1]) if self.close is None else self.close


@dataclass(frozen=True)
class RecordedFailure:
    """A row of ``failures``."""

    commodity: str
    model_name: str
    model_version: str
    training_date: date
    stage: Stage
    declined: bool
    origins: int
    reason: str


def same_failures(recorded: Sequence[RecordedFailure], failures: Sequence[ModelFailure]) -> bool:
    """Whether an attempt failed as the recorded one did, so that nothing needs to be written."""
    before = {(row.model_name, row.reason, row.declined, row.origins) for row in recorded}
    return before == {astuple(failure) for failure in failures}

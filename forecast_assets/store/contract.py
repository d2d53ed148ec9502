"""What the graph asks of its tables, whatever keeps them.

Every method that writes is one transaction: killed at any moment, the tables are as before or as
after. All of them raise StoreError, and StoreLocked when another process keeps the tables.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.features import Features
from forecast_assets.history import History
from forecast_assets.lacking import Lacking
from forecast_assets.outcomes import Outcomes
from forecast_assets.points import Points
from forecast_assets.scoring import Scores
from forecast_assets.scrutiny import Dispute, Scrutiny
from forecast_assets.sources import Observations

Stage = Literal["train", "forecast"]


@dataclass(frozen=True)
class PriceChanges:
    """What a write of prices did, in sessions.

    ``missing``: sessions that the source lacks and that were kept all the same. ``held``: what it
    says of others and what waits for a word. ``lacking``: which are missing or withdrawn.
    """

    added: int
    revised: int
    withdrawn: int
    unchanged: int
    missing: int
    held: int = 0
    lacking: Lacking = field(default_factory=Lacking)

    def __add__(self, other: "PriceChanges") -> "PriceChanges":
        """What two writes did together."""
        return PriceChanges(
            self.added + other.added,
            self.revised + other.revised,
            self.withdrawn + other.withdrawn,
            self.unchanged + other.unchanged,
            self.missing + other.missing,
            self.held + other.held,
        )


HeldReason = Literal["revision", "with_revisions", "strange"]
"""A stored close would move too far, or a session came with too many such; a strange new close."""


@dataclass(frozen=True)
class HeldPrice:
    """A close that a source says and that waits for a word.

    ``stored_close``: None for a session that is not stored.
    """

    date: date
    close: float
    stored_close: float | None
    reason: HeldReason
    source: str


@dataclass(frozen=True)
class Landing:
    """What a file from the landing folder did to the prices of one commodity, in rows.

    ``repeated``: the same rows of the same file were merged before, and nothing was done.
    ``dispute``: why its rows were not merged and wait for a word.
    """

    commodity: str
    changes: PriceChanges
    repeated: bool
    dispute: Dispute | None = None


@dataclass(frozen=True)
class FeatureChanges:
    """What a write of features did, in rows: one for each covariate and session."""

    added: int
    revised: int
    deleted: int
    unchanged: int


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


@dataclass(frozen=True)
class ModelFailure:
    """A model that is absent from a window, and why.

    ``declined``: the model does not apply there, by its nature, and nothing broke. ``origins``:
    the forecasts that are absent where the model itself is not.
    """

    model_name: str
    reason: str
    declined: bool = False
    origins: int = 0


@dataclass(frozen=True)
class IssuedForecast:
    """One forecast that the tables hold, and what it was made from.

    ``outcome``: what the tables say of each session ahead, None where it has not happened; None
    as a whole where they have no row for it. ``cutoff_close``: the close at the cutoff that it was
    drawn from; None where the tables do not know.
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


@dataclass(frozen=True)
class RevisedForecast:
    """A forecast that used closes which have changed since, all of them up to its cutoff.

    ``used`` and ``newest``: the close at the cutoff, when the forecast was drawn and as it is now.
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
        """What is revised, in words. ``newest``: the newest session that has a price.

        A forecast whose outcome has begun is a record, and is drawn again only if that is asked.
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

    ``cutoffs``, ``starts``, ``fingerprints`` (of the history up to the cutoff) and ``closes`` (at
    the cutoff, in the commodity's unit) have one item an origin, ``points`` are the same paths in
    a few numbers. ``why``: by cutoff, why the forecast that was issued before is replaced.
    """

    model: TrainedModel
    cutoffs: list[date]
    starts: list[date]
    fingerprints: list[str]
    closes: list[float]
    paths: NDArray[np.float32]
    points: Points
    why: Mapping[date, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """Who writes, when, and for which window: columns that every row of one write shares."""

    commodity: str
    model_version: str
    training_date: date
    at: datetime
    by: str


@dataclass(frozen=True, eq=False)
class Fan:
    """One forecast: float32 paths, shape (n_paths, horizon).

    ``close``: what it was drawn from at its cutoff; None where the tables do not know.
    """

    cutoff: date
    start: date
    paths: NDArray[np.float32]
    close: float | None = None

    def opens_at(self, history: History) -> float:
        """The close that the paths begin at, even if it was revised since.

        That of the history where the tables do not know: raises IndexError when it has none.
        """
        known = history.known_at(self.cutoff)
        return float(known.closes[-1]) if self.close is None else self.close


class PriceTable(Protocol):
    """Prices with all their revisions; reading gives the newest."""

    def write(
        self,
        observations: Observations,
        at: datetime,
        by: str,
        *,
        allow_withdrawals: bool = False,
        scrutiny: Scrutiny | None = None,
    ) -> PriceChanges:
        """Append what is new or revised, but for what ``scrutiny`` holds until a word.

        A session between others that the source no longer has is withdrawn; it is kept when the
        source had refused rows, or lacks more than a few. Those before its first session, and
        after its last, are kept. All are withdrawn with ``allow_withdrawals``.
        """

    def history(self, commodity: str) -> History:
        """The newest close of every session; empty where there is none."""


class LandingTable(Protocol):
    """Files that were merged into the prices."""

    def merge(
        self,
        file: str,
        sha256: str,
        observations: Sequence[Observations],
        at: datetime,
        by: str,
        scrutiny: Scrutiny | None = None,
    ) -> list[Landing]:
        """Merge a file's prices, all commodities in one transaction, unless that was done before.

        The same bytes with the same number of usable rows are the same file. Of a commodity whose
        revisions ``scrutiny`` disputes nothing is merged.
        """


class HeldTable(Protocol):
    """Prices that wait for a word, and the words that were said."""

    def waiting(self, commodity: str) -> list[HeldPrice]:
        """What waits of a commodity, in order of dates."""

    def accepted(self, commodity: str) -> set[date]:
        """Sessions whose stored close somebody accepted."""

    def accept(self, commodity: str, day: date | None, at: datetime, by: str) -> list[date]:
        """Merge what waits, of one session or of all; return the sessions."""

    def reject(self, commodity: str, day: date | None, at: datetime) -> list[date]:
        """Forget what waits, of one session or of all, for good; return the sessions."""

    def vouch(self, commodity: str, days: Collection[date], at: datetime) -> None:
        """Accept the stored closes of some sessions as they are."""


class FeatureTable(Protocol):
    """What was known of each covariate at each session."""

    def write(self, features: Features, at: datetime, by: str) -> FeatureChanges:
        """Make the table say what ``features`` says, touching only the rows that differ.

        Rows of a covariate in ``features.missing`` stay as they are; those of one that the
        commodity has no more are deleted.
        """

    def sessions(self, commodity: str) -> dict[str, int]:
        """How many sessions each covariate has a row for."""

    def read(self, history: History) -> History:
        """The history with every stored covariate of its commodity, by name."""


class ModelTable(Protocol):
    """Fitted models, the replaced ones too."""

    def append(
        self, written: Written, models: Sequence[TrainedModel], failures: Sequence[ModelFailure]
    ) -> None:
        """Add models and retire those that they, or their failures, replace."""

    def find(
        self,
        commodity: str | None = None,
        model_name: str | None = None,
        training_date: date | None = None,
        model_version: str | None = None,
    ) -> list[TrainedModel]:
        """Active models that match all the criteria given, in the order of their names."""


class PathTable(Protocol):
    """Forecast paths."""

    def replace(
        self,
        written: Written,
        draws: Sequence[Draw],
        failures: Sequence[ModelFailure],
        *,
        moved: Sequence[tuple[date, date]] = (),
        withdrawn: Sequence[date] = (),
        happened: Outcomes | None = None,
    ) -> int:
        """Write draws in place of the same forecasts, if any; return the paths written.

        What is replaced or withdrawn stays as a record, without its paths, of what was said.
        ``moved``: (cutoff, start) of forecasts whose first session turned out to be another day.
        ``withdrawn``: cutoffs that are no session any more; their forecasts are deleted.
        ``happened``: what came after some cutoffs; every forecast from them gets it beside its
        paths, as path 0. A forecast drawn from another cutoff gets a row that knows nothing yet.
        """

    def issued(self, commodity: str, model_version: str) -> list[IssuedForecast]:
        """Every forecast of a commodity and version, in the order of model and cutoff."""

    def revised(self, commodity: str, model_version: str, cutoff: date) -> list[RevisedForecast]:
        """Those from a cutoff that used a close which has changed since, in the order of models."""

    def superseded(self, commodity: str, model_version: str) -> dict[date, int]:
        """How many forecasts were replaced or withdrawn, by training date."""

    def read(
        self, commodity: str, training_dates: Sequence[date], model_version: str | None = None
    ) -> pa.Table:
        """All columns and rows of some windows, ordered by model, forecast and path."""

    def newest(self, commodity: str, training_date: date, model_version: str) -> dict[str, Fan]:
        """The newest forecast of each model in a window."""

    def drawn(
        self, commodity: str, model_name: str, model_version: str, cutoffs: Sequence[date]
    ) -> NDArray[np.float32]:
        """Paths of one model's forecasts from these cutoffs: (n_cutoffs, n_paths, horizon).

        Raises StoreError unless each of them is there, with as many paths as the others.
        """


@dataclass(frozen=True)
class ScoredForecast:
    """A forecast that was scored: as it was, the close it began from, and the outcomes known."""

    model_name: str
    data_cutoff_date: date
    forecast_start_date: date
    generation_timestamp: datetime
    cutoff_close: float
    outcome: list[float]


@dataclass(frozen=True, eq=False)
class ScoredModel:
    """Some forecasts of one model with their outcomes and their scores, an item a forecast."""

    model_name: str
    forecasts: Sequence[IssuedForecast]
    happened: Outcomes
    scores: Scores


class ScoreTable(Protocol):
    """Scores of forecasts whose outcome is known, by session ahead and over paths."""

    def scored(self, commodity: str, model_version: str) -> list[ScoredForecast]:
        """Every scored forecast of a commodity and version."""

    def replace(
        self, written: Written, models: Sequence[ScoredModel], gone: Sequence[ScoredForecast]
    ) -> int:
        """Write scores in place of the same forecasts'; delete those of ``gone``.

        Return the rows written, of sessions ahead.
        """

    def read(
        self, commodity: str, training_dates: Sequence[date], model_version: str | None = None
    ) -> pd.DataFrame:
        """Scores by session ahead of some windows, ordered by model, forecast and session."""

    def records(self, commodity: str, model_version: str) -> pd.DataFrame:
        """Forecasts whose whole path has happened, a row each: see docs/tables.md."""

    def coverage(self, commodity: str, model_version: str, model_name: str) -> pd.DataFrame:
        """Shares of outcomes inside, coverage_80 and coverage_95, by day_ahead, its index."""

    def versions(self) -> list[tuple[str, str]]:
        """Every commodity and model version that has scores, in order."""


@dataclass(frozen=True)
class HeldVersion:
    """What the tables hold of one model version in a window.

    ``models``: active ones. ``newest_forecast``: its first session. ``scores``: rows of sessions
    ahead, of ``forecasts_scored`` forecasts.
    """

    model_version: str
    models: int
    forecasts: int
    paths: int
    newest_forecast: date | None
    scores: int
    forecasts_scored: int


class VersionView(Protocol):
    """Model versions side by side."""

    def held(self, commodity: str, first: date, end: date) -> list[HeldVersion]:
        """What each version has of the models trained from ``first`` on and before ``end``."""


class LeaderboardTable(Protocol):
    """How each model stands."""

    def replace(self, rows: pd.DataFrame, at: datetime, by: str) -> None:
        """Put these rows in place of all there are."""

    def read(self) -> pd.DataFrame:
        """Every row, in the order of commodity, version and place."""

    def evidence(self) -> datetime | None:
        """When the newest forecast was drawn or score written, in UTC; None before the first."""

    def training_cost(self) -> pd.DataFrame:
        """Commodity, model_version, model_name, models_trained and training_seconds."""


@dataclass(frozen=True)
class PublicationChanges:
    """What a write of publications did, in forecasts.

    ``withdrawn``: published before, and not any more, or for another reason.
    """

    added: int
    withdrawn: int
    unchanged: int


@dataclass(frozen=True, order=True)
class Publication:
    """A forecast that downstream programs are given, and why it is this one."""

    data_cutoff_date: date
    model_name: str
    reason: str


class PublicationTable(Protocol):
    """Which forecasts are published."""

    def replace(
        self,
        commodity: str,
        model_version: str,
        publications: Sequence[Publication],
        at: datetime,
        by: str,
    ) -> PublicationChanges:
        """Make the table say this of a commodity, touching only what differs.

        What is published of other versions of it is withdrawn.
        """

    def find(self, commodity: str, model_version: str) -> list[Publication]:
        """What is published of a commodity and version, in the order of dates."""


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


class FailureTable(Protocol):
    """What is absent, and why."""

    def find(self, commodity: str, model_version: str) -> list[RecordedFailure]:
        """Failures of the latest attempt at each window, in order."""


class MarkTable(Protocol):
    """How far these tables have come: a mark of their own, and one of each run of a sensor."""

    def leave(self, mark: str, at: datetime) -> None:
        """Add a mark, unless it is there."""

    def found(self) -> list[str]:
        """Every mark, the newest last; there is one at least."""


class CommodityNames(Protocol):
    """The names of commodities, in all tables."""

    def known(self) -> list[str]:
        """Every commodity that has prices, models or forecasts, in order."""

    def rename(self, old: str, new: str, fingerprints: Mapping[str, str]) -> dict[str, int]:
        """Give all rows of ``old`` another name; return how many, by table.

        ``fingerprints``: those of histories under the new name, by those under the old one.
        """


class Store(Protocol):
    """The tables together."""

    @property
    def prices(self) -> PriceTable:
        """``commodity.market.prices``."""

    @property
    def landings(self) -> LandingTable:
        """``commodity.market.landings``."""

    @property
    def held(self) -> HeldTable:
        """``commodity.market.held_prices`` and ``price_words``."""

    @property
    def features(self) -> FeatureTable:
        """``commodity.market.features``."""

    @property
    def models(self) -> ModelTable:
        """``commodity.forecast.trained_models``."""

    @property
    def paths(self) -> PathTable:
        """``commodity.forecast.distributions``."""

    @property
    def scores(self) -> ScoreTable:
        """``commodity.forecast.scores`` and ``path_scores``."""

    @property
    def versions(self) -> VersionView:
        """Every model version of a window."""

    @property
    def leaderboard(self) -> LeaderboardTable:
        """``commodity.forecast.leaderboard``."""

    @property
    def publications(self) -> PublicationTable:
        """``commodity.forecast.publications``."""

    @property
    def failures(self) -> FailureTable:
        """``commodity.forecast.failures``."""

    @property
    def marks(self) -> MarkTable:
        """``commodity.market.marks``."""

    @property
    def names(self) -> CommodityNames:
        """The names of commodities in all tables."""

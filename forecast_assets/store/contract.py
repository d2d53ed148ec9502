"""What the graph asks of its tables, whatever keeps them.

``store.tables`` says which tables there are. Every method that writes is one transaction: killed at
any moment, the tables are as before or as after. All of them raise StoreError, and StoreLocked when
another process keeps the tables.

An engine that commits one table at a time gives the same by a *commit marker*: in each write one
table says that the write has happened. It is committed after the rows that it names when they are
added, and before them when they are deleted. Every method that reads leaves out rows that no marker
names: those of a killed write, and those that were replaced. The next write of the same partition
deletes them. Rows are told apart by the moment of their write, which marker and rows share; where a
declared table has no such column, the engine keeps one of its own, which ``Reading`` does not show.

========================  =====================================================  ==================
write                     order of the commits                                   marker
========================  =====================================================  ==================
``prices.write``          ``held_prices``, ``price_revisions``                   none needed: (1)
``held.accept``           ``price_words``, ``price_revisions``, ``held_prices``  none needed: (1)
``landings.merge``        as ``prices.write`` of each, then ``landings``         ``landings``
``models.append``         ``trained_models``, ``failures``                       ``trained_models``
``paths.apply``           ``superseded_*`` (2), ``distributions`` and            ``forecasts``
                          ``point_estimates`` of the draws, ``forecasts``,
                          path 0 (3), ``failures``
``scores.replace``        ``path_scores``, ``scores``                            ``scores``
``names.rename``          every table, those that ``names.known`` reads last     none needed: (4)
========================  =====================================================  ==================

1. A source that is read again repeats what it says, and only what is not stored yet is written.
2. A record is of what is said no more: while ``forecasts`` has the same forecast of the same
   ``generation_timestamp``, the record is not read, and is not written twice.
3. What happened is compared with the prices by every run of its commodity, and so is mended; the
   moment of path 0 is its own. The first session of a forecast is that in ``forecasts``.
4. The old name is known until all is renamed, and renaming can be repeated.

All other writes change one table.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.evaluation.records import (
    Publication,
    PublicationChanges,
    ScoredForecast,
    ScoredModel,
)
from forecast_assets.forecast.records import (
    Fan,
    IssuedForecast,
    ModelFailure,
    RecordedFailure,
    RevisedForecast,
    TrainedModel,
    WindowChange,
    Written,
)
from forecast_assets.market.features import Features
from forecast_assets.market.observations import Observations
from forecast_assets.market.records import (
    FeatureChanges,
    HeldPrice,
    LandingTable,
    PriceChanges,
)
from forecast_assets.timeline.history import History
from forecast_assets.timeline.scrutiny import Scrutiny

How = Literal["=", "<=", ">=", "in"]
Condition = tuple[str, How, Any]
"""What rows must meet: a column, how it compares, and a value, or a list of values after ``in``.

pyarrow and deltalake take filters of this form. No row in which the column is NULL meets one.
"""


class Reading(Protocol):
    """The tables as they are at one moment, whatever is written while they are read.

    Tables are named in full, as in ``store.tables``. A table that is not there raises StoreError.
    """

    def columns(self, table: str) -> list[str]:
        """The names of the columns that a table has, in order.

        Tables of an older release may lack those that are declared as added later.
        """

    def read(
        self, table: str, columns: Sequence[str] | None = None, where: Sequence[Condition] = ()
    ) -> pa.Table:
        """Rows of a table or view that meet all conditions, in no order.

        ``columns``: all that the table has, unless they are named. Types are those declared, JSON
        being text.
        """


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

    def apply(self, written: Written, change: WindowChange) -> int:
        """Write all of a change of a window's forecasts; return the paths written."""

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
    ) -> pa.Table:
        """Scores by session ahead of some windows, ordered by model, forecast and session."""

    def records(self, commodity: str, model_version: str) -> pa.Table:
        """Forecasts whose whole path has happened, a row each: see docs/tables.md."""

    def coverage(self, commodity: str, model_version: str, model_name: str) -> pa.Table:
        """Shares of outcomes inside, coverage_80 and coverage_95, of each day_ahead, in order."""

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


class ContentsView(Protocol):
    """Fingerprints of what tables hold: the same for as long as the same is held.

    When a row was written, and by which run, is no part of them.
    """

    def models(self, commodity: str, first: date, end: date) -> str:
        """Of the active models trained from ``first`` on and before ``end``."""

    def forecasts(self, commodity: str, first: date, end: date) -> str:
        """Of the forecasts by models of these training dates, without what happened after them."""

    def scores(self, commodity: str, first: date, end: date) -> str:
        """Of the scores of these training dates."""

    def leaderboard(self) -> str:
        """Of the whole leaderboard."""

    def publications(self) -> str:
        """Of everything published, and of the forecasts that it is."""


class LeaderboardTable(Protocol):
    """How each model stands."""

    def replace(self, rows: pa.Table, at: datetime, by: str) -> None:
        """Put these rows in place of all there are."""

    def read(self) -> pa.Table:
        """Every row, in the order of commodity, version and place."""

    def evidence(self) -> datetime | None:
        """When the newest forecast was drawn or score written, in UTC; None before the first."""

    def training_cost(self) -> pa.Table:
        """Commodity, model_version, model_name, models_trained and training_seconds."""


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

    def reading(self) -> AbstractContextManager[Reading]:
        """All tables as they are at one moment; where there are none yet, they are empty."""

    def token(self) -> str:
        """Another text whenever the tables may have changed; equal ones: they have not.

        It is had at once, whoever keeps the tables, and it is worth nothing elsewhere: compare it
        with an older one of the same tables only.
        """

    def copy_to(self, target: Path) -> int:
        """Replace the copy for programs that only read; return its size in bytes.

        Raises StoreError, with the copy as it was, where there is nothing to copy or no place.
        """

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
    def contents(self) -> ContentsView:
        """Fingerprints of what the tables hold."""

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

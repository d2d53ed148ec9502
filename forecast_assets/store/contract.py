"""The contract of the tables, which every engine must meet.

``store.tables`` declares the tables. Each method that writes is one transaction: if the process is
killed at any moment, the tables are as before the write or as after it. All methods raise
StoreError, and StoreLocked if another process holds the lock of the tables.

An engine that can commit only one table at a time meets this with a *commit marker*: for each
write, one table's rows say that the write has happened. If rows are added, the marker is committed
after them; if rows are deleted, the marker is deleted before them. Methods that read must leave out
all rows that no marker names: those of a killed write, and those that were replaced. The next write
of the same partition deletes such rows. A marker and its rows share the moment of their write, by
which the rows of different writes are distinguished. If a declared table has no column for that
moment, the engine adds one of its own, which ``Reading`` does not show.

========================  =====================================================  ===================
write                     order of the commits                                   marker
========================  =====================================================  ===================
``prices.write``          ``held_prices``, ``price_revisions``                   none needed: (1)
``prices.withdraw``       ``price_words``, ``price_revisions``                   ``price_revisions``
``prices.restore``        ``price_revisions``, ``price_words``                   ``price_revisions``
``held.accept``           ``price_words``, ``price_revisions``, ``held_prices``  none needed: (1)
``landings.merge``        as ``prices.write`` of each, then ``landings``         ``landings``
``features.write``        ``superseded_features`` (2), ``features``,             ``features``
                          ``covariates`` (6)
``models.append``         ``versions`` (5), ``trained_models``, ``failures``     ``trained_models``
``paths.apply``           ``superseded_*`` (2), ``distributions`` with path 0,   ``forecasts``
                          ``point_estimates``, ``forecasts``,
                          ``expected_sessions`` (3), ``failures``
``paths.restore``         ``distributions``, ``point_estimates``                 none needed: (7)
``scores.replace``        ``path_scores``, ``scores``                            ``scores``
``publications.replace``  ``published_outlooks``, ``publication_log``            ``publication_log``
``names.rename``          every table, those that ``names.known`` reads last     none needed: (4)
``moved.take``            as the write says, one of ``store.sql.writes``           that of the write
``moved.take_shared``     ``versions``, ``schema_versions``, ``marks``           none needed: (8)
========================  =====================================================  ===================

1. The source is read again by the next run, which writes what is not stored yet.
2. These tables record what was replaced. While ``forecasts`` still has the forecast with the same
   ``issued_at``, or ``features`` the row with the same ``created_at``, it was not replaced: its
   record is not read, and not written twice.
3. Expected sessions are written anew with every change of the commodity's forecasts. Path 0 of
   forecasts that are there already may be told before the rest: it is what happened.
4. The old name is known until all tables are renamed, and renaming can be repeated.
5. A pin in ``versions`` counts without its models too: it says what they are to mean, and the next
   run trains them.
6. If ``covariates`` says otherwise than the configuration, the next run reads the files again.
7. The ledger names the rows before and after, and restoring can be repeated.
8. It can be repeated.

All other writes change only one table.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.configuration.version_meaning import Options
from forecast_assets.evaluation.records import (
    Numbers,
    Publication,
    PublicationChanges,
    ScoredModel,
)
from forecast_assets.evaluation.scored_forecasts import ScoredForecasts
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import (
    Fan,
    ModelFailure,
    RecordedFailure,
    Restoration,
    RevisedForecast,
    TrainedModel,
    WindowChange,
    Written,
)
from forecast_assets.forecast.version_pins import Pin
from forecast_assets.market.features import Features
from forecast_assets.market.observations import Observations
from forecast_assets.market.records import (
    FeatureChanges,
    HeldPrice,
    LandingTable,
    PriceChanges,
    WithdrawnPrice,
)
from forecast_assets.store.compacted import Compacted
from forecast_assets.store.sql.writes import Write
from forecast_assets.timeline.history import History
from forecast_assets.timeline.scrutiny import Scrutiny

Span = tuple[date, date]
"""The first and last of some days."""

ALWAYS: Span = (date.min, date.max)

How = Literal["=", "<=", ">=", "in"]
Condition = tuple[str, How, Any]
"""A condition on rows: a column, a comparison, and a value, or a list of values after ``in``.

Filters of pyarrow and deltalake have this form. A row in which the column is NULL meets none.
"""


class Reading(Protocol):
    """The tables as they are at one moment; writes during the reading do not affect it.

    Methods take the full name of a table, as in ``store.tables``, and raise StoreError if there is
    no such table.
    """

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns, in order.

        A table of an older release may lack columns that are declared as ``added_later``.
        """

    def read(
        self, table: str, columns: Sequence[str] | None = None, where: Sequence[Condition] = ()
    ) -> pa.Table:
        """The rows of a table or view that meet all conditions, in any order.

        ``columns``: the columns to read; all of them by default. Their types are those declared,
        except that JSON is text.
        """


class PriceTable(Protocol):
    """Prices with all their revisions; reading returns the newest."""

    def write(
        self,
        observations: Observations,
        at: datetime,
        by: str,
        *,
        allow_withdrawals: bool = False,
        scrutiny: Scrutiny | None = None,
    ) -> PriceChanges:
        """Append new and revised prices, except those that must wait according to ``scrutiny``.

        A stored session that the source lacks is withdrawn if it lies between sessions of the
        source. It is kept if rows of the source were refused, or if the source lacks more than a
        few sessions. Sessions before the first or after the last one of the source are kept.
        ``allow_withdrawals``: withdraw all sessions that the source lacks.
        """

    def history(self, commodity: str) -> History:
        """The newest close of every session; empty if there is none."""

    def withdraw(self, commodity: str, day: date, reason: str, at: datetime, by: str) -> bool:
        """Take a session back, unless there is none that day; whether there was.

        Its revisions stay, with one more that has no close, and the same close of a source is
        ignored from then on.
        """

    def restore(self, commodity: str, day: date, at: datetime, by: str) -> bool:
        """Bring back the last close of a session that was withdrawn for a reason; whether it was.

        Sources that have this close are heard again.
        """

    def withdrawn(self, commodity: str) -> list[WithdrawnPrice]:
        """The sessions that are withdrawn for a reason, in order of dates."""


class HeldTable(Protocol):
    """Prices that wait until a user accepts or rejects them, and these decisions (words)."""

    def waiting(self, commodity: str) -> list[HeldPrice]:
        """The waiting prices of a commodity, in order of dates."""

    def accepted(self, commodity: str) -> set[date]:
        """The sessions whose stored close a user has accepted."""

    def accept(self, commodity: str, day: date | None, at: datetime, by: str) -> list[date]:
        """Merge the waiting prices of one session, or of all; return the sessions."""

    def reject(self, commodity: str, day: date | None, at: datetime) -> list[date]:
        """Drop the waiting prices of one session, or of all, for good; return the sessions."""

    def vouch(self, commodity: str, days: Collection[date], at: datetime) -> None:
        """Record that a user accepts the stored closes of some sessions."""


class FeatureTable(Protocol):
    """The values of each covariate that were known at each session."""

    def write(self, features: Features, at: datetime, by: str) -> FeatureChanges:
        """Make the table equal to ``features``, changing only the rows that differ.

        Rows of a covariate in ``features.unread`` stay as they are. Rows of a covariate that the
        commodity no longer has are deleted.
        """

    def sessions(self, commodity: str) -> dict[str, int]:
        """The number of sessions for which each covariate has a row."""

    def read_as(self, commodity: str) -> dict[str, Options]:
        """The keys by which each covariate got its values; a covariate may lack them.

        They are those of ``Features.read_as`` at the last write that read the covariate.
        """

    def read(self, history: History) -> History:
        """The history with all stored covariates of its commodity, in order of names."""


class ModelTable(Protocol):
    """Fitted models, including those that were replaced."""

    def append(
        self,
        written: Written,
        models: Sequence[TrainedModel],
        failures: Sequence[ModelFailure],
        pin: Pin | None = None,
    ) -> None:
        """Add models, and deactivate those that the new models or failures replace.

        ``pin``: what their version means, if that is to be pinned: see ``PinTable.append``.
        """

    def find(
        self,
        commodity: str | None = None,
        model_name: str | None = None,
        training_date: date | None = None,
        model_version: str | None = None,
    ) -> list[TrainedModel]:
        """The active models that match all criteria given, in order of names."""


class KeepsModels(Protocol):
    """What keeps fitted models: a ``Store``, or what keeps nothing else."""

    @property
    def models(self) -> ModelTable:
        """Fitted models."""


class PinTable(Protocol):
    """What each model version was pinned to mean; revisions are added and never changed."""

    def find(self, model_version: str) -> list[Pin]:
        """All revisions of a version, in order; the last counts."""

    def append(self, pin: Pin) -> None:
        """Add a revision, unless another run has added the same.

        Raises StoreError if the revision before it is missing, or if another run has added one
        that means something else.
        """


class PathTable(Protocol):
    """Forecast paths."""

    def apply(self, written: Written, change: WindowChange) -> int:
        """Write a change of a window's forecasts; return the number of paths written."""

    def issued(
        self, commodity: str, model_version: str, cutoffs: Span | None = None
    ) -> IssuedForecasts:
        """The forecasts of a commodity and version.

        ``cutoffs``: the first and last of those wanted; by default all are.
        """

    def revised(self, commodity: str, model_version: str, cutoff: date) -> list[RevisedForecast]:
        """The forecasts from a cutoff that used closes revised since, in order of models."""

    def superseded(self, commodity: str, model_version: str) -> dict[date, int]:
        """How many forecasts were replaced or withdrawn, by training date."""

    def read(
        self, commodity: str, training_dates: Sequence[date], model_version: str | None = None
    ) -> pa.Table:
        """All columns of the paths of some windows, in order of model, forecast and path."""

    def newest(self, commodity: str, training_date: date, model_version: str) -> dict[str, Fan]:
        """The newest forecast of each model in a window."""

    def drawn(
        self, commodity: str, model_name: str, model_version: str, cutoffs: Sequence[date]
    ) -> NDArray[np.float32]:
        """The paths of one model's forecasts from these cutoffs: (n_cutoffs, n_paths, horizon).

        Raises StoreError unless all forecasts exist and have equally many paths.
        """

    def restore(self, restoration: Restoration, at: datetime) -> None:
        """Put paths, points and outcomes of issued forecasts back; the ledger stays.

        Raises StoreError unless the ledger has all of them, as they were issued.
        """

    def tally(self, commodity: str) -> pa.Table:
        """All paths of a commodity, counted by their columns without prices, to verify them.

        A row has model_name, model_version, data_cutoff_date, model_id, training_date,
        forecast_start_date, generation_timestamp, is_actuals, has_data_leakage; ``is_outcome``:
        whether it is of paths 0; ``paths``: how many have these; ``lowest`` and ``highest``: their
        least and greatest path_id.
        """


class ScoreTable(Protocol):
    """Scores of forecasts whose outcome is known, by session ahead and over paths."""

    def scored(
        self, commodity: str, model_version: str, cutoffs: Span | None = None
    ) -> ScoredForecasts:
        """The scored forecasts of a commodity and version; ``cutoffs``: as for ``issued``."""

    def replace(
        self, written: Written, models: Sequence[ScoredModel], gone: ScoredForecasts
    ) -> int:
        """Replace the scores of these forecasts, and delete those of ``gone``.

        Returns the number of rows written to ``scores``.
        """

    def read(
        self, commodity: str, training_dates: Sequence[date], model_version: str | None = None
    ) -> pa.Table:
        """The scores by session ahead of some windows, in order of model, forecast and session."""

    def records(self, commodity: str, model_version: str) -> pa.Table:
        """A row for each forecast whose whole outcome is known: see docs/tables.md."""

    def coverage(self, commodity: str, model_version: str, model_name: str) -> pa.Table:
        """coverage_80 and coverage_95, shares of outcomes inside, by day_ahead in order."""

    def versions(self) -> list[tuple[str, str]]:
        """All pairs of commodity and model version that have scores, in order."""


@dataclass(frozen=True)
class HeldVersion:
    """What the tables hold of one model version in a window.

    ``models``: how many are active. ``newest_forecast``: the first session of the newest forecast.
    ``scores``: how many rows of ``scores``, from ``forecasts_scored`` forecasts.
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
        """What each version has for training dates from ``first`` on and before ``end``."""


class ContentsView(Protocol):
    """Fingerprints of the contents of tables; equal contents have equal fingerprints.

    The moment of a write and the run that wrote are no part of them.
    """

    def models(self, commodity: str, first: date, end: date) -> str:
        """The fingerprint of the active models trained from ``first`` on and before ``end``."""

    def forecasts(self, commodity: str, first: date, end: date) -> str:
        """The fingerprint of the forecasts of these training dates, without their outcomes."""

    def scores(self, commodity: str, first: date, end: date) -> str:
        """The fingerprint of the scores of these training dates."""

    def leaderboard(self) -> str:
        """The fingerprint of the whole leaderboard."""

    def publications(self) -> str:
        """The fingerprint of all publications and of the forecasts that they name."""


class IntegrityView(Protocol):
    """Rows that no write of this project makes, since they break what their table declares."""

    def commodities(self) -> list[str]:
        """All commodities that any table has a row of, in order."""

    def broken_among(self, table: str, rows: pa.Table) -> pa.Table:
        """The same as ``broken``, of rows that are not in the tables.

        ``table``: the full name of the table whose they would be.
        """

    def broken(self, commodity: str | None) -> pa.Table:
        """The rows that break a declaration, and how many they are.

        Columns: ``table``, ``kind`` (missing value, not a number, broken rule, repeated row) and
        ``found`` in words; commodity, model_name and model_version, empty if the table has none;
        ``day``: cutoff, training date or session; ``rows``. None: those of all commodities, and of
        tables that have none.
        """


@dataclass(frozen=True)
class Compared:
    """How rows of elsewhere compare with those in the tables.

    ``new``: how many the tables lack. ``same``: how many they have, equal in all columns.
    ``other``: how many the tables have beside these.
    """

    new: int
    same: int
    other: int


class MovedRows(Protocol):
    """Rows that are taken over as they are from other tables, with their moments and runs.

    ``rows`` are by the full names of their tables, and ``where`` is what they all meet: rows that
    the tables have and that meet it too are compared with them.
    """

    def compare(
        self, rows: Mapping[str, pa.Table], where: Sequence[Condition]
    ) -> dict[str, Compared]:
        """Compare rows with those in the tables."""

    def take(
        self,
        write: Write,
        rows: Mapping[str, pa.Table],
        where: Sequence[Condition],
    ) -> dict[str, int]:
        """Add the rows that the tables lack, in one write; return how many, by table.

        Raises StoreError, and adds nothing, if the tables have other rows that meet ``where``.
        """

    def take_shared(self, rows: Mapping[str, pa.Table], *, fresh: bool) -> dict[str, int]:
        """The same for versions, schemas and marks, which belong to no commodity.

        ``fresh``: whether the tables are new, and are to have marks and schemas of the others.
        Raises StoreError if a version is pinned to mean something else.
        """


class LeaderboardTable(Protocol):
    """The ranking of models."""

    def replace(self, rows: pa.Table, at: datetime, by: str) -> None:
        """Replace all rows by these."""

    def read(self) -> pa.Table:
        """All rows, in order of commodity, version and place."""

    def evidence(self) -> datetime | None:
        """When the newest forecast was drawn or score written, in UTC; None before the first."""

    def training_cost(self) -> pa.Table:
        """Columns commodity, model_version, model_name, models_trained, training_seconds."""


class PublicationTable(Protocol):
    """Which forecasts are published, and all that ever were.

    Publishing and withdrawing add entries to a log. Of the entries about a forecast the newest
    counts; none is ever changed or deleted.
    """

    def lacking(
        self, commodity: str, model_version: str, publications: Sequence[Publication]
    ) -> list[Publication]:
        """Those that are not published yet, or for another reason, or were drawn again since."""

    def replace(
        self,
        commodity: str,
        model_version: str,
        publications: Sequence[Publication],
        at: datetime,
        by: str,
        numbers: Numbers | None = None,
    ) -> PublicationChanges:
        """Publish ``publications`` and nothing else of a commodity, by entries for what differs.

        Publications of other versions of the commodity are withdrawn. ``numbers``: those of the
        page, for what ``lacking`` names.
        """

    def find(self, commodity: str, model_version: str) -> list[Publication]:
        """What is published of a commodity and version, in order of dates."""


class FailureTable(Protocol):
    """The models and forecasts that are lacking, and why."""

    def find(self, commodity: str, model_version: str) -> list[RecordedFailure]:
        """The failures of the latest attempt at each window, in order."""


class MarkTable(Protocol):
    """Marks, by which runs recognise the tables that they worked on.

    Tables have a mark of their own from the beginning. Each run of a plan leaves one when it ends,
    so tables that were emptied, or restored from an older copy, lack the marks of later runs.
    """

    def leave(self, mark: str, at: datetime) -> None:
        """Add a mark, unless it is there already."""

    def found(self) -> list[str]:
        """All marks, the newest last; there is at least one."""


class CommodityNames(Protocol):
    """The names of commodities in all tables."""

    def known(self) -> list[str]:
        """All commodities that have prices, models or forecasts, in order."""

    def rename(self, old: str, new: str, fingerprints: Mapping[str, str]) -> dict[str, int]:
        """Give all rows of ``old`` the name ``new``; return the number of rows by table.

        ``fingerprints``: the fingerprints of histories under the new name, by those under the old.
        """


class Store(Protocol):
    """All tables together."""

    @property
    def place(self) -> str:
        """Where the tables are, for users: a path or a URL."""

    @property
    def engine(self) -> str:
        """What keeps the tables, as people call it."""

    def size(self) -> int:
        """How many bytes the tables take; 0 before they are made."""

    def compact(self, keep: timedelta) -> list[Compacted]:
        """Tidy what the tables are stored in; no row changes. Returns what was done by table.

        Runs and readers may work meanwhile. ``keep``: what was replaced is kept for so long, for
        those who still read it. An engine that needs none of this does nothing.
        """

    def reading(self) -> AbstractContextManager[Reading]:
        """All tables as they are at one moment; tables that do not exist yet are empty."""

    def connection(self, *, read_only: bool) -> AbstractContextManager[Any]:
        """A connection of the engine for your own SQL: read-only, or in one transaction.

        Raises StoreError if the engine has no such connection.
        """

    def token(self) -> str:
        """A text that is different whenever the tables may have changed.

        Equal texts mean that they have not changed. The text is available at once, even if another
        process holds the lock. It may only be compared with earlier ones of the same tables.
        """

    def require_free(self) -> None:
        """Raise StoreLocked if another program keeps the tables from being written.

        The error names the program. No row is changed; an engine may finish what a process that
        was killed had committed.
        """

    def copy_to(self, target: Path) -> int:
        """Replace the copy for programs that only read; return its size in bytes.

        Raises StoreError if there is nothing to copy or if the copy cannot be written; an existing
        copy then stays as it was.
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
    def pins(self) -> PinTable:
        """``commodity.forecast.versions``."""

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
        """What each model version has in a window."""

    @property
    def contents(self) -> ContentsView:
        """Fingerprints of what the tables hold."""

    @property
    def integrity(self) -> IntegrityView:
        """What breaks the declarations of the tables."""

    @property
    def moved(self) -> MovedRows:
        """Rows that are taken over from other tables."""

    @property
    def leaderboard(self) -> LeaderboardTable:
        """``commodity.forecast.leaderboard``."""

    @property
    def publications(self) -> PublicationTable:
        """``commodity.forecast.publication_log`` and ``published_outlooks``."""

    @property
    def failures(self) -> FailureTable:
        """``commodity.forecast.failures``."""

    @property
    def marks(self) -> MarkTable:
        """``commodity.market.marks``."""

    @property
    def names(self) -> CommodityNames:
        """The names of commodities in all tables."""

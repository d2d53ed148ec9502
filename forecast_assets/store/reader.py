"""The reader for programs: it reads forecasts as arrays and everything else as frames."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import ModelNotFound
from forecast_assets.store.contract import Condition, How, Reading
from forecast_assets.store.frames import column, days_of, frame, in_order_of
from forecast_assets.store.issued import issued_at
from forecast_assets.store.ledger import (
    FORECAST,
    LEDGER,
    PATHS,
    PUBLICATIONS,
    models_issued,
    of,
    paths_by_model,
    paths_issued,
    published,
    require_model,
)
from forecast_assets.store.opening import is_url, reading_at
from forecast_assets.store.paths import Paths
from forecast_assets.store.price_revisions import newest_closes
from forecast_assets.store.publication_log import published_at
from forecast_assets.timeline.history import History

Day = date | str | np.datetime64
"""A day: a date, its ISO text (2018-12-28), or an item of ``Paths.starts``."""

ACTUAL = [
    "forecast_start_date",
    "data_cutoff_date",
    "generation_timestamp",
    "model_version",
    "model_name",
]
"""The columns that say to which forecast a row of outcomes belongs, and when it was written."""


@dataclass(frozen=True)
class Reader:
    """The tables of one database file, or below a URL, read-only.

    A connection is open only while a method runs. If the file is being written, the method waits.
    The arguments ``first`` and ``last`` of methods are bounds of ``forecast_start_date``, unless
    the method names another day, both included; a name or bound that is not given restricts
    nothing. Every method raises StoreError if the file or its tables do not exist, StoreLocked if
    another process holds the lock for longer than ``lock_timeout_seconds``, and ModelNotFound,
    which lists the existing names, for a name that does not exist.

    ``moment``: Delta tables are read as they were then, in UTC if it has no zone.
    """

    database: Path | str
    lock_timeout_seconds: float = 30.0
    memory_limit: str = "512MB"
    moment: datetime | None = None

    @classmethod
    def of_configuration(cls) -> "Reader":
        """The tables of the configuration that ``FORECAST_CONFIG`` names."""
        settings = load_settings()
        place, memory = settings.tables_at, settings.database.memory_limit
        return cls(place if is_url(place) else Path(place), memory_limit=memory)

    def models(self) -> pd.DataFrame:
        """A row for each commodity, model and version: how many forecasts there are, and which."""
        with self._reading() as tables:
            return frame(models_issued(tables))

    def paths(
        self,
        commodity: str,
        model_name: str,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> Paths:
        """All paths of a model between two dates, with their outcomes.

        ``model_version`` may be omitted if there is only one. Raises ModelNotFound if there is no
        such forecast, and StoreError if forecasts are incomplete or differ in the number of their
        paths.
        """
        with self._reading() as tables:
            known = require_model(tables, commodity, model_name, model_version)
            versions = known.column("model_version").to_pylist()
            if len(versions) > 1:
                raise ModelNotFound(
                    f"{commodity}: {model_name} has several versions, name one of them:"
                    f" {', '.join(versions)}"
                )
            where = [*of(commodity, model_name, versions[0]), *_between(first, last)]
            issued = tables.read(LEDGER, where=where)
            if not len(issued):
                raise ModelNotFound(
                    f"{commodity}: {model_name} {versions[0]}: no forecast starts from"
                    f" {date.min if first is None else _day(first)} to"
                    f" {date.max if last is None else _day(last)}: `models` says which there are"
                )
            return paths_issued(tables, issued)

    def published(
        self, commodity: str, first: Day | None = None, last: Day | None = None
    ) -> list[Paths]:
        """What was published between two dates: for each model and version, its dates only."""
        with self._reading() as tables:
            require_model(tables, commodity)
            return paths_by_model(tables, published(tables, commodity, _between(first, last)))

    def newest_published(self, commodity: str) -> list[Paths]:
        """The newest published forecast: one item, with one date, for each model that has it.

        The list is empty if nothing is published.
        """
        with self._reading() as tables:
            require_model(tables, commodity)
            found = published(tables, commodity)
            newest = pc.max(found.column("forecast_start_date"))
            return paths_by_model(tables, found.filter(pc.field("forecast_start_date") == newest))

    def point_forecasts(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row for each forecast and session ahead: mean, median, bounds and outcome."""
        model = (commodity, model_name, model_version)
        return self._of_models("point_forecasts", "day_ahead", model, first, last)

    def point_forecasts_by_target(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row for each session and forecast of it, so that forecasts can be laid over each other.

        ``first`` and ``last`` are bounds of ``session``, the day that the numbers are of.
        """
        model = (commodity, model_name, model_version)
        with self._reading() as tables:
            require_model(tables, *model)
            where = [*of(*model), *_between(first, last, "session")]
            rows = tables.read("commodity.forecast.point_forecasts_by_target", where=where)
        by = ("model_name", "model_version", "session", "data_cutoff_date")
        return frame(in_order_of(rows, *by))

    def scores(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row of scores for each forecast and session ahead that has happened."""
        model = (commodity, model_name, model_version)
        return self._of_models("scores", "day_ahead", model, first, last)

    def path_scores(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row of scores of the whole path for each forecast and horizon that has happened."""
        model = (commodity, model_name, model_version)
        return self._of_models("path_scores", "horizon", model, first, last)

    def revised_forecasts(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row for each forecast that used a close which was revised since it was drawn."""
        model = (commodity, model_name, model_version)
        return self._of_models("revised_forecasts", "data_cutoff_date", model, first, last)

    def actuals(
        self, commodity: str, first: Day | None = None, last: Day | None = None
    ) -> pd.DataFrame:
        """The closes that came after each forecast date: a row for each date.

        A close is NaN if its session has not happened. If several models or versions have a date,
        the row that was written last counts.
        """
        with self._reading() as tables:
            require_model(tables, commodity)
            days = [name for name in tables.columns(PATHS) if name.startswith("day_")]
            happened = tables.read(
                PATHS,
                [*ACTUAL, *days],
                [*of(commodity), ("is_actuals", "=", True), *_between(first, last)],
            )
        newest_first = happened.sort_by(
            [
                ("forecast_start_date", "ascending"),
                ("generation_timestamp", "descending"),
                ("model_version", "ascending"),
                ("model_name", "ascending"),
            ]
        )
        starts = days_of(newest_first, "forecast_start_date")
        is_first = np.append(True, starts[1:] != starts[:-1])[: len(starts)]
        shown = newest_first.filter(pa.array(is_first))
        return frame(shown.select(["forecast_start_date", "data_cutoff_date", *days]))

    def leaderboard(self) -> pd.DataFrame:
        """The ranking of models for each commodity and over all, the best first."""
        with self._reading() as tables:
            rows = tables.read("commodity.forecast.leaderboard")
        return frame(in_order_of(rows, "commodity", "model_version", "place"))

    def publications(self, commodity: str | None = None) -> pd.DataFrame:
        """The published model for each commodity and cutoff and the reason, in order of cutoff."""
        with self._reading() as tables:
            if commodity is not None:
                require_model(tables, commodity)
            chosen = tables.read(PUBLICATIONS, where=of(commodity))
            ledger = tables.read(LEDGER, [*FORECAST, "forecast_start_date"], of(commodity))
        rows = chosen.join(ledger, FORECAST, join_type="left outer").select(
            [*FORECAST, "forecast_start_date", "reason", "published_at", "created_by"]
        )
        by = ("commodity", "data_cutoff_date", "model_version", "model_name")
        return frame(in_order_of(rows, *by))

    def published_as_of(self, commodity: str, moment: datetime) -> pd.DataFrame:
        """A row for each forecast that was published at a moment (UTC), in order of cutoff.

        Later entries of the log change nothing of it.
        """
        with self._reading() as tables:
            require_model(tables, commodity)
            return published_at(tables, commodity, _utc(moment))

    def published_outlooks(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
    ) -> pd.DataFrame:
        """A row for each entry of the log and session ahead: the numbers of its page."""
        model = (commodity, model_name, model_version)
        return self._of_models("published_outlooks", "day_ahead", model, None, None)

    def superseded_forecasts(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row for each forecast that was drawn again or withdrawn, and why."""
        model = (commodity, model_name, model_version)
        return self._of_models("superseded_forecasts", "revision", model, first, last)

    def distributions_as_of(self, commodity: str, moment: datetime) -> pd.DataFrame:
        """A row for each forecast and session ahead as they were issued at a moment (UTC).

        The columns are those of ``forecasts`` with a revision, and the numbers of
        ``point_forecasts``. What was superseded since has the numbers that it had then.
        """
        with self._reading() as tables:
            require_model(tables, commodity)
            return frame(issued_at(tables, commodity, _utc(moment)))

    def prices(self, commodity: str, as_of: datetime | None = None) -> History:
        """The newest close of each session; with ``as_of`` (UTC) those known at that moment."""
        moment = None if as_of is None else _utc(as_of)
        with self._reading() as tables:
            if moment is None:
                known = tables.read("commodity.market.prices", ["date", "close"], of(commodity))
            else:
                known = newest_closes(tables, commodity, moment)
            if not len(known):
                there = tables.read("commodity.market.prices", ["commodity"]).column("commodity")
                names = ", ".join(sorted(there.unique().to_pylist())) or "none"
                raise ModelNotFound(f"no prices of {commodity!r}; there are: {names}")
        ordered = in_order_of(known, "date")
        return History(commodity, days_of(ordered, "date"), np.array(column(ordered, "close")))

    def _of_models(
        self,
        table: str,
        place: str,
        model: tuple[str, str | None, str | None],
        first: Day | None,
        last: Day | None,
    ) -> pd.DataFrame:
        """The rows of some models, in order of forecasts and then of the column ``place``."""
        with self._reading() as tables:
            require_model(tables, *model)
            where = [*of(*model), *_between(first, last)]
            rows = tables.read(f"commodity.forecast.{table}", where=where)
        by = ("model_name", "model_version", "data_cutoff_date", place)
        return frame(in_order_of(rows, *dict.fromkeys(by)))

    def _reading(self) -> AbstractContextManager[Reading]:
        """Open the existing tables; none is ever created."""
        return reading_at(self.database, self.memory_limit, self.lock_timeout_seconds, self.moment)


def _between(
    first: Day | None, last: Day | None, day: str = "forecast_start_date"
) -> list[Condition]:
    """The conditions that a date, by default the first session, is between two, both included."""
    bounds: tuple[tuple[How, Day | None], ...] = ((">=", first), ("<=", last))
    return [(day, how, _day(bound)) for how, bound in bounds if bound is not None]


def _utc(moment: datetime) -> datetime:
    """A moment as the tables store it; without a time zone it is in UTC already."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _day(day: Day) -> date:
    plain: date = np.array(day, dtype="datetime64[D]").item()
    return plain

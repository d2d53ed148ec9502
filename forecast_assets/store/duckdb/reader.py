"""What programs read from the tables: forecasts as arrays, everything else as frames."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import ModelNotFound, StoreError
from forecast_assets.store.duckdb.database import Connection, Database
from forecast_assets.store.paths import Paths
from forecast_assets.store.patience import Patience
from forecast_assets.timeline.history import Dates, History

Day = date | str | np.datetime64
"""A day: a date, its ISO text (2018-12-28), or an item of ``Paths.starts``."""

MODELS = """
    SELECT commodity, model_name, model_version, count(*) AS forecasts,
        min(forecast_start_date) AS first_forecast_start_date,
        max(forecast_start_date) AS last_forecast_start_date
    FROM forecast.forecasts GROUP BY ALL ORDER BY ALL
"""

ISSUED = """
    SELECT * FROM forecast.forecasts
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND forecast_start_date BETWEEN $first AND $last
        AND (NOT $published OR data_cutoff_date IN (
            SELECT data_cutoff_date FROM forecast.publications WHERE commodity = $commodity
                AND model_name = $model_name AND model_version = $model_version))
    ORDER BY data_cutoff_date
"""

DRAWN = """
    SELECT data_cutoff_date, path_id, COLUMNS('day_[0-9]+') FROM forecast.distributions
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND forecast_start_date BETWEEN $first AND $last
        AND (NOT $published OR data_cutoff_date IN (
            SELECT data_cutoff_date FROM forecast.publications WHERE commodity = $commodity
                AND model_name = $model_name AND model_version = $model_version))
"""

CLOSES_WHEN_DRAWN = """
    SELECT data_cutoff_date, arg_max(close, revision) AS close
    FROM forecast.forecasts JOIN market.price_revisions
        ON price_revisions.commodity = forecasts.commodity AND date = data_cutoff_date
            AND ingested_at <= generation_timestamp
    WHERE forecasts.commodity = $commodity AND model_name = $model_name
        AND model_version = $model_version AND forecast_start_date BETWEEN $first AND $last
    GROUP BY data_cutoff_date
"""
"""For forecasts of releases that did not store the close they were drawn from."""

REVISED = """
    SELECT * FROM forecast.revised_forecasts
    WHERE commodity = $commodity AND forecast_start_date BETWEEN $first AND $last
        AND model_name = coalesce($model_name, model_name)
        AND model_version = coalesce($model_version, model_version)
    ORDER BY model_name, model_version, data_cutoff_date
"""

PUBLISHED = """
    SELECT DISTINCT model_name, model_version
    FROM forecast.forecasts SEMI JOIN forecast.publications
        USING (commodity, model_name, model_version, data_cutoff_date)
    WHERE commodity = $commodity AND forecast_start_date BETWEEN $first AND $last
    ORDER BY ALL
"""

NEWEST_PUBLISHED = """
    SELECT max(forecast_start_date)
    FROM forecast.forecasts SEMI JOIN forecast.publications
        USING (commodity, model_name, model_version, data_cutoff_date)
    WHERE commodity = $commodity
"""

POINT_FORECASTS = """
    SELECT * FROM forecast.point_forecasts
    WHERE commodity = $commodity AND forecast_start_date BETWEEN $first AND $last
        AND model_name = coalesce($model_name, model_name)
        AND model_version = coalesce($model_version, model_version)
    ORDER BY model_name, model_version, data_cutoff_date, day_ahead
"""

SCORES = """
    SELECT * FROM forecast.scores
    WHERE commodity = $commodity AND forecast_start_date BETWEEN $first AND $last
        AND model_name = coalesce($model_name, model_name)
        AND model_version = coalesce($model_version, model_version)
    ORDER BY model_name, model_version, data_cutoff_date, day_ahead
"""

PATH_SCORES = """
    SELECT * FROM forecast.path_scores
    WHERE commodity = $commodity AND forecast_start_date BETWEEN $first AND $last
        AND model_name = coalesce($model_name, model_name)
        AND model_version = coalesce($model_version, model_version)
    ORDER BY model_name, model_version, data_cutoff_date, horizon
"""

ACTUALS = """
    SELECT forecast_start_date, data_cutoff_date, COLUMNS('day_[0-9]+')
    FROM forecast.distributions
    WHERE commodity = $commodity AND is_actuals
        AND forecast_start_date BETWEEN $first AND $last
    QUALIFY row_number() OVER (
        PARTITION BY forecast_start_date
        ORDER BY generation_timestamp DESC, model_version, model_name
    ) = 1
    ORDER BY forecast_start_date
"""

LEADERBOARD = "SELECT * FROM forecast.leaderboard ORDER BY commodity, model_version, place"

PUBLICATIONS = """
    SELECT commodity, model_name, model_version, data_cutoff_date, forecast_start_date, reason,
        published_at, publications.created_by
    FROM forecast.publications LEFT JOIN forecast.forecasts
        USING (commodity, model_name, model_version, data_cutoff_date)
    WHERE commodity = coalesce($commodity, commodity)
    ORDER BY commodity, data_cutoff_date, model_version, model_name
"""

CLOSES = "SELECT date, close FROM market.prices WHERE commodity = $commodity ORDER BY date"

CLOSES_AS_OF = """
    SELECT date, close FROM market.prices_as_of($as_of)
    WHERE commodity = $commodity ORDER BY date
"""

PRICED = "SELECT DISTINCT commodity FROM market.prices ORDER BY commodity"


@dataclass(frozen=True)
class Reader:
    """The tables of one database file, read-only.

    A connection is open only while a method runs; a file that is being written is waited for.
    ``first`` and ``last`` of a method are bounds of ``forecast_start_date``, both included; a name
    or a bound that is not given restricts nothing. Every method raises StoreError where the file
    or its tables are missing, StoreLocked where another process keeps the file for longer than
    ``lock_timeout_seconds``, and ModelNotFound for a name that is not there, with those that are.
    """

    database: Path
    lock_timeout_seconds: float = 30.0
    memory_limit: str = "512MB"

    @classmethod
    def of_configuration(cls) -> "Reader":
        """The tables of the configuration that ``FORECAST_CONFIG`` names."""
        settings = load_settings()
        return cls(settings.database_path, memory_limit=settings.database.memory_limit)

    def models(self) -> pd.DataFrame:
        """One row a commodity, model and version: how many forecasts there are, and which."""
        with self._reading() as connection:
            return connection.execute(MODELS).df()

    def paths(
        self,
        commodity: str,
        model_name: str,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> Paths:
        """Every path of a model between two dates, and what really happened.

        ``model_version`` may be left out where there is one only. Raises ModelNotFound where
        there is no such forecast, and StoreError where some are not whole or differ in the number
        of their paths.
        """
        with self._reading() as connection:
            known = _require_model(connection, commodity, model_name, model_version)
            if len(known) > 1:
                raise ModelNotFound(
                    f"{commodity}: {model_name} has several versions, name one of them:"
                    f" {', '.join(known['model_version'])}"
                )
            model_version = str(known["model_version"].iloc[0])
            return _paths(connection, commodity, model_name, model_version, first, last)

    def published(
        self, commodity: str, first: Day | None = None, last: Day | None = None
    ) -> list[Paths]:
        """What was published between two dates: an item a model and version, its dates only."""
        with self._reading() as connection:
            _require_model(connection, commodity)
            return _published(connection, commodity, first, last)

    def newest_published(self, commodity: str) -> list[Paths]:
        """The newest published forecast: an item of one date for each version that has it.

        Empty where nothing is published.
        """
        with self._reading() as connection:
            _require_model(connection, commodity)
            ((newest,),) = connection.execute(NEWEST_PUBLISHED, {"commodity": commodity}).fetchall()
            return _published(connection, commodity, newest, newest) if newest else []

    def point_forecasts(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row a forecast and session ahead: mean, median, bounds, and what really happened."""
        return self._of_models(POINT_FORECASTS, commodity, model_name, model_version, first, last)

    def scores(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row a forecast and session that has happened: how good the forecast was."""
        return self._of_models(SCORES, commodity, model_name, model_version, first, last)

    def path_scores(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row a forecast and summary horizon that has happened: scores of the whole path."""
        return self._of_models(PATH_SCORES, commodity, model_name, model_version, first, last)

    def revised_forecasts(
        self,
        commodity: str,
        model_name: str | None = None,
        model_version: str | None = None,
        first: Day | None = None,
        last: Day | None = None,
    ) -> pd.DataFrame:
        """A row a forecast that used a close which has changed since it was drawn."""
        return self._of_models(REVISED, commodity, model_name, model_version, first, last)

    def actuals(
        self, commodity: str, first: Day | None = None, last: Day | None = None
    ) -> pd.DataFrame:
        """What really happened after each forecast date: a row a date, NaN where it has not yet.

        Where several models or versions have a date, the row that was written last counts.
        """
        with self._reading() as connection:
            _require_model(connection, commodity)
            return connection.execute(ACTUALS, {"commodity": commodity} | _bounds(first, last)).df()

    def leaderboard(self) -> pd.DataFrame:
        """How each model stands, per commodity and over all, the best first."""
        with self._reading() as connection:
            return connection.execute(LEADERBOARD).df()

    def publications(self, commodity: str | None = None) -> pd.DataFrame:
        """Which model is published for a commodity and cutoff, and why, in order of cutoff."""
        with self._reading() as connection:
            if commodity is not None:
                _require_model(connection, commodity)
            return connection.execute(PUBLICATIONS, {"commodity": commodity}).df()

    def prices(self, commodity: str, as_of: datetime | None = None) -> History:
        """The newest close of every session, in order; as they were known at ``as_of``, in UTC."""
        named: dict[str, object] = {"commodity": commodity}
        if as_of is not None:
            named["as_of"] = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
        with self._reading() as connection:
            query = CLOSES if as_of is None else CLOSES_AS_OF
            columns = connection.execute(query, named).fetchnumpy()
            if not len(columns["date"]):
                there = [name for (name,) in connection.execute(PRICED).fetchall()]
                raise ModelNotFound(f"no prices of {commodity!r}; there are: {_listed(there)}")
        return History(
            commodity, columns["date"].astype("datetime64[D]"), np.array(columns["close"])
        )

    def _of_models(
        self,
        query: str,
        commodity: str,
        model_name: str | None,
        model_version: str | None,
        first: Day | None,
        last: Day | None,
    ) -> pd.DataFrame:
        criteria: Mapping[str, Any] = {
            "commodity": commodity,
            "model_name": model_name,
            "model_version": model_version,
        }
        with self._reading() as connection:
            _require_model(connection, commodity, model_name, model_version)
            return connection.execute(query, {**criteria, **_bounds(first, last)}).df()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection to tables that are there: nothing is ever made."""
        if not self.database.is_file():
            raise StoreError(f"{self.database}: there is no such file: run `forecast run` first")
        patience = Patience(self.lock_timeout_seconds)
        database = Database(self.database, (), self.memory_limit, patience)
        try:
            with database.reading() as connection:
                yield connection
        except duckdb.CatalogException as error:
            raise StoreError(
                f"{self.database}: a table is missing: run `forecast run`, which makes those of"
                f" this release: {error}"
            ) from error


def _require_model(
    connection: Connection,
    commodity: str,
    model_name: str | None = None,
    model_version: str | None = None,
) -> pd.DataFrame:
    """The rows of ``models`` that match. Raises ModelNotFound where none does."""
    known = connection.execute(MODELS).df()
    wanted = {"commodity": commodity, "model_name": model_name, "model_version": model_version}
    found: list[str] = []
    for column, name in wanted.items():
        if name is None:
            continue
        matching = known[known[column] == name]
        if matching.empty:
            there = sorted(set(known[column]))
            raise ModelNotFound(
                f"{' '.join([*found, ''])}no forecasts of {column} {name!r}; there are:"
                f" {_listed(there)}"
            )
        known = matching
        found.append(f"{name}:")
    return known


def _published(
    connection: Connection, commodity: str, first: Day | None, last: Day | None
) -> list[Paths]:
    models = connection.execute(
        PUBLISHED, {"commodity": commodity} | _bounds(first, last)
    ).fetchall()
    return [
        _paths(connection, commodity, name, version, first, last, published=True)
        for name, version in models
    ]


def _paths(
    connection: Connection,
    commodity: str,
    model_name: str,
    model_version: str,
    first: Day | None,
    last: Day | None,
    *,
    published: bool = False,
) -> Paths:
    """The forecasts of the ledger between two dates. Raises ModelNotFound or StoreError."""
    criteria: dict[str, Any] = {
        "commodity": commodity,
        "model_name": model_name,
        "model_version": model_version,
        "published": published,
    }
    criteria |= _bounds(first, last)
    model = f"{commodity}: {model_name} {model_version}"
    issued = connection.execute(ISSUED, criteria).fetchnumpy()
    cutoffs = issued["data_cutoff_date"].astype("datetime64[D]")
    counts = set(issued["n_paths"].tolist())
    if not counts:
        raise ModelNotFound(
            f"{model}: no forecast starts from {criteria['first']} to {criteria['last']}:"
            " `models` says which there are"
        )
    if len(counts) > 1:
        raise StoreError(
            f"{model}: forecasts of {' and '.join(map(str, sorted(counts)))} paths: read fewer"
            " dates, or draw them again"
        )
    block = _block(connection, criteria, cutoffs, counts.pop())
    if block is None:
        raise StoreError(
            f"{model}: some forecasts from {cutoffs[0]} to {cutoffs[-1]} are not whole: draw them"
            " again"
        )
    starts = issued["forecast_start_date"].astype("datetime64[D]")
    prices, actuals = block[:, :, 1:].transpose(0, 2, 1), block[:, :, 0].copy()
    closes = _closes(connection, criteria, cutoffs, issued.get("cutoff_close"))
    return Paths(commodity, model_name, model_version, cutoffs, starts, prices, actuals, closes)


def _closes(
    connection: Connection, criteria: Mapping[str, Any], cutoffs: Dates, stored: Any
) -> NDArray[np.float64]:
    """The closes that forecasts were drawn from: as stored, or as they were known then.

    ``stored``: shape (n_dates,), masked where a release did not store it; None where none did.
    """
    closes = np.full(len(cutoffs), np.nan) if stored is None else np.ma.filled(stored, np.nan)
    if np.isnan(closes).any():
        named = {name: value for name, value in criteria.items() if name != "published"}
        then = dict(connection.execute(CLOSES_WHEN_DRAWN, named).fetchall())
        told = np.array([then.get(day, np.nan) for day in cutoffs.tolist()], dtype=np.float64)
        closes = np.where(np.isnan(closes), told, closes)
    return closes


def _block(
    connection: Connection, criteria: Mapping[str, Any], cutoffs: Dates, n_paths: int
) -> NDArray[np.float32] | None:
    """Actuals, as path 0, and paths: (n_dates, horizon, 1 + n_paths); None unless all are there.

    Rows come as they lie in the table and are put in order here, which is faster than in SQL.
    """
    columns = connection.execute(DRAWN, dict(criteria)).fetchnumpy()
    days, path_ids, *sessions = columns.values()
    order = np.lexsort((path_ids, days))
    shape = (len(cutoffs), 1 + n_paths)
    due_days = np.repeat(cutoffs.astype(days.dtype), 1 + n_paths)
    due_ids = np.tile(np.arange(1 + n_paths), len(cutoffs))
    if not (np.array_equal(days[order], due_days) and np.array_equal(path_ids[order], due_ids)):
        return None
    block = np.empty((len(cutoffs), len(sessions), 1 + n_paths), dtype=np.float32)
    for session, prices in enumerate(sessions):
        block[:, session] = np.ma.filled(prices, np.nan)[order].reshape(shape)
    return block


def _bounds(first: Day | None, last: Day | None) -> dict[str, date]:
    return {
        "first": date.min if first is None else _day(first),
        "last": date.max if last is None else _day(last),
    }


def _day(day: Day) -> date:
    plain: date = np.array(day, dtype="datetime64[D]").item()
    return plain


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"

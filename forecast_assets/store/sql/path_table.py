"""``commodity.forecast.distributions``, a row a path, and ``forecasts``, a row a forecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.errors import StoreError
from forecast_assets.forecast.forecast_columns import CUTOFF, MODEL, keys_of
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import (
    Fan,
    Restoration,
    RevisedForecast,
    WindowChange,
    Written,
)
from forecast_assets.store.contract import ALWAYS, Span
from forecast_assets.store.paths import in_blocks
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.restored_paths import restore
from forecast_assets.store.sql.superseded_table import CLOSE_USED, COUNTED
from forecast_assets.store.sql.window_change import apply
from forecast_assets.store.sql.writes import PATHS, RESTORATION
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import found_in

ISSUED, ISSUED_BY_OLDER = (
    f"""
    SELECT model_name, model_id, training_date, data_cutoff_date, forecast_start_date,
        payload_sha256, history_fingerprint, n_paths, generation_timestamp,
        {close} AS cutoff_close
    FROM forecast.forecasts
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date BETWEEN $first AND $last
    """  # noqa: S608 - an expression of this release
    for close in ("cutoff_close", CLOSE_USED)
)
"""Forecasts, as they are stored, and with the closes that earlier releases did not store.

Looking up these closes takes almost as long as all the rest.
"""

HAPPENED = """
    SELECT model_name, data_cutoff_date, COLUMNS('day_[0-9]+') FROM forecast.distributions
    WHERE path_id = 0 AND commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date BETWEEN $first AND $last
"""

REVISED = f"""
    SELECT model_name, model_version, data_cutoff_date, revised_sessions, first_revised,
        last_revised, {CLOSE_USED} AS used, prices.close AS newest
    FROM forecast.revised_forecasts
    JOIN forecast.forecasts
        USING (commodity, model_name, model_version, data_cutoff_date)
    LEFT JOIN market.prices
        ON prices.commodity = forecasts.commodity AND prices.date = data_cutoff_date
    WHERE forecasts.commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff
    ORDER BY model_name
"""  # noqa: S608 - an expression of this file

DRAWN = """
    SELECT data_cutoff_date, path_id, COLUMNS('day_[0-9]+') FROM forecast.distributions
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND NOT is_actuals AND list_contains($cutoffs::DATE[], data_cutoff_date)
        AND data_cutoff_date BETWEEN $first AND $last
"""

READ = """
    SELECT * FROM forecast.distributions
    WHERE commodity = $commodity AND list_contains($training_dates::DATE[], training_date)
        AND ($model_version::VARCHAR IS NULL OR model_version = $model_version)
    ORDER BY model_name, model_version, forecast_start_date, path_id
"""

NEWEST = f"""
    SELECT model_name, data_cutoff_date, forecast_start_date, {CLOSE_USED}
    FROM forecast.forecasts
    WHERE commodity = $commodity AND training_date = $training_date
        AND model_version = $model_version
    QUALIFY row_number() OVER (PARTITION BY model_name ORDER BY data_cutoff_date DESC) = 1
    ORDER BY model_name
"""  # noqa: S608 - an expression of this file

TALLY = """
    SELECT model_name, model_version, data_cutoff_date, model_id, training_date,
        forecast_start_date, generation_timestamp, is_actuals, has_data_leakage,
        path_id = 0 AS is_outcome, count(*) AS paths, min(path_id) AS lowest,
        max(path_id) AS highest
    FROM forecast.distributions WHERE commodity = $commodity GROUP BY ALL ORDER BY ALL
"""

FAN = """
    SELECT COLUMNS('day_[0-9]+') FROM forecast.distributions
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND data_cutoff_date = $cutoff AND NOT is_actuals
    ORDER BY path_id
"""


@dataclass(frozen=True)
class DuckDBPathTable:
    """Paths in DuckDB."""

    database: Database
    horizon: int

    def apply(self, written: Written, change: WindowChange) -> int:
        """Write a change in one transaction; return the number of paths written."""

        def apply_to(connection: Connection) -> int:
            self._require_horizon(connection)
            return apply(connection, written, now(), change, self.horizon)

        write = PATHS.of(written.commodity, cutoffs=change.cutoffs, told=change.told)
        return self.database.write(write, apply_to)

    def issued(
        self, commodity: str, model_version: str, cutoffs: Span | None = None
    ) -> IssuedForecasts:
        """The forecasts of a commodity and version."""
        first, last = cutoffs or ALWAYS
        criteria = {
            "commodity": commodity,
            "model_version": model_version,
            "first": first,
            "last": last,
        }

        def read(connection: Connection) -> IssuedForecasts:
            self._require_horizon(connection)
            rows = connection.sql(ISSUED, params=criteria).to_arrow_table()
            if rows.column("cutoff_close").null_count:
                rows = connection.sql(ISSUED_BY_OLDER, params=criteria).to_arrow_table()
            happened = connection.sql(HAPPENED, params=criteria).to_arrow_table()
            return with_outcomes(rows, happened)

        return self.database.at_rest(("issued", self.horizon, *criteria.values()), read)

    def revised(self, commodity: str, model_version: str, cutoff: date) -> list[RevisedForecast]:
        """The forecasts from a cutoff that used closes revised since, in order of models."""
        criteria = {"commodity": commodity, "model_version": model_version, "cutoff": cutoff}
        with self.database.reading() as connection:
            rows = connection.execute(REVISED, criteria).fetchall()
        return [RevisedForecast(*row) for row in rows]

    def superseded(self, commodity: str, model_version: str) -> dict[date, int]:
        """How many forecasts were replaced or withdrawn, by training date."""
        with self.database.reading() as connection:
            rows = connection.execute(
                COUNTED, {"commodity": commodity, "model_version": model_version}
            ).fetchall()
        return dict(rows)

    def read(
        self, commodity: str, training_dates: Sequence[date], model_version: str | None = None
    ) -> pa.Table:
        """All columns of the paths of some windows, in order of model, forecast and path."""
        criteria = {
            "commodity": commodity,
            "training_dates": list(training_dates),
            "model_version": model_version,
        }
        with self.database.reading() as connection:
            return connection.sql(READ, params=criteria).to_arrow_table()

    def newest(self, commodity: str, training_date: date, model_version: str) -> dict[str, Fan]:
        """The newest forecast of each model in a window."""
        window = {
            "commodity": commodity,
            "training_date": training_date,
            "model_version": model_version,
        }
        fans = {}
        with self.database.reading() as connection:
            for model_name, cutoff, start, close in connection.execute(NEWEST, window).fetchall():
                criteria = {
                    "commodity": commodity,
                    "model_name": model_name,
                    "model_version": model_version,
                    "cutoff": cutoff,
                }
                columns = connection.execute(FAN, criteria).fetchnumpy()
                fans[model_name] = Fan(
                    cutoff, start, np.stack(list(columns.values()), axis=1), close
                )
        return fans

    def drawn(
        self, commodity: str, model_name: str, model_version: str, cutoffs: Sequence[date]
    ) -> NDArray[np.float32]:
        """The paths of one model's forecasts from these cutoffs: (n_cutoffs, n_paths, horizon).

        Raises StoreError unless all forecasts exist and have equally many paths.
        """
        criteria = {
            "commodity": commodity,
            "model_name": model_name,
            "model_version": model_version,
            "cutoffs": list(cutoffs),
            "first": min(cutoffs),
            "last": max(cutoffs),
        }
        with self.database.reading() as connection:
            rows = connection.sql(DRAWN, params=criteria).to_arrow_table()
        days = np.array(sorted(cutoffs), dtype="datetime64[D]")
        path_ids = np.arange(1, 1 + len(rows) // len(cutoffs), dtype=np.int32)
        blocks = in_blocks(rows, days, path_ids)
        if blocks is None or not len(path_ids):
            raise StoreError(
                f"{commodity}: {model_name} {model_version}: some forecasts from {days[0]} to"
                f" {days[-1]} are not whole: draw them again"
            )
        return blocks.transpose(0, 2, 1)

    def restore(self, restoration: Restoration, at: datetime) -> None:
        """Put paths, points and outcomes of issued forecasts back in one transaction."""
        self.database.write(
            RESTORATION.of(restoration.commodity, cutoffs=restoration.cutoffs),
            lambda connection: restore(connection, restoration, at),
        )

    def tally(self, commodity: str) -> pa.Table:
        """How many paths have the same columns besides their prices, and their least and last id.

        Paths 0 are counted apart, with ``is_outcome``.
        """
        with self.database.reading() as connection:
            return connection.sql(TALLY, params={"commodity": commodity}).to_arrow_table()

    def _require_horizon(self, connection: Connection) -> None:
        columns = connection.execute("FROM forecast.distributions LIMIT 0").description
        days = sum(name.startswith("day_") for name, *_ in columns)
        require_horizon(self.database.place, days, self.horizon)


def require_horizon(place: str, days: int, horizon: int) -> None:
    """Raise StoreError if the paths of some tables have another number of sessions."""
    if days != horizon:
        raise StoreError(
            f"{place}: forecast.distributions has {days} sessions ahead, another horizon than the"
            f" configured {horizon}: give this horizon a FORECAST_HOME of its own"
        )


def with_outcomes(rows: pa.Table, happened: pa.Table) -> IssuedForecasts:
    """Forecasts with their outcomes, both in any order; ``happened``: path 0 of each."""
    keys = keys_of(pa.concat_tables(each.select([MODEL, CUTOFF]) for each in (rows, happened)))
    mine, theirs = np.split(keys, [len(rows)])
    order = np.argsort(theirs, kind="stable")
    at, told = found_in(theirs[order], mine)
    days = np.stack([column.to_numpy() for column in happened.columns[2:]], axis=1)
    outcomes = np.full((len(rows), days.shape[1]), np.nan, np.float32)
    outcomes[told] = days[order[at[told]]]
    return IssuedForecasts.in_order(rows.append_column("told", pa.array(told)), outcomes)

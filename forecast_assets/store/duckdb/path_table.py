"""``commodity.forecast.distributions``: one row a path; ``forecasts``: one row a forecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import (
    Draw,
    Fan,
    IssuedForecast,
    ModelFailure,
    RevisedForecast,
    Written,
)
from forecast_assets.store.duckdb import point_table
from forecast_assets.store.duckdb.database import Connection, Database
from forecast_assets.store.duckdb.failure_table import replace_failures
from forecast_assets.store.duckdb.point_table import write_points
from forecast_assets.store.duckdb.superseded_table import (
    CLOSE_USED,
    COUNTED,
    REPLACED,
    WITHDRAWN,
    supersede,
)
from forecast_assets.timeline.outcomes import Outcomes

DELETE = """
    DELETE FROM forecast.distributions
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND NOT is_actuals AND list_contains($cutoffs::DATE[], data_cutoff_date)
        AND data_cutoff_date BETWEEN $first AND $last
"""

COUNT = """
    SELECT count(*), count(DISTINCT data_cutoff_date) FROM forecast.distributions
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND NOT is_actuals AND list_contains($cutoffs::DATE[], data_cutoff_date)
        AND data_cutoff_date BETWEEN $first AND $last
"""

ISSUED = f"""
    SELECT model_name, model_id, training_date, data_cutoff_date, forecast_start_date,
        payload_sha256, history_fingerprint, n_paths, generation_timestamp, outcome,
        {CLOSE_USED}
    FROM forecast.forecasts
    LEFT JOIN (
        SELECT model_name, data_cutoff_date, list_value(*COLUMNS('day_[0-9]+')) AS outcome
        FROM forecast.distributions
        WHERE path_id = 0 AND commodity = $commodity AND model_version = $model_version
    ) AS happened USING (model_name, data_cutoff_date)
    WHERE commodity = $commodity AND model_version = $model_version
    ORDER BY model_name, data_cutoff_date
"""  # noqa: S608 - an expression of this file

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

HAPPENED = (
    """
    DELETE FROM forecast.distributions
    WHERE path_id = 0 AND commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date IN (SELECT data_cutoff_date FROM happened)
    """,
    """
    INSERT INTO forecast.distributions BY NAME
    SELECT 0 AS path_id, commodity, model_name, model_version, model_id, training_date,
        forecast_start_date, $at AS generation_timestamp, TRUE AS is_actuals,
        FALSE AS has_data_leakage, happened.*
    FROM forecast.forecasts JOIN happened USING (data_cutoff_date)
    WHERE commodity = $commodity AND model_version = $model_version
    """,
)

WITHDRAW = (
    point_table.WITHDRAW,
    """
    DELETE FROM forecast.distributions
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff
    """,
    """
    DELETE FROM forecast.forecasts
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff
    """,
)

MOVE = (
    """
    UPDATE forecast.distributions SET forecast_start_date = $start
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff
    """,
    """
    UPDATE forecast.forecasts SET forecast_start_date = $start
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff
    """,
)

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
        """Write draws in place of the same forecasts; return the paths written."""
        with self.database.writing() as connection:
            self._require_horizon(connection)
            identity = {"commodity": written.commodity, "model_version": written.model_version}
            supersede(connection, written, dict.fromkeys(withdrawn, WITHDRAWN))
            for cutoff, statement in product(withdrawn, WITHDRAW):
                connection.execute(statement, identity | {"cutoff": cutoff})
            for (cutoff, start), statement in product(moved, MOVE):
                connection.execute(statement, identity | {"cutoff": cutoff, "start": start})
            rows = sum(self._replace_draw(connection, written, draw) for draw in draws)
            connection.register("happened", outcome_rows(happened, draws, self.horizon))
            for statement, names in zip(HAPPENED, ({}, {"at": written.at}), strict=True):
                connection.execute(statement, identity | names)
            replace_failures(connection, written, "forecast", failures)
        return rows

    def issued(self, commodity: str, model_version: str) -> list[IssuedForecast]:
        """Every forecast of a commodity and version, in the order of model and cutoff."""
        with self.database.reading() as connection:
            self._require_horizon(connection)
            rows = connection.execute(
                ISSUED, {"commodity": commodity, "model_version": model_version}
            ).fetchall()
        return [IssuedForecast(*row) for row in rows]

    def revised(self, commodity: str, model_version: str, cutoff: date) -> list[RevisedForecast]:
        """The forecasts from a cutoff that used a close which has changed since."""
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
        """All columns and rows of some windows, ordered by model, forecast and path."""
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
        """Paths of one model's forecasts from these cutoffs: (n_cutoffs, n_paths, horizon).

        Raises StoreError unless each of them is there, with as many paths as the others.
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
            columns = connection.execute(DRAWN, criteria).fetchnumpy()
        days, path_ids, *sessions = columns.values()
        order = np.lexsort((path_ids, days))
        n_paths = len(days) // len(cutoffs)
        expected = np.repeat(np.array(sorted(cutoffs), dtype=days.dtype), n_paths)
        numbers = np.tile(np.arange(1, n_paths + 1), len(cutoffs))
        found = np.array_equal(days[order], expected) and np.array_equal(path_ids[order], numbers)
        if n_paths == 0 or not found:
            raise StoreError(
                f"{commodity}: {model_name} {model_version}: some forecasts from {min(cutoffs)} to"
                f" {max(cutoffs)} are not whole: draw them again"
            )
        paths = np.empty((len(cutoffs), len(sessions), n_paths), dtype=np.float32)
        for session, prices in enumerate(sessions):
            paths[:, session] = prices[order].reshape(len(cutoffs), n_paths)
        return paths.transpose(0, 2, 1)

    def _replace_draw(self, connection: Connection, written: Written, draw: Draw) -> int:
        n_origins, n_paths, horizon = draw.paths.shape
        n_rows: int = n_origins * n_paths
        if horizon != self.horizon or not np.all(np.isfinite(draw.paths)):
            raise StoreError(
                f"{draw.model.model_id}: paths must be finite and {self.horizon} sessions long"
            )
        criteria = {
            "commodity": written.commodity,
            "model_name": draw.model.model_name,
            "model_version": written.model_version,
            "cutoffs": draw.cutoffs,
            "first": min(draw.cutoffs),
            "last": max(draw.cutoffs),
        }
        why = {day: draw.why.get(day, REPLACED) for day in draw.cutoffs}
        supersede(connection, written, why, draw.model.model_name)
        connection.execute(DELETE, criteria)
        connection.register("paths", path_rows(written, draw))
        connection.execute("INSERT INTO forecast.distributions BY NAME SELECT * FROM paths")
        write_points(connection, written, draw)
        connection.register("forecasts", forecast_rows(written, draw))
        connection.execute(
            "INSERT OR REPLACE INTO forecast.forecasts BY NAME SELECT * FROM forecasts"
        )
        found = connection.execute(COUNT, criteria).fetchall()
        if found != [(n_origins * n_paths, n_origins)]:
            raise StoreError(
                f"{draw.model.model_id}: {found} paths and forecasts after a write of"
                f" {(n_origins * n_paths, n_origins)}; nothing was kept"
            )
        return n_rows

    def _require_horizon(self, connection: Connection) -> None:
        ((days,),) = connection.execute(
            "SELECT count(*) FROM duckdb_columns() WHERE schema_name = 'forecast'"
            " AND table_name = 'distributions' AND column_name LIKE 'day\\_%' ESCAPE '\\'"
        ).fetchall()
        if days != self.horizon:
            raise StoreError(
                f"{self.database.path}: forecast.distributions has {days} sessions ahead, another"
                f" horizon than the configured {self.horizon}: give this horizon a FORECAST_HOME"
                " of its own"
            )


def path_rows(written: Written, draw: Draw) -> pa.Table:
    """The rows of ``distributions`` for one draw."""
    n_origins, n_paths, horizon = draw.paths.shape
    n_rows = n_origins * n_paths
    columns = {
        "path_id": pa.array(np.tile(np.arange(1, n_paths + 1, dtype=np.int32), n_origins)),
        "commodity": _constant(written.commodity, n_rows),
        "model_name": _constant(draw.model.model_name, n_rows),
        "model_version": _constant(written.model_version, n_rows),
        "model_id": _constant(draw.model.model_id, n_rows),
        "training_date": _constant(written.training_date, n_rows),
        "forecast_start_date": _each(draw.starts, n_paths),
        "data_cutoff_date": _each(draw.cutoffs, n_paths),
        "generation_timestamp": _constant(written.at, n_rows),
        "is_actuals": pa.array(np.zeros(n_rows, dtype=bool)),
        "has_data_leakage": pa.array(np.zeros(n_rows, dtype=bool)),
    }
    for session in range(horizon):
        columns[f"day_{session + 1}"] = pa.array(_column(draw.paths, session))
    return pa.table(columns)


def forecast_rows(written: Written, draw: Draw) -> pa.Table:
    """The rows of ``forecasts`` for one draw."""
    n_origins, n_paths, _ = draw.paths.shape
    return pa.table(
        {
            "commodity": [written.commodity] * n_origins,
            "model_name": [draw.model.model_name] * n_origins,
            "model_version": [written.model_version] * n_origins,
            "data_cutoff_date": draw.cutoffs,
            "forecast_start_date": draw.starts,
            "training_date": [written.training_date] * n_origins,
            "model_id": [draw.model.model_id] * n_origins,
            "payload_sha256": [draw.model.payload_sha256] * n_origins,
            "history_fingerprint": draw.fingerprints,
            "cutoff_close": draw.closes,
            "n_paths": [n_paths] * n_origins,
            "generation_timestamp": [written.at] * n_origins,
            "created_by": [written.by] * n_origins,
        }
    )


def outcome_rows(happened: Outcomes | None, draws: Sequence[Draw], horizon: int) -> pa.Table:
    """What came after each cutoff: NULL where nothing has, as for a draw's that is not given."""
    known = happened or Outcomes.none(horizon)
    others = sorted({day for draw in draws for day in draw.cutoffs} - set(known.cutoffs))
    nothing = np.full((len(others), horizon), np.nan)
    prices = np.vstack([known.closes, nothing]).astype(np.float32)
    columns = {"data_cutoff_date": pa.array([*known.cutoffs, *others], pa.date32())}
    for session in range(horizon):
        columns[f"day_{session + 1}"] = pa.array(prices[:, session], from_pandas=True)
    return pa.table(columns)


def _constant(value: object, n_rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(n_rows, dtype=np.int8), pa.array([value]))


def _each(days: list[date], n_paths: int) -> pa.Array:
    return pa.array(np.repeat(np.array(days, dtype="datetime64[D]"), n_paths))


def _column(paths: NDArray[np.float32], session: int) -> NDArray[np.float32]:
    return np.ascontiguousarray(paths[:, :, session]).reshape(-1)

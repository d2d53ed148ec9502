"""Writing a change of a window's forecasts in one transaction: paths, points and the ledger."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import product

import duckdb
import numpy as np
import pyarrow as pa

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import Draw, WindowChange, Written
from forecast_assets.store.sql import point_table
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.failure_table import replace_failures
from forecast_assets.store.sql.path_rows import PathRows
from forecast_assets.store.sql.point_table import write_points
from forecast_assets.store.sql.stored_draws import unstored
from forecast_assets.store.sql.superseded_table import (
    MOVED,
    REPLACED,
    WITHDRAWN,
    supersede,
)
from forecast_assets.store.sql.target_view import expect
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

SESSIONS = """
    SELECT date FROM market.prices
    WHERE commodity = $commodity AND close IS NOT NULL AND list_contains($cutoffs::DATE[], date)
"""

WITHDRAW = (
    """
    DELETE FROM forecast.forecasts
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff
    """,
    """
    DELETE FROM forecast.distributions
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff
    """,
    point_table.WITHDRAW,
)

MOVE = (
    """
    UPDATE forecast.distributions SET forecast_start_date = $start
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff
    """,
    """
    UPDATE forecast.forecasts
    SET forecast_start_date = $start, issued_at = $now, created_by = $by
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff AND forecast_start_date <> $start
    """,
)


def apply(
    connection: Connection, written: Written, now: datetime, change: WindowChange, horizon: int
) -> int:
    """Write a change; return the number of paths. Paths are written before their ledger rows.

    Forecasts that another run has stored in the meantime, with the same numbers, stay as they are.

    ``now``: from then on the change holds.
    """
    withdraw(connection, written, now, change.withdrawn)
    draws = [unstored(connection, written, draw) for draw in change.draws]
    draws = [draw for draw in draws if draw.cutoffs]
    paths = write_draws(connection, written, now, draws, horizon)
    move(connection, written, now, change.moved)
    drawn = [day for draw in draws for day in draw.cutoffs]
    tell(connection, written, outcome_rows(change.happened, drawn, horizon))
    expect(connection, written.commodity, change.expected)
    replace_failures(connection, written, "forecast", change.failures)
    return paths


def withdraw(
    connection: Connection, written: Written, now: datetime, cutoffs: Sequence[date]
) -> None:
    """Delete the forecasts from cutoffs that are no longer sessions; keep a record of each.

    A session that has come since the run read its history is one, though the run has not seen it.
    """
    if not cutoffs:
        return
    asked = {"commodity": written.commodity, "cutoffs": list(cutoffs)}
    there = {day for (day,) in connection.execute(SESSIONS, asked).fetchall()}
    cutoffs = [cutoff for cutoff in cutoffs if cutoff not in there]
    supersede(connection, written, now, dict.fromkeys(cutoffs, WITHDRAWN))
    for cutoff, statement in product(cutoffs, WITHDRAW):
        connection.execute(statement, _whose(written) | {"cutoff": cutoff})


def move(
    connection: Connection,
    written: Written,
    now: datetime,
    starts: Sequence[tuple[date, date]],
) -> None:
    """Change the first session of the forecasts from some cutoffs; ``starts``: (cutoff, start).

    What they said before is kept. Their paths stay as they are, since these do not depend on it.
    """
    why = dict.fromkeys((cutoff for cutoff, _ in starts), MOVED)
    supersede(connection, written, now, why, starts=dict(starts))
    for cutoff, start in starts:
        moved = _whose(written) | {"cutoff": cutoff, "start": start}
        connection.execute(MOVE[0], moved)
        connection.execute(MOVE[1], moved | {"now": now, "by": written.by})


def tell(connection: Connection, written: Written, happened: pa.Table) -> None:
    """Write the outcomes after some cutoffs as path 0 of all forecasts from them."""
    connection.register("happened", happened)
    for statement, names in zip(HAPPENED, ({}, {"at": written.at}), strict=True):
        connection.execute(statement, _whose(written) | names)


def write_draws(
    connection: Connection, written: Written, now: datetime, draws: Sequence[Draw], horizon: int
) -> int:
    """Replace the forecasts of some models and cutoffs by draws; return the number of paths.

    Raises StoreError unless all paths are finite, have the length of the horizon, and are in the
    table afterwards.
    """
    if not draws:
        return 0
    for draw in draws:
        if draw.paths.shape[2] != horizon or not np.all(np.isfinite(draw.paths)):
            raise StoreError(
                f"{draw.model.model_id}: paths must be finite and {horizon} sessions long"
            )
        why = {day: draw.why.get(day, REPLACED) for day in draw.cutoffs}
        supersede(connection, written, now, why, model_name=draw.model.model_name)
        connection.execute(DELETE, _which(written, draw))
    insert_paths(connection, PathRows(written, draws))
    write_points(connection, written, draws)
    connection.register(
        "forecasts", pa.concat_tables(forecast_rows(written, now, draw) for draw in draws)
    )
    connection.execute("INSERT OR REPLACE INTO forecast.forecasts BY NAME SELECT * FROM forecasts")
    return sum(_require_there(connection, written, draw) for draw in draws)


def insert_paths(connection: Connection, rows: PathRows) -> None:
    """Insert the rows of paths. Raises what was raised while they were made."""
    connection.register("paths", rows.reader())
    try:
        connection.execute("INSERT INTO forecast.distributions BY NAME SELECT * FROM paths")
    except duckdb.Error:
        if rows.error is not None:
            raise rows.error from None
        raise


def _require_there(connection: Connection, written: Written, draw: Draw) -> int:
    """The number of a draw's paths. Raises StoreError unless so many are in the table."""
    n_origins, n_paths, _ = draw.paths.shape
    n_rows: int = n_origins * n_paths
    found = connection.execute(COUNT, _which(written, draw)).fetchall()
    if found != [(n_rows, n_origins)]:
        raise StoreError(
            f"{draw.model.model_id}: {found} paths and forecasts after a write of"
            f" {(n_rows, n_origins)}; nothing was kept"
        )
    return n_rows


def _which(written: Written, draw: Draw) -> dict[str, object]:
    """Which paths are those of a draw."""
    return _whose(written) | {
        "model_name": draw.model.model_name,
        "cutoffs": draw.cutoffs,
        "first": min(draw.cutoffs),
        "last": max(draw.cutoffs),
    }


def _whose(written: Written) -> dict[str, object]:
    return {"commodity": written.commodity, "model_version": written.model_version}


def forecast_rows(written: Written, now: datetime, draw: Draw) -> pa.Table:
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
            "issued_at": [now] * n_origins,
        }
    )


def outcome_rows(happened: Outcomes | None, drawn: Sequence[date], horizon: int) -> pa.Table:
    """A row with the outcomes after each cutoff, NULL for sessions that have not happened.

    A cutoff in ``drawn`` that ``happened`` lacks has a row of NULLs.
    """
    known = happened or Outcomes.none(horizon)
    others = sorted(set(drawn) - set(known.cutoffs))
    nothing = np.full((len(others), horizon), np.nan, dtype=np.float32)
    prices = np.vstack([known.as_paths, nothing])
    columns = {"data_cutoff_date": pa.array([*known.cutoffs, *others], pa.date32())}
    for session in range(horizon):
        columns[f"day_{session + 1}"] = pa.array(prices[:, session], from_pandas=True)
    return pa.table(columns)

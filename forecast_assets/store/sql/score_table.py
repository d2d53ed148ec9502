"""``commodity.forecast.scores`` and ``path_scores``: how good forecasts turned out to be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecast_assets.errors import StoreError
from forecast_assets.evaluation.records import ScoredModel
from forecast_assets.evaluation.scored_forecasts import ScoredForecasts
from forecast_assets.evaluation.scoring import PATH_SCORES, SESSION_SCORES
from forecast_assets.forecast.forecast_columns import CUTOFF, MODEL, keys_of
from forecast_assets.forecast.records import Written
from forecast_assets.store.contract import ALWAYS, Span
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.writes import SCORES

SKILL = """
    SELECT scored.commodity, scored.model_name, scored.model_version, scored.training_date,
        scored.forecast_start_date, scored.data_cutoff_date, scored.horizon, scored.crps,
        naive.crps AS naive_crps, 1 - scored.crps / nullif(naive.crps, 0) AS skill
    FROM forecast.path_scores AS scored
    JOIN (FROM forecast.path_scores WHERE model_name = 'naive') AS naive
        USING (commodity, model_version, data_cutoff_date, horizon)
"""
"""The view ``forecast.skill``."""

SCORED = """
    SELECT model_name, data_cutoff_date, forecast_start_date, generation_timestamp, cutoff_close,
        day_ahead, actual
    FROM forecast.scores WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date BETWEEN $first AND $last
"""

RECORDS = """
    SELECT model_name, data_cutoff_date, forecast_start_date AS first_session, last_session,
        COLUMNS(* EXCLUDE (commodity, model_name, model_version, data_cutoff_date,
            forecast_start_date, last_session, horizon, scored_at, created_by))
    FROM forecast.path_scores
    WHERE commodity = $commodity AND model_version = $model_version
        AND horizon = $horizon
    ORDER BY model_name, data_cutoff_date
"""

COVERAGE = """
    SELECT day_ahead, avg(covered_80::INTEGER) AS coverage_80,
        avg(covered_95::INTEGER) AS coverage_95
    FROM forecast.scores
    WHERE commodity = $commodity AND model_version = $model_version AND model_name = $model_name
    GROUP BY day_ahead ORDER BY day_ahead
"""

READ = """
    SELECT * FROM forecast.scores
    WHERE commodity = $commodity AND list_contains($training_dates::DATE[], training_date)
        AND ($model_version::VARCHAR IS NULL OR model_version = $model_version)
    ORDER BY model_name, model_version, data_cutoff_date, day_ahead
"""

TABLES = ("scores", "path_scores")

DELETE = {
    table: f"""
        DELETE FROM forecast.{table}
        WHERE commodity = $commodity AND model_version = $model_version
            AND model_name = $model_name AND list_contains($cutoffs::DATE[], data_cutoff_date)
    """  # noqa: S608 - the two names above
    for table in TABLES
}


@dataclass(frozen=True)
class DuckDBScoreTable:
    """Scores in DuckDB."""

    database: Database
    horizon: int

    def scored(
        self, commodity: str, model_version: str, cutoffs: Span | None = None
    ) -> ScoredForecasts:
        """The scored forecasts of a commodity and version."""
        first, last = cutoffs or ALWAYS
        criteria = {
            "commodity": commodity,
            "model_version": model_version,
            "first": first,
            "last": last,
        }

        def read(connection: Connection) -> ScoredForecasts:
            return together(connection.sql(SCORED, params=criteria).to_arrow_table(), self.horizon)

        return self.database.at_rest(("scored", self.horizon, *criteria.values()), read)

    def replace(
        self, written: Written, models: Sequence[ScoredModel], gone: ScoredForecasts
    ) -> int:
        """Replace the scores of these forecasts, and delete those of ``gone``."""

        def change(connection: Connection) -> int:
            rows = 0
            for name in gone.places:
                _delete(connection, written, name, gone.of_model(name).cutoffs.tolist())
            for model in models:
                cutoffs = [forecast.data_cutoff_date for forecast in model.forecasts]
                _delete(connection, written, model.model_name, cutoffs)
                for table, scores in zip(TABLES, score_rows(written, model), strict=True):
                    connection.register("arriving", scores)
                    connection.execute(
                        f"INSERT INTO forecast.{table} BY NAME SELECT * FROM arriving"  # noqa: S608
                    )
                rows += _require_all(connection, written, model)
            return rows

        cutoffs = {*gone.cutoffs.tolist()}
        cutoffs |= {one.data_cutoff_date for model in models for one in model.forecasts}
        return self.database.write(SCORES.of(written.commodity, cutoffs=cutoffs), change)

    def read(
        self, commodity: str, training_dates: Sequence[date], model_version: str | None = None
    ) -> pa.Table:
        """The scores by session ahead of some windows, in order of model, forecast and session."""
        criteria = {
            "commodity": commodity,
            "training_dates": list(training_dates),
            "model_version": model_version,
        }
        with self.database.reading() as connection:
            return connection.sql(READ, params=criteria).to_arrow_table()

    def coverage(self, commodity: str, model_version: str, model_name: str) -> pa.Table:
        """coverage_80 and coverage_95, shares of outcomes inside, by day_ahead in order."""
        criteria = {
            "commodity": commodity,
            "model_version": model_version,
            "model_name": model_name,
        }
        with self.database.reading() as connection:
            return connection.sql(COVERAGE, params=criteria).to_arrow_table()

    def versions(self) -> list[tuple[str, str]]:
        """All pairs of commodity and model version that have scores, in order."""
        with self.database.reading() as connection:
            return connection.execute(
                "SELECT DISTINCT commodity, model_version FROM forecast.scores ORDER BY ALL"
            ).fetchall()

    def records(self, commodity: str, model_version: str) -> pa.Table:
        """A row for each forecast whose whole outcome is known."""
        criteria = {
            "commodity": commodity,
            "model_version": model_version,
            "horizon": self.horizon,
        }
        with self.database.reading() as connection:
            return connection.sql(RECORDS, params=criteria).to_arrow_table()


def together(sessions: pa.Table, horizon: int) -> ScoredForecasts:
    """The forecasts of which each session ahead has a row, in any order."""
    names = sessions.column(MODEL).combine_chunks()
    cutoffs, days = (sessions.column(name).to_numpy() for name in (CUTOFF, "day_ahead"))
    # Rows of a forecast stand side by side, mostly all of them: few names have to be looked at.
    differs = pc.not_equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False)
    starts = np.append(True, differs | (cutoffs[1:] != cutoffs[:-1]))[: len(sessions)]
    stretches = sessions.select(ScoredForecasts.schema.names).take(np.flatnonzero(starts))
    _, firsts, places = np.unique(keys_of(stretches), return_index=True, return_inverse=True)
    outcomes = np.full((len(firsts), max(horizon, days.max(initial=0))), np.nan)
    outcomes[places[np.cumsum(starts) - 1], days - 1] = sessions.column("actual").to_numpy()
    return ScoredForecasts(stretches.take(firsts), outcomes)


def score_rows(written: Written, model: ScoredModel) -> tuple[pa.Table, pa.Table]:
    """The rows of ``scores`` and of ``path_scores`` for some forecasts of a model."""
    known, horizons = model.happened.known, model.scores.horizons
    by_session = np.arange(1, model.happened.closes.shape[1] + 1) <= known[:, None]
    by_path = np.array(horizons) <= known[:, None]
    forecasts, days = np.nonzero(by_session)
    sessions: dict[str, Any] = _keys(written, model, forecasts) | {
        "generation_timestamp": [
            model.forecasts[place].generation_timestamp for place in forecasts.tolist()
        ],
        "day_ahead": days.astype(np.int32) + 1,
        "cutoff_close": model.happened.cutoff_closes[forecasts],
        "session": model.happened.sessions[by_session],
        "actual": model.happened.closes[by_session],
    }
    sessions |= {name: _numbers(model.scores.sessions[name][by_session]) for name in SESSION_SCORES}
    sessions |= {name: sessions[name].cast(pa.bool_()) for name in ("covered_80", "covered_95")}
    forecasts, places = np.nonzero(by_path)
    last = np.array(horizons)[places] - 1
    paths = _keys(written, model, forecasts) | {
        "horizon": last.astype(np.int32) + 1,
        "last_session": model.happened.sessions[forecasts, last],
    }
    paths |= {name: _numbers(model.scores.paths[name][by_path]) for name in PATH_SCORES}
    return pa.table(sessions), pa.table(paths)


def _keys(written: Written, model: ScoredModel, forecasts: NDArray[np.intp]) -> dict[str, Any]:
    chosen = [model.forecasts[place] for place in forecasts.tolist()]
    count = len(chosen)
    return {
        "commodity": [written.commodity] * count,
        "model_name": [model.model_name] * count,
        "model_version": [written.model_version] * count,
        "training_date": pa.array([x.training_date for x in chosen], pa.date32()),
        "forecast_start_date": pa.array([x.forecast_start_date for x in chosen], pa.date32()),
        "data_cutoff_date": pa.array([x.data_cutoff_date for x in chosen], pa.date32()),
        "scored_at": [written.at] * count,
        "created_by": [written.by] * count,
    }


def _numbers(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, from_pandas=True)


def _criteria(written: Written, model_name: str, cutoffs: Sequence[Any]) -> dict[str, Any]:
    return {
        "commodity": written.commodity,
        "model_version": written.model_version,
        "model_name": model_name,
        "cutoffs": list(cutoffs),
    }


def _delete(
    connection: Connection, written: Written, model_name: str, cutoffs: Sequence[Any]
) -> None:
    for statement in DELETE.values():
        connection.execute(statement, _criteria(written, model_name, cutoffs))


def _require_all(connection: Connection, written: Written, model: ScoredModel) -> int:
    """The number of rows just written to ``scores``. Raises StoreError if some are missing."""
    cutoffs = [forecast.data_cutoff_date for forecast in model.forecasts]
    ((found,),) = connection.execute(
        "SELECT count(*) FROM forecast.scores"
        " WHERE commodity = $commodity AND model_version = $model_version"
        " AND model_name = $model_name AND list_contains($cutoffs::DATE[], data_cutoff_date)",
        _criteria(written, model.model_name, cutoffs),
    ).fetchall()
    due = int(model.happened.known.sum())
    if found != due:
        raise StoreError(
            f"{written.commodity}: {model.model_name}: {found} scores after a write of {due};"
            " nothing was kept"
        )
    return due

"""Taking over the tables of another system: ``trained_models`` and ``distributions``.

Its forecasts become those of a version of their own, ``predecessor_`` and the name that it had
there, so nothing draws or replaces them. Neither model nor history of them is known: their rows in
the ledger say so. What happened, path 0, is told by the prices here, and their numbers are computed
from their paths. Models are taken if they are payloads of this project. Others, such as pickled
ones, are never read: whoever can write such a payload could run any program here.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from forecast_assets.boundary import boundary
from forecast_assets.configuration.names import NAME_PATTERN, NAME_RULE
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import StoreError
from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import IMPORTED_BY, OF_PREDECESSOR, PREDECESSOR
from forecast_assets.store.contract import Condition, Store
from forecast_assets.store.ledger import FORECAST, LEDGER, PATHS, of
from forecast_assets.store.moving.foreign_cells import UNREADABLE
from forecast_assets.store.moving.foreign_file import ForeignFile, names_of
from forecast_assets.store.moving.foreign_forecasts import ForeignForecasts
from forecast_assets.store.moving.importing import POINTS, Import
from forecast_assets.store.moving.pieces import between, of_forecasts
from forecast_assets.store.sql.writes import TAKEN_FORECASTS
from forecast_assets.store.tables import tables as declared_tables
from forecast_assets.store.tables.forecast import distributions
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes

Key = tuple[str, str, str, str]
"""A commodity, a model, a version and why its forecasts are refused."""

SESSION = re.compile(r"day_[0-9]+")
"""The columns that are the prices of a session ahead."""

TOLD_HERE = "what happened is taken from the prices here, and not from paths 0"
"""Why paths 0 are left out."""

DRAWN_LATER = "their forecasts were drawn again later, and only the newest drawing is taken"
"""Why older drawings are left out."""


@dataclass
class Lost:
    """Forecasts that are refused for the same reason: paths, and cutoffs."""

    rows: int = 0
    days: list[date] = field(default_factory=list)


@dataclass(frozen=True)
class Forecasts:
    """The forecasts of another system, which are moved to ``store``.

    ``rows``: those of its ``distributions``. ``at``: when they are taken over. ``left_out``: by
    commodity and reason, how many paths of sound forecasts are left out on purpose.
    """

    rows: ds.Dataset
    store: Store
    settings: Settings
    at: datetime
    done: Import
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lost: dict[Key, Lost] = field(default_factory=dict)
    _histories: dict[str, History] = field(default_factory=dict)

    def move(self) -> None:
        """Move all forecasts that can be taken. Raises StoreError for a table of another form."""
        files = ForeignFile.all_of(self.rows)
        schema = distributions(self.settings.horizon).plain_schema
        self._require_like(schema, names_of(files, self.rows))
        forecasts = ForeignForecasts(files, schema)
        forecasts.find()
        for (commodity, reason), rows in sorted(forecasts.nameless.items()):
            self.done.refuse(PATHS, commodity, rows, reason)
        for model, cutoffs in of_forecasts(forecasts.counted):
            with boundary(model[0], self.done.failures):
                self._take(model, forecasts.read(model, cutoffs))
        for (commodity, model_name, version, reason), lost in sorted(self._lost.items()):
            span = f"{len(lost.days)} forecasts from {min(lost.days)} to {max(lost.days)}"
            said = f"{model_name} {version}: {span}: {reason}"
            self.done.refuse(PATHS, commodity, lost.rows, said)

    def _require_like(self, ours: pa.Schema, theirs: Sequence[str]) -> None:
        """Raise StoreError unless their columns are those of ours; they may have others, too."""
        if lacking := [name for name in ours.names if name not in theirs]:
            raise StoreError(f"distributions: it has no {', '.join(lacking)}")
        days = sum(SESSION.fullmatch(name) is not None for name in theirs)
        if days != self.settings.horizon:
            raise StoreError(
                f"distributions: {days} sessions ahead, another horizon than the configured"
                f" {self.settings.horizon}: import with that horizon"
            )

    def _take(self, model: tuple[str, str, str], rows: pd.DataFrame) -> None:
        """Write those of a model's forecasts that can be taken."""
        commodity, model_name, version = model
        ours = f"{OF_PREDECESSOR}{version}"
        there = self._there(commodity, model_name, ours)
        taken = []
        for cutoff, mine in rows.groupby("data_cutoff_date"):
            day = pd.Timestamp(cutoff).date()
            drawn = mine[~(mine.is_actuals.eq(True) | mine.path_id.eq(0))]
            newest, reason = _newest(drawn)
            reason = reason or self._wrong_with((commodity, model_name, ours), day, newest)
            if not reason and day in there and there[day] != _issued(newest):
                reason = "the tables here have another forecast of this cutoff"
            if reason:
                self._lose(model, reason, day, len(mine))
                continue
            self._leave_out(commodity, TOLD_HERE, len(mine) - len(drawn))
            self._leave_out(commodity, DRAWN_LATER, len(drawn) - len(newest))
            if day in there:
                self.done.of(LEDGER, commodity).same += 1
                self.done.of(PATHS, commodity).same += len(newest) + 1
            else:
                taken.append(newest)
        if taken:
            found = pd.concat(taken).sort_values(["data_cutoff_date", "path_id"])
            self._write((commodity, model_name, ours), found)

    def _leave_out(self, commodity: str, reason: str, paths: int) -> None:
        """Count paths that are left out on purpose."""
        if paths:
            self.left_out[commodity, reason] += paths

    def _wrong_with(self, model: tuple[str, str, str], day: date, rows: pd.DataFrame) -> str:
        """Why a forecast cannot be taken; empty if it can. ``rows``: its paths."""
        if told := _unreadable(rows):
            return told
        first = rows.iloc[0]
        if strange := [name for name in model if not NAME_PATTERN.fullmatch(name)]:
            return f"{strange[0]!r} is no name: allowed: {NAME_RULE}"
        head = ["training_date", "forecast_start_date"]
        if rows[[*head, "path_id"]].isna().any(axis=None) or (rows[head] != first[head]).any(
            axis=None
        ):
            return f"its paths have several {' or '.join(head)}, or none"
        if rows.has_data_leakage.ne(False).any():
            return "it looked ahead: has_data_leakage is not FALSE in all of its paths"
        start, trained = first.forecast_start_date.date(), first.training_date.date()
        if start <= day or trained > start:
            return "it looked ahead: it starts by its cutoff, or before its training date"
        if len(rows) < 2 or sorted(rows.path_id) != list(range(1, len(rows) + 1)):
            return f"its {len(rows)} paths are not two or more, numbered from 1 on, each once"
        if not np.isfinite(rows.filter(regex="^day_").to_numpy()).all():
            return "a price is missing or is no number"
        return self._unlike_sessions(model[0], day, start)

    def _unlike_sessions(self, commodity: str, day: date, start: date) -> str:
        """How its days differ from the sessions here; empty if they do not."""
        dates = self._history(commodity).dates
        place = int(np.searchsorted(dates, np.datetime64(day)))
        if place == len(dates) or dates[place] != np.datetime64(day):
            return f"its cutoff is no session here: {self._way_to_prices(commodity)}"
        if place + 1 < len(dates) and dates[place + 1] != np.datetime64(start):
            return "it starts on another day than the session after its cutoff"
        return ""

    def _way_to_prices(self, commodity: str) -> str:
        """How the prices of a commodity are loaded."""
        if commodity in self.settings.commodities:
            return "load the prices first, by `forecast run`"
        return "configure the commodity first, and load its prices by `forecast run`"

    def _history(self, commodity: str) -> History:
        if commodity not in self._histories:
            self._histories[commodity] = self.store.prices.history(commodity)
        return self._histories[commodity]

    def _there(
        self, commodity: str, model_name: str, version: str
    ) -> dict[date, tuple[int, datetime]]:
        """The paths and the moment of each forecast of a model that the store has."""
        columns = ["data_cutoff_date", "n_paths", "generation_timestamp"]
        with self.store.reading() as tables:
            found = tables.read(LEDGER, columns, of(commodity, model_name, version))
        return {day: (count, moment) for day, count, moment in _tuples(found)}

    def _lose(self, model: tuple[str, str, str], reason: str, day: date, rows: int) -> None:
        """Refuse rows of a forecast."""
        lost = self._lost.setdefault((*model, reason), Lost())
        lost.rows += rows
        lost.days.append(day)

    def _write(self, model: tuple[str, str, str], rows: pd.DataFrame) -> None:
        """Write forecasts of a model; ``rows``: their paths, in order."""
        horizon, history = self.settings.horizon, self._history(model[0])
        days = [f"day_{k}" for k in range(1, horizon + 1)]
        first = rows.drop_duplicates("data_cutoff_date").reset_index(drop=True)
        counts = rows.groupby("data_cutoff_date").size().to_numpy()
        cutoffs = first.data_cutoff_date.dt.date.tolist()
        trained = first.training_date.dt.strftime("%Y-%m-%d")
        named = first.assign(
            model_version=model[2], model_id=f"{model[0]}_{model[1]}_" + trained + f"_{model[2]}"
        )
        ids = dict(zip(named.data_cutoff_date, named.model_id, strict=True))
        paths = rows.assign(model_version=model[2], model_id=rows.data_cutoff_date.map(ids))
        happened = named.assign(
            path_id=0, generation_timestamp=pd.Timestamp(self.at), is_actuals=True
        )
        happened[days] = Outcomes.after(history, cutoffs, horizon).as_paths
        ledger = named.assign(
            payload_sha256=PREDECESSOR,
            history_fingerprint=PREDECESSOR,
            n_paths=counts,
            created_by=IMPORTED_BY,
            cutoff_close=None,
            issued_at=pd.Timestamp(self.at),
        )
        parts = np.split(paths[days].to_numpy(np.float32), np.cumsum(counts)[:-1])
        tables = {
            PATHS: _as(PATHS, horizon, pd.concat([paths, happened])),
            POINTS: _as(POINTS, horizon, _points(named, parts)),
            LEDGER: _as(LEDGER, horizon, ledger),
        }
        where: list[Condition] = [*of(*model), *between(cutoffs)]
        write = TAKEN_FORECASTS.of(model[0], cutoffs=cutoffs)
        for name, count in self.store.moved.take(write, tables, where).items():
            self.done.of(name, model[0]).taken += count


def _newest(drawn: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The paths of the newest drawing of a forecast, and why there is none; empty if there is."""
    if drawn.empty:
        return drawn, "it has no paths"
    moments = drawn.generation_timestamp
    if moments.isna().any():
        return drawn, _unreadable(drawn) or "a path has no generation_timestamp"
    return drawn[moments == moments.max()], ""


def _unreadable(rows: pd.DataFrame) -> str:
    """Which cell of some rows cannot be read; empty if all can."""
    told = rows[UNREADABLE].dropna()
    return "" if told.empty else str(told.iloc[0])


def _issued(paths: pd.DataFrame) -> tuple[int, datetime]:
    """How many paths a forecast has, and when it was drawn."""
    return len(paths), paths.generation_timestamp.iloc[0]


def _points(named: pd.DataFrame, paths: Sequence[NDArray[np.float32]]) -> pd.DataFrame:
    """The numbers of forecasts, computed from the paths of each: (n_paths, horizon)."""
    found = []
    for head, prices in zip(named[FORECAST].to_dict("records"), paths, strict=True):
        numbers = points_of(in_order(prices[None])).columns
        ahead = np.arange(1, prices.shape[1] + 1, dtype=np.int32)
        found.append(
            pd.DataFrame({**head, "day_ahead": ahead, **{x: y[0] for x, y in numbers.items()}})
        )
    return pd.concat(found)


def _as(table: str, horizon: int, rows: pd.DataFrame) -> pa.Table:
    """Rows with the columns and types of a table."""
    schema = declared_tables(horizon)[table].plain_schema
    return pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)


def _tuples(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)

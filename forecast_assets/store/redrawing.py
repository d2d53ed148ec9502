"""Drawing forecasts again, exactly as they were drawn: those of now and superseded ones.

A forecast is drawn from its stored model and from the closes and covariates that were known when it
was drawn. All of these are kept, so the paths of superseded forecasts need not be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast_assets.errors import ForecastAssetsError
from forecast_assets.forecast.drawing import Broken, Loaded, attempted, drawn_paths
from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import PREDECESSOR, TrainedModel
from forecast_assets.store.contract import Condition, Reading
from forecast_assets.store.frames import frame
from forecast_assets.store.issued import Issued
from forecast_assets.store.ledger import PATHS, of
from forecast_assets.store.past_histories import PastHistories
from forecast_assets.store.saved_models import ModelStore

MODELS = "commodity.forecast.trained_models"
SUPERSEDED_POINTS = "commodity.forecast.superseded_point_forecasts"

AT_ONCE = 64
"""How many forecasts are drawn and compared at once: some 7 MB if they have 2,000 paths."""


@dataclass(frozen=True, eq=False)
class Redrawn:
    """A forecast that was drawn again: float32 paths, shape (n_paths, horizon), in order.

    ``paths`` is None if it cannot be drawn. ``problem``: why it cannot, or how its paths differ
    from what the tables hold of it; empty if they are the same, to the last bit.
    """

    issued: Issued
    paths: NDArray[np.float32] | None
    problem: str = ""

    def with_problem(self, problem: str) -> "Redrawn":
        """The same with a problem, or without if that is empty."""
        return replace(self, problem=problem)


@dataclass(frozen=True, eq=False)
class Redrawing:
    """Draws forecasts of one commodity again, and compares them with what the tables hold.

    ``tables``: as they are at one moment. ``horizon``: how many sessions a path has.
    """

    models: ModelStore
    tables: Reading
    past: PastHistories
    horizon: int
    _loaded: dict[tuple[str, str], Loaded | str] = field(default_factory=dict)

    @classmethod
    def over(cls, models: ModelStore, tables: Reading, commodity: str, horizon: int) -> "Redrawing":
        """That of a commodity, with all that was ever known of it."""
        return cls(models, tables, PastHistories.of(tables, commodity), horizon)

    def of(self, forecasts: Sequence[Issued]) -> Iterator[Redrawn]:
        """Draw forecasts of the commodity again, one result for each, in order of models."""
        by_model: dict[tuple[str, str], list[Issued]] = {}
        for each in sorted(forecasts):
            by_model.setdefault((each.model_name, each.model_version), []).append(each)
        for mine in by_model.values():
            for first in range(0, len(mine), AT_ONCE):
                some = mine[first : first + AT_ONCE]
                yield from sorted(self._compared(self._drawn(some)), key=lambda each: each.issued)

    def _drawn(self, forecasts: Sequence[Issued]) -> list[Redrawn]:
        """Draw; forecasts of the same payload and history are drawn together."""
        groups: dict[tuple[str, str, datetime, int], list[Issued]] = {}
        for each in forecasts:
            key = (each.model_id, each.payload_sha256, each.generation_timestamp, each.n_paths)
            groups.setdefault(key, []).append(each)
        return [drawn for group in groups.values() for drawn in self._of_group(group)]

    def _of_group(self, group: Sequence[Issued]) -> list[Redrawn]:
        first = group[0]
        loaded = self._model(first)
        if isinstance(loaded, str):
            return [Redrawn(each, None, loaded) for each in group]
        found = attempted(lambda: self._paths(loaded, group))
        if not isinstance(found, Broken):
            return [Redrawn(each, drawn) for each, drawn in zip(group, found, strict=True)]
        if len(group) > 1:
            return [drawn for each in group for drawn in self._of_group([each])]
        return [Redrawn(first, None, f"it cannot be drawn from what there is now: {found.reason}")]

    def _paths(self, loaded: Loaded, group: Sequence[Issued]) -> NDArray[np.float32]:
        """The paths of forecasts of one payload and moment. Raises what the model raises."""
        moment = group[0].generation_timestamp
        return drawn_paths(
            loaded,
            self.past.at(moment).select(loaded[1].covariates),
            [each.cutoff for each in group],
            group[0].n_paths,
            self.horizon,
            commodity=self.past.name_at(moment),
        )

    def _model(self, issued: Issued) -> Loaded | str:
        """The model of a forecast, active or not, or why it cannot be had."""
        key = (issued.model_id, issued.payload_sha256)
        if key not in self._loaded:
            self._loaded[key] = self._rebuilt(*key)
        return self._loaded[key]

    def _rebuilt(self, model_id: str, sha256: str) -> Loaded | str:
        rows = self.tables.read(
            MODELS, where=[("model_id", "=", model_id), ("payload_sha256", "=", sha256)]
        ).to_pylist()
        if sha256 == PREDECESSOR:
            return "it was taken over from another system, and its model is not here"
        problem = f"{MODELS} has no row of {model_id} with the payload {sha256}"
        for values in rows:
            row = TrainedModel(**values)
            try:
                return row, self.models.rebuild(row)
            except ForecastAssetsError as error:
                problem = f"its model cannot be rebuilt: {error}"
        return problem

    def _compared(self, drawn: Sequence[Redrawn]) -> Iterator[Redrawn]:
        """Say of each how it differs from what is kept: paths for those of now, else points."""
        present = [each for each in drawn if each.issued.superseded_at is None]
        past = [each for each in drawn if each.issued.superseded_at is not None]
        kept = self._kept(PATHS, present, "path_id", [("is_actuals", "=", False)])
        for each in present:
            mine = kept[kept.data_cutoff_date == np.datetime64(each.issued.cutoff)]
            yield each if each.paths is None else each.with_problem(unlike_paths(each.paths, mine))
        kept = self._kept(SUPERSEDED_POINTS, past, "day_ahead", [])
        for each in past:
            mine = kept[kept.data_cutoff_date == np.datetime64(each.issued.cutoff)]
            mine = mine[mine.revision == each.issued.revision]
            yield each if each.paths is None else each.with_problem(unlike_points(each.paths, mine))

    def _kept(
        self, table: str, drawn: Sequence[Redrawn], order: str, also: Sequence[Condition]
    ) -> pd.DataFrame:
        """What a table keeps of some forecasts of one model."""
        if not drawn:
            return pd.DataFrame({"data_cutoff_date": np.empty(0, "datetime64[us]")})
        issued = drawn[0].issued
        cutoffs = [each.issued.cutoff for each in drawn]
        where: list[Condition] = [
            *of(issued.commodity, issued.model_name, issued.model_version),
            ("data_cutoff_date", "in", cutoffs),
            ("data_cutoff_date", ">=", min(cutoffs)),
            ("data_cutoff_date", "<=", max(cutoffs)),
            *also,
        ]
        return frame(self.tables.read(table, where=where)).sort_values(order)


def unlike_paths(drawn: NDArray[np.float32], kept: pd.DataFrame) -> str:
    """How stored paths, rows in order of path_id, differ from those drawn; empty if they do not."""
    if not np.array_equal(kept.path_id, np.arange(1, len(drawn) + 1)):
        return f"{len(kept)} paths are stored where 1 to {len(drawn)} are due"
    stored = kept.filter(regex="^day_").to_numpy(np.float32)
    return _difference("prices of its paths", stored, drawn)


def unlike_points(drawn: NDArray[np.float32], kept: pd.DataFrame) -> str:
    """How stored points, rows in order of day_ahead, differ from those drawn; empty if not."""
    points = points_of(in_order(drawn[None])).columns
    if not np.array_equal(kept.day_ahead, np.arange(1, drawn.shape[1] + 1)):
        return f"{len(kept)} rows of its numbers are kept where {drawn.shape[1]} are due"
    stored = kept[list(points)].to_numpy(np.float64)
    return _difference("of its numbers", stored, np.stack([*points.values()], axis=-1)[0])


def _difference(what: str, stored: NDArray[Any], drawn: NDArray[Any]) -> str:
    """How many values differ in any bit, and by how much; empty if none does."""
    if stored.shape == drawn.shape and stored.tobytes() == drawn.tobytes():
        return ""
    if stored.shape != drawn.shape:
        return f"{stored.shape} {what} are stored where {drawn.shape} are due"
    differ = stored != drawn
    most = np.abs(stored.astype(np.float64) - drawn)[differ].max(initial=0.0)
    return (
        f"{differ.sum():,} of {differ.size:,} {what} are not those that are drawn again, by up to"
        f" {most:.3g}"
    )

"""Restoring: damaged paths and points are drawn again and put back, as they were issued."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

import numpy as np

from forecast_assets.configuration.settings import Settings
from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import Restoration
from forecast_assets.record import estimates, paths
from forecast_assets.record.issued import of_other_history
from forecast_assets.record.mending import RESTORE
from forecast_assets.record.rows import Rows
from forecast_assets.record.verification import of_blocks
from forecast_assets.store.contract import Store
from forecast_assets.store.issued import Issued
from forecast_assets.store.redrawing import Redrawing, Redrawn
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes

AT_ONCE = 200
"""So many forecasts are written in one transaction."""

Key = tuple[str, str, date | None]
"""Model, version and cutoff of a forecast."""


@dataclass(frozen=True, eq=False)
class Restored:
    """The forecasts that were put back, those that were ``sound``, and why others are as before."""

    forecasts: list[Issued] = field(default_factory=list)
    sound: list[Issued] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def restore(settings: Settings, store: Store, commodity: str, chosen: Iterable[Issued]) -> Restored:
    """Draw the chosen forecasts of now again, and put back what is damaged of them.

    A forecast whose fingerprint is not that of the history known then is left as it is, since what
    would be drawn is not what was issued.
    """
    done, present = Restored(), [each for each in chosen if each.superseded_at is None]
    with store.reading() as tables:
        rows = Rows(settings, store, tables, commodity)
        models = ModelStore.over(store, settings)
        drawing = Redrawing.over(models, tables, commodity, rows.horizon)
        due = list(_due(rows, drawing.of(present), done))
        history, horizon = rows.history, rows.horizon
    for _, alike in groupby(due, key=_model_of):
        mine = list(alike)
        for first in range(0, len(mine), AT_ONCE):
            some = mine[first : first + AT_ONCE]
            store.paths.restore(_restoration(some, history, horizon), now())
            done.forecasts.extend(each.issued for each in some)
    return done


def _due(rows: Rows, drawn: Iterable[Redrawn], done: Restored) -> Iterator[Redrawn]:
    """The forecasts to put back; the others are added to ``done``."""
    damaged, others = _damaged(rows), _of_other_history(rows)
    for each in drawn:
        issued = each.issued
        key = (issued.model_name, issued.model_version, issued.cutoff)
        named = f"{issued.commodity}: {' '.join(key[:2])} from {issued.cutoff}"
        if each.paths is None:
            done.problems.append(f"{named}: {each.problem}")
        elif not each.problem and key not in damaged:
            done.sound.append(issued)
        elif key in others:
            done.problems.append(f"{named}: the prices known when it was drawn are not there")
        else:
            yield each


def _damaged(rows: Rows) -> set[Key]:
    """The forecasts that have damage which restoring mends."""
    found = [
        *paths.of_counts(rows),
        *paths.of_outcomes(rows),
        *estimates.of_counts(rows),
        *of_blocks(rows),
    ]
    return {(x.model_name, x.model_version, x.day) for x in found if RESTORE in x.mended_by}


def _of_other_history(rows: Rows) -> set[Key]:
    found = of_other_history(rows, rows.ledger)
    return {
        (row.model_name, row.model_version, row.data_cutoff_date.date())
        for row in found.itertuples(index=False)
    }


def _model_of(drawn: Redrawn) -> tuple[str, str, int]:
    issued = drawn.issued
    return issued.model_name, issued.model_version, issued.n_paths


def _restoration(drawn: Sequence[Redrawn], history: History, horizon: int) -> Restoration:
    """Some forecasts of one model as they are put back."""
    first, days = drawn[0].issued, [each.issued.cutoff for each in drawn]
    sessions = set(history.dates.tolist())
    stacked = np.stack([each.paths for each in drawn if each.paths is not None])
    return Restoration(
        first.commodity,
        first.model_name,
        first.model_version,
        days,
        [each.issued.issued_at for each in drawn],
        stacked,
        points_of(in_order(stacked)),
        Outcomes.after(history, [day for day in days if day in sessions], horizon),
    )

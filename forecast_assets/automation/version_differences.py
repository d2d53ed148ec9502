"""What the configuration says otherwise than its model version was pinned to mean, for users."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from forecast_assets.automation.due import Ledger, due_windows, missing_forecasts, missing_models
from forecast_assets.automation.scope import EVERYTHING
from forecast_assets.automation.state import CommodityState
from forecast_assets.boundary import boundary
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.window import Window

DIFFERENCES_TOLD = 12
"""How many differences are told; a last one counts the rest."""


def version_lines(found: PinnedVersion, at: datetime) -> list[str]:
    """A line for each difference, and one that says what follows and how to decide.

    There are none if nothing differs. ``at``: the present moment, with a time zone.
    """
    if not found.in_force.differences:
        return []
    differences = found.differences
    told, more = differences[:DIFFERENCES_TOLD], len(differences) - DIFFERENCES_TOLD
    failures: list[str] = []
    count = would_redraw(found, at, failures)
    forecasts = f"{'at least ' if failures else ''}{count:,} past forecast{'s'[: count != 1]}"
    begin = f"model_version {found.version}"
    return [
        *(f"{begin}: {line}" for line in told),
        *([f"{begin}: {more} more differences"] if more > 0 else []),
        f"{begin} goes on with what it was trained with, and what was issued stays. With what the"
        f" configuration says {forecasts} would be drawn again: for that, give it a new"
        ' model_version, or call `forecast run --rewrite "the reason"`',
    ]


def would_redraw(found: PinnedVersion, at: datetime, failures: list[str]) -> int:
    """How many issued forecasts would be drawn again if the configured meaning were in force.

    They are those whose model would be fitted again, and those that would be due by themselves; not
    those that are due anyway. ``failures``: a line for each commodity that cannot be counted.
    """
    count, configured = 0, found.configured
    models = ModelStore.over(found.store, configured)
    for name in configured.commodities:
        with boundary(name, failures):
            begun = configured.windows.of(name, at)
            state = CommodityState(found.settings, models, begun, name, EVERYTHING)
            if len(state.held.history) == 0:
                continue
            for window in due_windows(found.settings, state.windows, state.held.history):
                count += _in_window(found, window, state.ledger)
    return count


def _in_window(found: PinnedVersion, window: Window, ledger: Ledger) -> int:
    """The same count for one window."""
    said, held = found.configured, found.settings
    anyway = missing_models(held, window, ledger)
    refitted = {*missing_models(said, window, ledger), *_read_otherwise(found, window.commodity)}
    due = missing_forecasts(held, window, ledger, recompute=False)
    due_by_itself = missing_forecasts(said, window, ledger, recompute=False)
    count = 0
    for name in ledger.models_of(window, held):
        if name in refitted and name not in anyway:
            issued = ledger.issued.of_model(name)
            count += int((issued.trained == np.datetime64(window.training_date)).sum())
        else:
            count += max(due_by_itself.get(name, 0) - due.get(name, 0), 0)
    return count


def _read_otherwise(found: PinnedVersion, commodity: str) -> Sequence[str]:
    """The models that use a covariate whose values the configuration gets in another way."""
    before, now = (x.commodity(commodity).covariates for x in (found.settings, found.configured))
    changed = {name for name in now if before.get(name) != now[name]}
    return [
        name
        for name, model in found.settings.models.items()
        if changed.intersection(found.settings.covariates_of(model, [*before, *now]))
    ]

"""Findings: the results of the checks of forecasts that run before a commit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ChecksFailed
from forecast_assets.forecast.forecasting import Forecasting
from forecast_assets.forecast.records import Draw
from forecast_assets.timeline.history import History

BLOCKING = {
    "path_count": "Every forecast has as many paths, and each as many sessions, as configured.",
    "no_null": "Every price of every path is a finite number.",
    "no_leakage": "No forecast starts before what it knows, or before its model's training date.",
}
"""The checks that prevent the commit of a partition, each with the rule that it checks."""

WARNING = {
    "spread_grows": "The 80 % interval is wider on the last session ahead than on the first.",
    "median_near_close": "The median stays within `checks.median_bound` of the last close.",
    "models_failed": "Every model that applies to the window has forecast it.",
}
"""The checks that only warn, each with the rule that it checks."""


@dataclass(frozen=True)
class Finding:
    """The result of a check in one partition; ``found``: a text for users."""

    check: str
    passed: bool
    found: str

    @property
    def blocks(self) -> bool:
        """Whether this finding prevents the commit of the partition."""
        return not self.passed and self.check in BLOCKING


def require_sound(findings: Sequence[Finding]) -> None:
    """Raise ChecksFailed if a finding prevents the commit."""
    if blocking := [f"{each.check}: {each.found}" for each in findings if each.blocks]:
        raise ChecksFailed(f"nothing was committed: {'; '.join(blocking)}")


def of_forecasting(settings: Settings, history: History, outcome: Forecasting) -> list[Finding]:
    """Check the draws for a window; the findings are in the order of BLOCKING and WARNING."""
    drawn, broken = outcome.drawn, [x for x in outcome.failures if not x.declined]
    wrong = {
        "path_count": [name_of(x) for x in outcome.draws if not _is_whole(settings, x)],
        "no_null": [name_of(x) for x in outcome.draws if not np.isfinite(x.paths).all()],
        "no_leakage": [leak for draw in outcome.draws for leak in _leaks(draw)],
        "spread_grows": [name for draw in outcome.draws for name in _narrowing(draw)],
        "median_near_close": [
            name
            for draw in outcome.draws
            for name in _far(draw, history, settings.checks.median_bound)
        ],
        "models_failed": [failure.reason for failure in broken],
    }
    return [
        Finding(check, not names, "; ".join(names[:5]) or f"{drawn} forecasts drawn")
        for check, names in wrong.items()
    ]


def name_of(draw: Draw) -> str:
    """The name of a draw's model in a finding."""
    return draw.model.model_name


def _is_whole(settings: Settings, draw: Draw) -> bool:
    return draw.paths.shape == (len(draw.cutoffs), settings.paths, settings.horizon)


def _leaks(draw: Draw) -> list[str]:
    model = draw.model
    trained = model.training_end_date < model.training_date
    return [
        f"{model.model_name}: {start} from {cutoff}"
        for cutoff, start in zip(draw.cutoffs, draw.starts, strict=True)
        if not (trained and cutoff < start and model.training_date <= start)
    ]


def _narrowing(draw: Draw) -> list[str]:
    lower, upper = draw.points.bounds(0.8)
    width = upper - lower
    return _named(draw, width[:, -1] <= width[:, 0]) if width.shape[1] > 1 else []


def _far(draw: Draw, history: History, bound: float) -> list[str]:
    closes = history.closes[history.positions(draw.cutoffs)][:, None]
    distance = np.abs(draw.points.median - closes).max(axis=1)
    return _named(draw, distance > bound * np.abs(closes[:, 0]))


def _named(draw: Draw, chosen: NDArray[np.bool_]) -> list[str]:
    days = [day for day, is_chosen in zip(draw.cutoffs, chosen, strict=True) if is_chosen]
    if not days:
        return []
    return [f"{draw.model.model_name}: {len(days)} forecasts, the first from {days[0]}"]

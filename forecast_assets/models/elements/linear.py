"""Linear models of the log price: their expectation, their errors and their impulse responses.

At every session such a model has an expectation of the next ones, and an error of the last one.
Its paths are the expectation plus new shocks, which act by the impulse responses. One pass over the
sample serves all origins of a window.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from forecast_assets.models.base import (
    FittedForecaster,
    ModelState,
    declined_nonpositive,
    require_no_declined,
)
from forecast_assets.models.elements.shocks import SavedShocks, ShockKind, Shocks
from forecast_assets.models.saved import Day, SavedState
from forecast_assets.models.simulation import Seeds, as_paths, linear_moves, prices
from forecast_assets.timeline.history import History

UNKNOWN = Shocks("gaussian", np.nan)
"""A placeholder for the shocks of a model that has not run over its sample yet."""

Linear = TypeVar("Linear", bound="FittedLinear")


@dataclass(frozen=True)
class Pass:
    """The result of one pass over n log prices.

    ``expected``: at each session, the expected log price of each session ahead minus the present
    one, shape (n, horizon). ``errors``: the log price of each session but the first, minus what was
    expected, shape (n - 1,).
    """

    expected: NDArray[np.float64]
    errors: NDArray[np.float64]


class SavedLinear(SavedState):
    """What the states of all linear models have."""

    sample_start: Day
    shocks: Annotated[SavedShocks, AfterValidator(SavedShocks.shocks)]


@dataclass(frozen=True, kw_only=True)
class FittedLinear(FittedForecaster):
    """A fitted linear model of the log price."""

    saved: ClassVar[type[SavedState]] = SavedLinear

    sample_start: date
    shocks: Shocks = UNKNOWN

    @abstractmethod
    def run(self, levels: NDArray[np.float64], horizon: int) -> Pass:
        """Pass over log prices, shape (n,), without changing the parameters."""

    @abstractmethod
    def responses(self, horizon: int) -> NDArray[np.float64]:
        """What a shock adds to the log prices of its own and later sessions, (horizon,)."""

    @abstractmethod
    def estimates(self) -> ModelState:
        """The estimates as arguments of the constructor."""

    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """The origins whose close is at or below zero."""
        return declined_nonpositive(history, origins)

    def draw(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw price paths, shape (n_origins, n_paths, horizon)."""
        require_no_declined(self, history, origins)
        sample = history.since(self.sample_start).known_at(max(origins)).positive()
        at = sample.positions(origins)
        done = self.run(np.log(sample.closes), horizon)
        moves = linear_moves(
            self.shocks.draw(seeds, horizon, n_paths),
            self.responses(horizon),
            self.shocks.scales(done.errors, at, horizon),
            done.expected[at],
        )
        return as_paths(prices(sample.closes[at], moves))

    def state(self) -> ModelState:
        """The estimates, the shocks, and the start of the sample."""
        return self.estimates() | {
            "sample_start": self.sample_start.isoformat(),
            "shocks": self.shocks.state(),
        }


def with_shocks(bare: Linear, levels: NDArray[np.float64], kind: ShockKind) -> Linear:
    """The model with shocks learnt from its errors on its sample; ``levels``: log prices."""
    return replace(bare, shocks=Shocks.fit(kind, bare.run(levels, horizon=1).errors))

"""Linear models of the log price: what is expected, how a shock spreads, and which shocks came.

A model says for every session what it expects of the next ones and where it was wrong; its paths
are the expectation plus new shocks through its impulse responses. All origins of a window follow
from one pass over the sample.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from datetime import date
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.models.base import (
    FittedForecaster,
    State,
    declined_nonpositive,
    require_no_declined,
)
from forecast_assets.models.elements.shocks import ShockKind, Shocks
from forecast_assets.models.simulation import Seeds, as_paths, linear_moves, prices
from forecast_assets.timeline.history import History

UNKNOWN = Shocks("gaussian", np.nan)
"""The shocks of a model that has not run over its sample yet."""

Linear = TypeVar("Linear", bound="FittedLinear")


@dataclass(frozen=True)
class Pass:
    """One pass over n log prices, known session by session.

    ``expected``: log price of each session ahead over the one at hand, shape (n, horizon).
    ``errors``: log price of each session but the first, less what was expected, shape (n - 1,).
    """

    expected: NDArray[np.float64]
    errors: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FittedLinear(FittedForecaster):
    """A linear model of the log price after fitting."""

    sample_start: date
    shocks: Shocks = UNKNOWN

    @abstractmethod
    def run(self, levels: NDArray[np.float64], horizon: int) -> Pass:
        """Run over log prices, shape (n,), with the parameters as they are."""

    @abstractmethod
    def responses(self, horizon: int) -> NDArray[np.float64]:
        """What a shock adds to the log price of its session and of later ones, (horizon,)."""

    @abstractmethod
    def estimates(self) -> State:
        """The estimates, as the constructor takes them."""

    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """Origins whose close has no logarithm."""
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

    def state(self) -> State:
        """Estimates, shocks, and where the sample starts."""
        return self.estimates() | {
            "sample_start": self.sample_start.isoformat(),
            "shocks": self.shocks.state(),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild from ``state()``."""
        rebuilt = {
            "sample_start": date.fromisoformat(state["sample_start"]),
            "shocks": Shocks.from_state(state["shocks"]),
        }
        return cls(**state | rebuilt)


def with_shocks(bare: Linear, levels: NDArray[np.float64], kind: ShockKind) -> Linear:
    """The model, its shocks learnt from its own errors on the log prices of its sample."""
    return replace(bare, shocks=Shocks.fit(kind, bare.run(levels, horizon=1).errors))

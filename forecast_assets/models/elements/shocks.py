"""Shocks: the moves that a model did not expect, and how new ones are drawn.

``gaussian``: independent normal shocks of one deviation. ``bootstrap``: past shocks, drawn one by
one (Efron 1979). ``blocks``: runs of past shocks as long as the horizon (Kuensch 1989). Each run is
divided by the volatility known before it and multiplied by the volatility known at the origin:
filtered historical simulation (Barone-Adesi, Giannopoulos and Vosper 1999). Runs keep the
dependence of volatility from session to session.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import AfterValidator, model_validator

from forecast_assets.errors import CannotForecast
from forecast_assets.models.base import ModelState
from forecast_assets.models.elements.volatility import SETTLING, SavedVolatility, Volatility
from forecast_assets.models.saved import Sample, SavedState, Variance
from forecast_assets.models.simulation import Blocks, Seeds, draw, standard_normal

ShockKind = Literal["gaussian", "bootstrap", "blocks"]

SIGNIFICANT = 6
"""Past shocks are stored with this many significant digits, so that a payload stays small."""


class SavedShocks(SavedState):
    """The state of shocks: past ones unless they are Gaussian, a volatility only for blocks."""

    kind: ShockKind
    deviation: Variance
    past: Sample
    volatility: Annotated[SavedVolatility, AfterValidator(SavedVolatility.volatility)] | None

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if (len(self.past) == 0) != (self.kind == "gaussian"):
            raise ValueError(f"{len(self.past)} past shocks are not of the kind {self.kind}")
        if (self.volatility is None) != (self.kind != "blocks"):
            raise ValueError("a volatility belongs to the kind blocks, and only to it")
        return self

    def shocks(self) -> "Shocks":
        """The shocks that were saved."""
        return Shocks(**self.values())


@dataclass(frozen=True)
class Shocks:
    """The past shocks of a fitted model, and how to draw new ones.

    ``deviation``: standard deviation of a shock over the sample. ``past``: shape (n,), empty for
    Gaussian shocks. ``volatility``: only for blocks.
    """

    kind: ShockKind
    deviation: float
    past: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), compare=False)
    volatility: Volatility | None = None

    @classmethod
    def fit(cls, kind: ShockKind, shocks: NDArray[np.float64]) -> Self:
        """Learn from a model's errors on its sample, shape (n,)."""
        deviation = float(shocks.std())
        if kind == "gaussian":
            return cls(kind, deviation)
        past = rounded(shocks - shocks.mean())
        return cls(kind, deviation, past, Volatility.fit(past) if kind == "blocks" else None)

    @property
    def parameters(self) -> dict[str, float]:
        """The deviation of a shock, and the volatility's parameters by name."""
        if self.volatility is None:
            return {"deviation": self.deviation}
        state = {name: x for name, x in self.volatility.state().items() if x is not None}
        return {"deviation": self.deviation} | state

    def scales(
        self, shocks: NDArray[np.float64], at: NDArray[np.intp], horizon: int
    ) -> NDArray[np.float64]:
        """A shock's deviation at each session ahead of each origin, shape (n_origins, horizon).

        ``at``: how many of ``shocks`` are known at each origin, shape (n_origins,).
        """
        if self.volatility is None:
            return np.full((len(at), horizon), self.deviation)
        return self.volatility.ahead(self.volatility.known(shocks)[at], horizon)

    def draw(self, seeds: Seeds, horizon: int, n_paths: int) -> Blocks:
        """Draw shocks in units of their deviation, shape (n_origins, horizon, n_paths)."""
        if self.kind == "gaussian":
            return standard_normal(seeds, horizon, n_paths)
        return draw(seeds, horizon, n_paths, self._filler(horizon))

    def _filler(self, horizon: int) -> Callable[[Generator, Blocks], object]:
        if self.volatility is None:
            pool = (self.past / self.deviation).astype(np.float32)
            return lambda rng, block: np.take(
                pool, rng.integers(len(pool), size=block.shape, dtype=np.uint32), out=block
            )
        runs = np.ascontiguousarray(self.runs(horizon).T.astype(np.float32))
        return lambda rng, block: np.take(
            runs,
            rng.integers(runs.shape[1], size=block.shape[1], dtype=np.uint32),
            axis=1,
            out=block,
        )

    def runs(self, horizon: int) -> NDArray[np.float64]:
        """All runs of past shocks, divided by the volatility expected before: shape (n, horizon).

        The first ``SETTLING`` runs are left out, but at most half of all. Raises CannotForecast if
        there is no run as long as the horizon.
        """
        if self.volatility is None:
            raise ValueError(f"{self.kind} shocks have no runs")
        if len(self.past) < horizon:
            raise CannotForecast(
                f"runs of {horizon} past shocks are asked for, and {len(self.past)} are known:"
                " raise training.min_observations"
            )
        settled = min(SETTLING, (len(self.past) - horizon) // 2)
        runs = sliding_window_view(self.past, horizon)[settled:]
        known = self.volatility.known(self.past)[settled : settled + len(runs)]
        scaled: NDArray[np.float64] = runs / self.volatility.ahead(known, horizon)
        scaled -= scaled.mean()
        return scaled

    def state(self) -> ModelState:
        """The shocks as plain JSON values."""
        return {
            "kind": self.kind,
            "deviation": self.deviation,
            "past": self.past.tolist(),
            "volatility": self.volatility.state() if self.volatility else None,
        }


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round values to ``SIGNIFICANT`` digits."""
    return np.array([float(f"{value:.{SIGNIFICANT}g}") for value in values.tolist()])

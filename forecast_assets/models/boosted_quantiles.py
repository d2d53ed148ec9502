"""Gradient-boosted quantile regression on past volatility and covariates, by LightGBM.

Koenker and Bassett (1978), Regression Quantiles; Ke et al. (2017), LightGBM. For each of LEARNED
one booster predicts that quantile of the log return over h sessions, in units of the volatility
at the origin times sqrt(h); h is a regressor like any other. Returns are nearly unpredictable,
so the boosters are few shallow trees with large leaves: they start at the quantiles of the whole
sample and move only a little from there. The quantiles of an origin and session are sorted and
interpolated to a whole distribution. Paths take its values in the order of past blocks of returns.

LightGBM is loaded when a model is fitted or simulated, not before: it is slow to import, and the
package works without it.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from forecast_assets.errors import CannotFit, CannotForecast, Declined, MissingExtra
from forecast_assets.models.base import (
    FitMetrics,
    FittedForecaster,
    Forecaster,
    ModelState,
    declined_nonpositive,
    log_sample,
    require_no_declined,
)
from forecast_assets.models.elements.booster_text import check_booster
from forecast_assets.models.elements.quantile_function import quantile_function
from forecast_assets.models.elements.regressors import LAG_NAMES, LOOKBACK, Regressors, outcomes
from forecast_assets.models.elements.shuffle import Ranks, drawn_orders, ranks_of
from forecast_assets.models.saved import (
    MOST_COVARIATES,
    CovariateName,
    Day,
    Sample,
    SavedState,
)
from forecast_assets.models.simulation import Seeds, as_paths, prices
from forecast_assets.timeline.history import History

LEARNED = np.array([0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99])
"""The probabilities whose quantiles are predicted."""

RETURN_DECIMALS = 8
"""Log returns are kept to this many decimals, so that a payload stays small."""

LEAST_ORIGINS = 100
"""A fit needs this many origins with a known outcome at every session ahead."""

SMALLEST_LEAF = 0.05
"""A leaf must hold this share of the rows, since rows overlap and few of them are independent."""

LONGEST_HORIZON, MOST_TREES = 60, 1000
"""The most sessions ahead, and the most trees of a booster."""

BOOSTING = {
    "objective": "quantile",
    "num_leaves": 4,
    "learning_rate": 0.05,
    "max_bin": 63,
    "seed": 1,
    "verbosity": -1,
    # One thread gives the same bytes on every machine.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}
"""The settings of all boosters, by LightGBM's names."""


def lightgbm() -> Any:
    """Import LightGBM at first use. Raises MissingExtra if it is not installed."""
    try:
        return import_module("lightgbm")
    except (ImportError, OSError) as error:
        raise MissingExtra(needs_extra(str(error))) from error


def needs_extra(reason: str) -> str:
    """The reason with a hint on how to install LightGBM."""
    return f"boosted_quantiles needs LightGBM ({reason}): pip install 'forecast_assets[ml]'"


@dataclass(frozen=True, eq=False)
class Boosters:
    """The fitted boosters, one for each level, in LightGBM's own text format."""

    texts: tuple[str, ...]

    @cached_property
    def loaded(self) -> list[Any]:
        """The boosters as LightGBM's objects. Raises MissingExtra or CannotForecast."""
        library = lightgbm()
        try:
            return [library.Booster(model_str=text) for text in self.texts]
        except library.basic.LightGBMError as error:
            raise CannotForecast(f"LightGBM does not read a stored booster: {error}") from error

    @classmethod
    def fit(
        cls, rows: NDArray[np.float64], targets: NDArray[np.float64], trees: int
    ) -> tuple[Self, NDArray[np.float64]]:
        """Fit a booster for every level; also return each column's share of the gain, shape (k,).

        ``rows``: shape (n_rows, k), NaN where a value is missing. ``targets``: shape (n_rows,). The
        gain is the improvement of the loss by all splits.
        """
        library = lightgbm()
        settings = BOOSTING | {"min_data_in_leaf": max(1, int(SMALLEST_LEAF * len(rows)))}
        table = library.Dataset(rows, targets, params=settings, free_raw_data=False)
        fitted = [
            library.train(settings | {"alpha": level}, table, num_boost_round=trees)
            for level in LEARNED
        ]
        gains = sum(booster.feature_importance("gain") for booster in fitted)
        shares = gains / max(gains.sum(), np.finfo(np.float64).tiny)
        return cls(tuple(booster.model_to_string() for booster in fitted)), shares

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles at LEARNED of each row, sorted so that none cross, (n_rows, n_levels)."""
        by_level = [booster.predict(rows, num_threads=1) for booster in self.loaded]
        return np.sort(np.column_stack(by_level), axis=1)


class SavedBoostedQuantiles(SavedState):
    """The state of the boosters and of the sample that orders paths."""

    horizon: int = Field(ge=1, le=LONGEST_HORIZON)
    trees: int = Field(ge=1, le=MOST_TREES)
    feature_names: Annotated[
        list[CovariateName], Field(max_length=MOST_COVARIATES), AfterValidator(tuple)
    ]
    sample_start: Day
    shares: Sample
    returns: Sample
    boosters: Annotated[list[str], Field(min_length=len(LEARNED), max_length=len(LEARNED))]

    @model_validator(mode="after")
    def _together(self) -> Self:
        columns = 1 + len(LAG_NAMES) + len(self.feature_names)
        if len(self.shares) != columns:
            raise ValueError(f"{len(self.shares)} shares, allowed: one for each of {columns}")
        least = LOOKBACK + self.horizon
        if len(self.returns) < least:
            raise ValueError(f"{len(self.returns)} returns, allowed: {least} or more")
        for text in self.boosters:
            check_booster(text, columns, self.trees)
        return self

    def values(self) -> dict[str, Any]:
        """The checked values by name."""
        return super().values() | {"boosters": Boosters(tuple(self.boosters))}


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedBoostedQuantiles(FittedForecaster):
    """Quantiles of standardized log returns by session ahead, and past returns that order paths.

    ``returns``: log returns of the sample, shape (n - 1,); blocks of them give paths their
    dependence from session to session. ``shares``: the share of each column in the boosters' gain,
    for session, lags and covariates. ``horizon``: sessions ahead that it was trained for.
    """

    name: ClassVar[str] = "boosted_quantiles"
    saved: ClassVar[type[SavedState]] = SavedBoostedQuantiles

    horizon: int
    trees: int
    feature_names: tuple[str, ...]
    sample_start: date
    shares: NDArray[np.float64]
    returns: NDArray[np.float64]
    boosters: Boosters

    @property
    def covariates(self) -> tuple[str, ...]:
        """The columns of ``History.features`` that the model uses, in their order."""
        return self.feature_names

    @property
    def parameters(self) -> dict[str, float]:
        """The numbers of trees, levels and sessions ahead, and the gain's share by regressor."""
        columns = ("session", *LAG_NAMES, *self.feature_names)
        shares = {f"share_{name}": float(s) for name, s in zip(columns, self.shares, strict=True)}
        return {
            "trees": float(self.trees),
            "levels": float(len(LEARNED)),
            "horizon": float(self.horizon),
        } | shares

    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """Origins whose close is at or below zero, or whose look-back is too short."""
        reasons = declined_nonpositive(history, origins)
        rest = [day for day in origins if day not in reasons]
        sample = history.since(self.sample_start).positive()
        before = dict(zip(rest, sample.positions(rest), strict=True))
        short = [day for day in rest if before[day] < LOOKBACK]
        reasons |= dict.fromkeys(short, f"fewer than {LOOKBACK + 1} sessions up to it")
        rest = [day for day in rest if day not in reasons]
        if rest:
            still = self.regressors(history, rest).volatility <= 0
            flat = f"the price did not move in {LOOKBACK} sessions"
            reasons |= {day: flat for day, flag in zip(rest, still, strict=True) if flag}
        return reasons

    def regressors(self, history: History, origins: list[date]) -> Regressors:
        """The regressors at each origin, from what was known there."""
        view = history.select(self.feature_names)
        sample = view.since(self.sample_start).known_at(max(origins)).positive()
        returns = np.diff(np.log(sample.closes))
        return Regressors.at(returns, sample.features, sample.positions(origins))

    @cached_property
    def ranks(self) -> Ranks:
        """The ranks of the sample's blocks at each session ahead, shape (horizon, n_blocks)."""
        positions = np.arange(LOOKBACK, len(self.returns) - self.horizon + 1)
        no_covariates = np.empty((len(self.returns) + 1, 0))
        scale = Regressors.at(self.returns, no_covariates, positions).scale(self.horizon)
        moved = scale[:, 0] > 0
        blocks = outcomes(self.returns, positions, self.horizon)
        return ranks_of(blocks[moved] / scale[moved])

    def quantiles(self, history: History, origins: list[date], horizon: int) -> NDArray[np.float64]:
        """Quantiles at LEARNED of the log return from each origin to each session ahead.

        Shape (n_origins, horizon, n_levels). Raises CannotForecast for an origin that the model
        declines, and for a horizon longer than it was trained for.
        """
        if horizon > self.horizon:
            raise CannotForecast(
                f"{history.commodity}: {self.name} was trained for {self.horizon} sessions ahead"
                f" and asked for {horizon}: raise its option `horizon` and train again"
            )
        require_no_declined(self, history, origins)
        known = self.regressors(history, origins)
        standardized = self.boosters.predict(known.rows(horizon))
        by_origin = standardized.reshape(len(origins), horizon, len(LEARNED))
        return by_origin * known.scale(horizon)[:, :, None]

    def draw(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw price paths, shape (n_origins, n_paths, horizon).

        A session's prices are its quantiles at the middles of ``n_paths`` equal probabilities.
        """
        quantiles = self.quantiles(history, origins, horizon)
        probabilities = (np.arange(n_paths) + 0.5) / n_paths
        moves = np.empty((len(origins), horizon, n_paths), dtype=np.float32)
        for block, predicted, seed in zip(moves, quantiles, seeds, strict=True):
            orders = drawn_orders(np.random.default_rng(seed), self.ranks[:horizon], n_paths)
            lowest_first = quantile_function(LEARNED, predicted, probabilities)
            np.put_along_axis(block, orders, lowest_first.astype(np.float32), axis=1)
        return as_paths(prices(history.closes[history.positions(origins)], moves))

    def state(self) -> ModelState:
        """The boosters' texts, the horizon and columns of their training, and the returns."""
        return {
            "horizon": self.horizon,
            "trees": self.trees,
            "feature_names": list(self.feature_names),
            "sample_start": self.sample_start.isoformat(),
            "shares": self.shares.tolist(),
            "returns": self.returns.tolist(),
            "boosters": list(self.boosters.texts),
        }


class BoostedQuantiles(Forecaster):
    """Gradient-boosted quantiles of the log return over each number of sessions."""

    name: ClassVar[str] = "boosted_quantiles"
    fitted = FittedBoostedQuantiles
    positive_only: ClassVar[bool] = True
    takes_missing: ClassVar[bool] = True

    horizon: int = Field(
        14, ge=1, le=LONGEST_HORIZON, description="Sessions ahead that it is trained for."
    )
    trees: int = Field(40, ge=1, le=MOST_TREES, description="Trees of each quantile's booster.")
    features: str | None = Field(None, description="Feature set whose covariates it uses.")

    @property
    def feature_set(self) -> str | None:
        """The name of the configuration's feature set that the model uses, or None."""
        return self.features

    @property
    def reach(self) -> int:
        """The horizon that the model is trained for."""
        return self.horizon

    @model_validator(mode="after")
    def _installed(self) -> Self:
        if find_spec("lightgbm") is None:
            raise MissingExtra(needs_extra("it is not installed"))
        return self

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedBoostedQuantiles:
        """Fit one booster for each level, on all origins and sessions ahead with a known outcome.

        With a feature set, all columns of ``history.features`` are regressors. Raises Declined if
        too many closes are at or below zero or the history is too short, CannotFit if LightGBM
        raises, MissingExtra if it is not installed.
        """
        names = () if self.features is None else sorted(history.feature_names)
        sample = log_sample(history.select(names), self.name)
        returns: NDArray[np.float64] = np.diff(np.log(sample.closes)).round(RETURN_DECIMALS)
        rows, targets = self.training_rows(sample, returns)
        try:
            boosters, shares = Boosters.fit(rows, targets, self.trees)
        except lightgbm().basic.LightGBMError as error:
            raise CannotFit(
                f"{history.commodity}: {self.name} cannot be fitted on the {len(history)}"
                f" sessions up to {history.newest}: {error}"
            ) from error
        return FittedBoostedQuantiles(
            horizon=self.horizon,
            trees=self.trees,
            feature_names=sample.feature_names,
            sample_start=sample.first,
            shares=shares,
            returns=returns,
            boosters=boosters,
            metrics=FitMetrics(iterations=self.trees),
        )

    def training_rows(
        self, history: History, returns: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The regressors (n_rows, k) and standardized log returns (n_rows,) of known outcomes.

        ``returns``: log returns, shape (n - 1,). Raises Declined if they are too few.
        """
        least = LOOKBACK + LEAST_ORIGINS + self.horizon
        if len(history) < least:
            raise Declined(
                f"{history.commodity}: {self.name} needs {least} sessions, found {len(history)}"
                f" up to {history.newest}"
            )
        positions = np.arange(LOOKBACK, len(returns))
        known = Regressors.at(returns, history.features, positions)
        scale = known.scale(self.horizon).ravel()
        moves = outcomes(returns, positions, self.horizon).ravel()
        usable = np.isfinite(moves) & (scale > 0)
        return known.rows(self.horizon)[usable], moves[usable] / scale[usable]

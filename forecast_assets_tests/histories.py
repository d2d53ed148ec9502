"""Closes drawn from a named seed, and files that hold them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from forecast_assets.timeline.history import History


def closes(sessions: int, seed: int = 1, volatility: float = 0.02) -> np.ndarray:
    """A geometric random walk from 50."""
    returns = np.random.default_rng(seed).standard_normal(sessions) * volatility
    walk: np.ndarray = 50 * np.exp(np.cumsum(returns))
    return walk


def make_history(
    sessions: int = 700, seed: int = 1, commodity: str = "Coffee", first: str = "2018-01-01"
) -> History:
    """Closes on every weekday from ``first`` on."""
    days = np.busday_offset(np.datetime64(first), np.arange(sessions), roll="forward")
    return History(commodity, days, closes(sessions, seed))


def with_features(history: History, names: tuple[str, ...] = ("rain", "vix")) -> History:
    """The same closes beside covariates that wander, each from a seed of its own name."""
    columns = [closes(len(history), seed=sum(name.encode()), volatility=0.05) for name in names]
    return replace(history, features=np.column_stack(columns), feature_names=names)


def write_covariate(path: Path, history: History, name: str, column: str = "close") -> None:
    """A CSV file that a covariate can be read from: its values, dated as the sessions are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = history.features[:, history.feature_names.index(name)]
    pd.DataFrame({"date": history.dates, column: values}).to_csv(path, index=False)


def write_prices(path: Path, history: History) -> None:
    """A CSV file that a file source can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"date": history.dates, "close": history.closes}).to_csv(path, index=False)

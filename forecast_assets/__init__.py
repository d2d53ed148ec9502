r"""The distribution of the next prices, for every commodity and every session.

::

    price sources        prices                (commodity)
                           |
    covariate files      features              (commodity)
                           |
                     trained_models            (commodity x training date)
                           |
                     distributions             (the same partitions)
                           |
                        scores                 (the same partitions)
                      /         \
            leaderboard   published_distributions
                      \         /
                        report                 (one page)

A partition ``Coffee|2024-01-01`` is a window. Its models are fitted on what was known before
2024-01-01, and used for every forecast that starts in [2024-01-01, next training date).

For notebooks: ``from forecast_assets import Reader, load_model, save_model``; for those of Spark
``load_model_spark``, ``register_spark`` and ``save_model_spark``. Each name is imported at first
use, so that reading a table loads neither Dagster nor a model's library, nor Spark.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast_assets.store.in_spark import (
        load_model_spark,
        register_spark,
        save_model_spark,
    )
    from forecast_assets.store.reader import Reader
    from forecast_assets.store.saved_models import load_model, save_model

__all__ = [
    "Reader",
    "load_model",
    "load_model_spark",
    "register_spark",
    "save_model",
    "save_model_spark",
]

HOMES = {
    "Reader": "forecast_assets.store.reader",
    "load_model": "forecast_assets.store.saved_models",
    "load_model_spark": "forecast_assets.store.in_spark",
    "register_spark": "forecast_assets.store.in_spark",
    "save_model": "forecast_assets.store.saved_models",
    "save_model_spark": "forecast_assets.store.in_spark",
}
"""The module that defines each public name."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in HOMES:
        raise AttributeError(f"module 'forecast_assets' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)

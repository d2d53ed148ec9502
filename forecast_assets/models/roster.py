"""The roster: all models that a configuration can name, and their plain JSON form."""

from dataclasses import replace
from typing import Any

from forecast_assets.errors import SchemaTooNew, UnknownModel
from forecast_assets.models.arima import Arima111
from forecast_assets.models.arima_auto import ArimaAuto
from forecast_assets.models.base import FittedForecaster, Forecaster, ModelState
from forecast_assets.models.boosted_quantiles import BoostedQuantiles
from forecast_assets.models.ensemble import Ensemble
from forecast_assets.models.ets import Ets
from forecast_assets.models.garch import Garch
from forecast_assets.models.naive import Naive
from forecast_assets.models.random_walk import RandomWalk
from forecast_assets.models.reverting_volatility import RevertingVolatility
from forecast_assets.models.sarimax import Sarimax
from forecast_assets.models.theta import Theta

ROSTER: dict[str, type[Forecaster]] = {
    model.name: model
    for model in (
        Naive,
        RandomWalk,
        Arima111,
        ArimaAuto,
        Ets,
        Theta,
        Garch,
        RevertingVolatility,
        Sarimax,
        BoostedQuantiles,
        Ensemble,
    )
}


def forecaster_class(name: str) -> type[Forecaster]:
    """The class of the model called ``name``. Raises UnknownModel, which lists all models."""
    if name not in ROSTER:
        raise UnknownModel(f"no model is called {name!r}; known: {', '.join(sorted(ROSTER))}")
    return ROSTER[name]


def dump(model: FittedForecaster) -> dict[str, Any]:
    """Convert a fitted model to plain JSON values: its name, schema version, state and stretch."""
    document = {
        "model": model.name,
        "schema_version": model.schema_version,
        "state": model.state(),
    }
    return document | ({"stretch": list(model.stretch)} if model.stretch else {})


def load(document: dict[str, Any]) -> FittedForecaster:
    """Rebuild a model from the result of ``dump``, migrating an older schema version by version.

    Raises UnknownModel and SchemaTooNew.
    """
    fitted = forecaster_class(document["model"]).fitted
    version: int = document["schema_version"]
    if version > fitted.schema_version:
        raise SchemaTooNew(
            f"{fitted.name} was saved with schema version {version}, this release reads up to"
            f" {fitted.schema_version}: install the newer forecast_assets, or train under another"
            " model_version"
        )
    state: ModelState = document["state"]
    for older in range(version, fitted.schema_version):
        state = fitted.migrations[older](state)
    model = fitted.from_state(state)
    return replace(model, stretch=tuple(document.get("stretch", ())))

"""The roster: all models that a configuration can name, and their plain JSON form."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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
from forecast_assets.models.saved import SavedState, checked
from forecast_assets.models.theta import Theta
from forecast_assets.models.tick import Tick

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


LONGEST_STRETCH = 250
"""Most sessions ahead that have a factor of their own."""

MOST_STRETCHED = 10.0
"""Largest factor by which paths may be stretched."""


def forecaster_class(name: str) -> type[Forecaster]:
    """The class of the model called ``name``. Raises UnknownModel, which lists all models."""
    if name not in ROSTER:
        raise UnknownModel(f"no model is called {name!r}; known: {', '.join(sorted(ROSTER))}")
    return ROSTER[name]


def dump(model: FittedForecaster) -> dict[str, Any]:
    """Convert a fitted model to plain JSON values, from which ``load`` rebuilds it.

    They are its name, schema version and state, and its stretch and tick if it has them.
    """
    document = {
        "model": model.name,
        "schema_version": model.schema_version,
        "state": model.state(),
    }
    stretch = {"stretch": list(model.stretch)} if model.stretch else {}
    return document | stretch | ({} if model.tick is None else {"tick": model.tick})


Stretch = Annotated[float, Field(gt=0, le=MOST_STRETCHED)]


class Head(BaseModel):
    """What says how to read the rest of a payload."""

    model_config = ConfigDict(strict=True)

    model: str = Field(max_length=100)
    schema_version: int = Field(ge=1)


class Document(SavedState):
    """A payload as a whole; ``stretch`` and ``tick`` are left out if the model has none."""

    model: str
    schema_version: int
    state: dict[str, Any]
    stretch: Annotated[list[Stretch], AfterValidator(tuple)] = Field(
        default_factory=list, min_length=1, max_length=LONGEST_STRETCH
    )
    tick: Tick | None = None


def load(document: Any) -> FittedForecaster:
    """Rebuild a model from the result of ``dump``, migrating an older schema version by version.

    Raises UnknownModel, SchemaTooNew, or PayloadCorrupted for a document that is of no model.
    """
    head = checked(Head, document, "the payload")
    fitted = forecaster_class(head.model).fitted
    if head.schema_version > fitted.schema_version:
        raise SchemaTooNew(
            f"{fitted.name} was saved with schema version {head.schema_version}, this release reads"
            f" up to {fitted.schema_version}: install the newer forecast_assets, or train under"
            " another model_version"
        )
    found = checked(Document, document, f"{fitted.name}: its payload")
    state: ModelState = found.state
    for older in range(head.schema_version, fitted.schema_version):
        state = fitted.migrations[older](state)
    return replace(fitted.from_state(state), stretch=tuple(found.stretch), tick=found.tick)

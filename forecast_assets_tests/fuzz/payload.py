"""Stored models: of any bytes a model is made and drawn from, or there is a failure of that model.

What the store's door lets in is drawn from, as a run draws from it.
"""

import hashlib
import json
import random
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import PayloadCorrupted
from forecast_assets.forecast.forecasting import Asked, Views, agenda, draw_model, nobody_looks
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.payloads import parsed
from forecast_assets.forecast.records import TrainedModel
from forecast_assets.forecast.staleness import are_stale
from forecast_assets.models.base import FittedForecaster
from forecast_assets.models.roster import ROSTER
from forecast_assets.store.payloads import NOT_REBUILT, model_of
from forecast_assets.timeline.window import Window
from forecast_assets_tests.histories import make_history, with_features
from forecast_assets_tests.records import model

HISTORY = with_features(make_history(600))
TRAINED = date(2020, 1, 1)

LONGEST = 3
"""Sessions ahead that are drawn: those of the booster in the corpus, which refuses more."""

ODD: list[Any] = [
    *(0, 1, -1, 2, 5, 60, 250, 10**6, 2**63, -(10**400), 0.0, -0.0, 0.5, 1.5, 1e-300, 1e6, -1e6),
    *(1e308, None, True, "", "x", "blocks", "none", "damped", "2018-01-01", "9999-12-31"),
    *([], {}, [[]], [0.0], [1e6] * 40, {"a": 1}),
]
"""Values that stand in for others."""


@cache
def configured() -> Settings:
    """A configuration with few and short paths."""
    source = {"type": "landing"}
    return Settings.model_validate(
        {
            "model_version": "v1.0",
            "training": {"start": TRAINED},
            "models": ["naive"],
            "paths": 20,
            "horizon": LONGEST,
            "commodities": {"Coffee": {"unit": "USc/lb", "source": source}},
        }
    )


@cache
def window() -> Window:
    """The window that is drawn."""
    return next(x for x in configured().windows.of("Coffee") if x.training_date == TRAINED)


def row_of(data: bytes) -> TrainedModel:
    """A row that says of its payload what the payload says of itself."""
    try:
        said = parsed(data)
    except (PayloadCorrupted, RecursionError):
        said = {}
    name, version = said.get("model"), said.get("schema_version")
    return replace(
        model(name if isinstance(name, str) and name in ROSTER else "naive"),
        training_date=TRAINED,
        training_end_date=date(2019, 12, 31),
        payload_schema_version=version if isinstance(version, int) else 1,
        payload_sha256=hashlib.sha256(data).hexdigest(),
        model_size_bytes=len(data),
    )


def take(data: bytes) -> None:
    """Rebuild a model from bytes, and draw from it."""
    row = row_of(data)
    try:
        rebuilt = model_of(row, data)
    except NOT_REBUILT:
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        drawn(row, rebuilt)


def drawn(row: TrainedModel, rebuilt: FittedForecaster) -> list[str]:
    """Draw as a run does: there are finite paths, or failures that name the model.

    Returns the reasons of the failures.
    """
    settings = configured()
    origins = window().origins(HISTORY, settings.commodity("Coffee").calendar)[:2]
    nothing = IssuedForecasts.of([])
    stale = are_stale(nothing, HISTORY)
    todo = agenda(settings, origins, row, nothing, stale, HISTORY.newest, recompute=False)
    asked = Asked(settings, window(), origins, Views(HISTORY), False, False, nobody_looks)
    draw, failures = draw_model(asked, HISTORY, (row, rebuilt), todo, HISTORY)
    assert draw is None or np.isfinite(draw.paths).all()
    assert draw is not None or failures
    assert all(row.model_name in failure.reason for failure in failures)
    return [failure.reason for failure in failures]


def mutate(data: bytes, size: int, seed: int) -> bytes:
    """Put something odd in a place of the document, or change its bytes."""
    from atheris import Mutate  # only the process that fuzzes has it

    chance = random.Random(seed)  # noqa: S311 - no secret
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    places = list(_places(document))
    if not places or chance.random() < 0.2:
        return bytes(Mutate(data, size))
    inside, key = chance.choice(places)
    old = inside[key]
    if isinstance(old, str) and chance.random() < 0.7:
        inside[key] = bytes(Mutate(old.encode(), len(old) + 20)).decode("latin-1")
    elif isinstance(old, float) and chance.random() < 0.5:
        inside[key] = old * chance.choice([-1, 0.5, 2, 10, 1e3])
    elif isinstance(old, list) and chance.random() < 0.3:
        inside[key] = old * 2 if chance.random() < 0.5 else old[:1]
    elif isinstance(inside, dict) and chance.random() < 0.2:
        del inside[key]
    else:
        inside[key] = chance.choice(ODD)
    return json.dumps(document).encode()[:size]


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """All places of a document: what holds a value, and its key; of long lists only the first."""
    if isinstance(document, dict):
        items: list[Any] = list(document.items())
    else:
        items = list(enumerate(document[:3])) if isinstance(document, list) else []
    for key, value in items:
        yield document, key
        yield from _places(value)

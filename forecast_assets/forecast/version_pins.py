"""Pins: what a model version was promised to mean, revision by revision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise
from typing import Literal

import numpy as np

from forecast_assets.configuration.version_meaning import VersionMeaning
from forecast_assets.forecast.forecasting import Forecasting
from forecast_assets.forecast.issued_forecasts import IssuedForecasts

PinKind = Literal["first", "taken over", "added", "rewrite"]

FIRST = "first training"
TAKEN_OVER = "taken over from stored models"
REWRITE = "rewrite"
"""What a forecast that a rewrite replaces has among the reasons why it was replaced."""


@dataclass(frozen=True)
class Pin:
    """A row of ``versions``: see docs/tables.md for each column."""

    model_version: str
    revision: int
    kind: PinKind
    reason: str
    meaning: VersionMeaning
    pinned_at: datetime
    pinned_by: str


def rewritten(pins: Sequence[Pin], commodity: str) -> dict[str, datetime]:
    """When each model was given another meaning for a commodity for the last time, if ever.

    ``pins``: all revisions of a version, in order.
    """
    found = {}
    for before, after in pairwise(pins):
        if after.kind == "rewrite":
            names = before.meaning.models_unlike(after.meaning, commodity)
            found.update(dict.fromkeys(names, after.pinned_at))
    return found


def as_rewrites(
    outcome: Forecasting, issued: IssuedForecasts, since: Mapping[str, datetime]
) -> Forecasting:
    """The same draws; those that replace a forecast from before a rewrite of its model say so.

    ``issued``: the forecasts that the tables hold. ``since``: as from ``rewritten``.
    """
    draws = []
    for draw in outcome.draws:
        name, older = draw.model.model_name, set[date]()
        if name in since:
            held = issued.of_model(name)
            older = set(held.cutoffs[held.drawn_at < np.datetime64(since[name])].tolist())
        why = {
            day: f"{REWRITE}, {usual}" if day in older else usual for day, usual in draw.why.items()
        }
        draws.append(replace(draw, why=why))
    return replace(outcome, draws=draws)

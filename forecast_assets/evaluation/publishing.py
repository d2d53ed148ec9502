"""Publishing: choosing which of a date's forecasts downstream programs receive."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import pandas as pd

from forecast_assets.configuration.sections import Publish
from forecast_assets.configuration.settings import Settings
from forecast_assets.evaluation.evaluation import Tolerance, as_of
from forecast_assets.evaluation.records import Publication
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.models.naive import Naive

NONE_CALIBRATED = "no model was known to be calibrated yet"
NONE_COMPARED = "no skill is known: the version has no forecasts of naive to compare with"

Offers = Mapping[date, Sequence[str]]
"""The models that have a forecast, by cutoff."""


def publications(
    settings: Settings, issued: Iterable[IssuedForecast], records: pd.DataFrame
) -> list[Publication]:
    """What is published of a commodity and version, in order of dates.

    The choice at a cutoff uses only the records of forecasts whose last session is not after it.
    ``records``: see ``evaluation``.
    """
    rule = settings.publish
    offers: dict[date, list[str]] = {}
    for name, cutoff in sorted(IssuedForecasts.of(issued).keys, key=lambda each: each[1]):
        if rule.models is None or name in rule.models:
            offers.setdefault(cutoff, []).append(name)
    if rule.rule == "fixed":
        return [
            Publication(day, name, "named in the configuration")
            for day, names in offers.items()
            for name in sorted(names)
        ]
    best = best_of(records, offers, tolerance_of(settings))
    compared = records.empty or (records.model_name == Naive.name).any()
    why = NONE_CALIBRATED if compared else NONE_COMPARED
    return [best.get(day) or _fallback(settings, day, names, why) for day, names in offers.items()]


def tolerance_of(settings: Settings) -> Tolerance:
    """The configured limits within which a model counts as calibrated."""
    return Tolerance(**settings.calibration.model_dump())


def best_of(records: pd.DataFrame, offers: Offers, tolerance: Tolerance) -> dict[date, Publication]:
    """By cutoff, the calibrated model with the best skill; cutoffs without one are left out."""
    standings = as_of(records, list(offers), tolerance)
    calibrated = standings[(standings.calibration == "calibrated") & standings.skill.notna()]
    ranked = calibrated.sort_values(["date", "skill"], ascending=[True, False], kind="stable")
    best: dict[date, Publication] = {}
    rows = zip(ranked.date.dt.date, ranked.model_name, ranked.skill, ranked.forecasts, strict=True)
    for day, name, skill, forecasts in rows:
        if day not in best and name in offers[day]:
            reason = (
                f"best skill of the calibrated models: {100 * skill:.1f} % over the {forecasts:,}"
                " forecasts whose outcome was known"
            )
            best[day] = Publication(day, name, reason)
    return best


def _fallback(settings: Settings, day: date, names: Sequence[str], why: str) -> Publication:
    rule: Publish = settings.publish
    order = [rule.fallback, *(rule.models or settings.models), *names]
    name = next(name for name in order if name in names)
    return Publication(day, name, why)

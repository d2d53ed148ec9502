"""Training one window: a pure function of configuration, history and what is there already."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from forecast_assets.configuration import Settings
from forecast_assets.errors import CannotFit, Declined, MissingCovariate
from forecast_assets.history import History
from forecast_assets.model_store import canonical_json
from forecast_assets.models.base import FittedForecaster, Forecaster
from forecast_assets.partitions import Window
from forecast_assets.store.contract import ModelFailure, TrainedModel

NUMERICAL_ERRORS = (ArithmeticError, ValueError, RuntimeError)
"""What numerical libraries raise on data that they cannot handle."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A model that was fitted now, and how."""

    forecaster: Forecaster
    model: FittedForecaster
    training_start: date
    seconds: float


@dataclass(frozen=True, eq=False)
class Training:
    """What became of a window's roster.

    ``kept``: rows with the same options and data, not fitted again. ``not_due``: why the window
    needs no model at all, or None.
    """

    history: History
    fits: list[Fit] = field(default_factory=list)
    kept: list[TrainedModel] = field(default_factory=list)
    failures: list[ModelFailure] = field(default_factory=list)
    not_due: str | None = None


def not_due(settings: Settings, window: Window, history: History) -> str | None:
    """Why a window has nothing to train or forecast, or None when it has."""
    known = len(history.known_before(window.training_date))
    least = settings.training.min_observations
    if known < least:
        return (
            f"{window.commodity}: {known} sessions before {window.training_date},"
            f" {least} needed (training.min_observations)"
        )
    calendar = settings.commodity(window.commodity).calendar
    if not window.origins(history, calendar):
        return f"{window.commodity}: no session in the window, the newest is {history.newest}"
    return None


def is_current(row: TrainedModel, forecaster: Forecaster, history: History) -> bool:
    """Whether a stored model has these options and was fitted on this very history.

    ``history`` has the covariates of the model and no other.
    """
    same_options = row.options == canonical_json(forecaster.model_dump()).decode()
    return same_options and row.data_fingerprint == history.fingerprint


def train_window(
    settings: Settings, window: Window, history: History, known: Sequence[TrainedModel]
) -> Training:
    """Fit the roster on what was known before the window, but for what ``known`` has already.

    A model that cannot be fitted is a failure by name; the others go on.
    """
    if reason := not_due(settings, window, history):
        return Training(history.known_before(window.training_date), not_due=reason)
    training = Training(history.known_before(window.training_date))
    stored = {row.model_name: row for row in known}
    for name, forecaster in settings.models.items():
        try:
            sample = training.history.select(settings.covariates_of(forecaster))
            if name in stored and is_current(stored[name], forecaster, sample):
                training.kept.append(stored[name])
                continue
            training.fits.append(fit(forecaster, sample, settings))
        except MissingCovariate as error:
            training.failures.append(ModelFailure(name, f"{window.key}: {name}: {error}"))
        except CannotFit as error:
            declined = isinstance(error, Declined)
            training.failures.append(ModelFailure(name, f"{window.key}: {error}", declined))
        except NUMERICAL_ERRORS as error:
            reason = f"{window.key}: {name} broke down: {type(error).__name__}: {error}"
            training.failures.append(ModelFailure(name, reason))
    return training


def fit(forecaster: Forecaster, history: History, settings: Settings) -> Fit:
    """Fit one model on its sample of the history. Raises CannotFit or Declined.

    A log model's sample begins after the last close at or below zero, and a sample with covariates
    after the last session at which one of them was not known.
    """
    sample = history.since_nonpositive() if forecaster.positive_only else history
    least = settings.training.min_observations
    if len(sample) < least:
        bad = history.dates[len(history) - len(sample) - 1]
        close = history.closes[len(history) - len(sample) - 1]
        raise Declined(
            f"{forecaster.name} works on logarithms and the close of {bad} is {close:g}: only"
            f" {len(sample)} sessions since, {least} needed (naive and random_walk have a"
            " difference form)"
        )
    sample = require_covariates(sample, least)
    began = time.perf_counter()
    model = forecaster.fit(sample)
    return Fit(forecaster, model, sample.first, time.perf_counter() - began)


def require_covariates(sample: History, least: int) -> History:
    """The sessions since every covariate was known. Raises MissingCovariate for too few."""
    known = sample.since_missing()
    if len(known) == len(sample) or len(known) >= least:
        return known
    last = len(sample) - len(known) - 1
    name = sample.feature_names[int(np.flatnonzero(np.isnan(sample.features[last]))[0])]
    raise MissingCovariate(
        f"{sample.commodity}: nothing was known of the covariate {name} on {sample.dates[last]}:"
        f" only {len(known)} sessions since, {least} needed"
        f" (commodities.{sample.commodity}.covariates.{name}: its file, or fill_days)"
    )

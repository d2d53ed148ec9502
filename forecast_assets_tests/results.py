"""Results of a run, made up without running anything."""

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from forecast_assets.automation.results import (
    FeaturesJoined,
    FilesLanded,
    Model,
    PricesLanded,
    PricesRead,
    WindowForecast,
    WindowScored,
    WindowTrained,
)
from forecast_assets.forecast.forecasting import Reissue
from forecast_assets.forecast.records import ModelFailure
from forecast_assets.market.features import Features
from forecast_assets.market.observations import Observations
from forecast_assets.market.reception import Received
from forecast_assets.market.records import FeatureChanges, PriceChanges
from forecast_assets.market.rows import Rejection
from forecast_assets.timeline.window import Window
from forecast_assets_tests.histories import make_history

WINDOW = Window("Coffee", date(2020, 1, 1), date(2020, 4, 1))
HISTORY = make_history(30)
BROKEN = ModelFailure("garch", "Coffee|2020-01-01: garch: no convergence")
DECLINED = ModelFailure("theta", "Coffee|2020-01-01: theta: below zero", declined=True, origins=2)
MODEL = Model("naive", 522, date(2018, 1, 1), date(2019, 12, 31), 0.5, 1934, ("odd",), {"mu": 0.25})


def refusal(line: int, rule: str = "not a number", commodity: str = "Coffee") -> Rejection:
    return Rejection(commodity, "Coffee.csv", line, "close", "x", rule)


def observations(*refused: Rejection, notes: tuple[str, ...] = ()) -> Observations:
    prices = pd.DataFrame({"date": [], "close": []})
    return Observations("Coffee", "Coffee.csv", prices, list(refused), notes=list(notes))


def prices_read(*refused: Rejection, changes: PriceChanges | None = None) -> PricesRead:
    changes = changes or PriceChanges(3, 2, 1, 24, 0)
    return PricesRead(observations(*refused, notes=("a footer",)), changes, HISTORY)


def prices_landed(*refused: Rejection, files: int = 2) -> PricesLanded:
    return PricesLanded(observations(*refused), PriceChanges(5, 0, 0, 0, 0), HISTORY, files)


def files_landed(*received: Received, unfinished: int = 0) -> FilesLanded:
    return FilesLanded(received, unfinished)


def features_joined(*refused: Rejection, missing: dict[str, str] | None = None) -> FeaturesJoined:
    features = Features(
        "Coffee", HISTORY.dates, [], missing or {}, list(refused), ["left out"], ["no value"]
    )
    return FeaturesJoined(features, FeatureChanges(4, 3, 2, 1))


def trained(fitted: int = 0, kept: int = 0, *failures: ModelFailure) -> WindowTrained:
    models = [replace(MODEL, name=f"model_{place}") for place in range(fitted + kept)]
    return WindowTrained(WINDOW, "v1.0", models[:fitted], models[fitted:], list(failures), 522)


def forecast(*failures: ModelFailure, **counts: Any) -> WindowForecast:
    made = WindowForecast(
        window=WINDOW,
        model_version="v1.0",
        history=HISTORY,
        rows=200,
        changed=True,
        origins=12,
        n_paths=20,
        drawn=10,
        redrawn=4,
        kept=7,
        stale_cutoffs=[date(2024, 1, 2)],
        moved=2,
        withdrawn=3,
        elsewhere=0,
        outcomes=5,
        reissues=[Reissue("naive", date(2020, 2, 10), 100.0, 101.0)],
        failures=list(failures),
    )
    return replace(made, **counts)


def scored(number: int = 6) -> WindowScored:
    return WindowScored(WINDOW, "v1.0", number, kept=5, waiting=4, gone=3)

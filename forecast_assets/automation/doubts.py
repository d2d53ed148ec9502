"""Doubts: why a forecast should not be trusted, by two rules, told in the same words everywhere.

A forecast is *stale* if its history was revised after it was made (``forecast.staleness``). Prices
or forecasts are *old* if no new price has come although sessions have passed
(``automation.freshness``).
"""

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import MissingCovariate
from forecast_assets.forecast.forecasting import Views
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.forecast.staleness import is_stale
from forecast_assets.store.contract import Store


def stale_forecasts(settings: Settings, store: Store, name: str) -> list[IssuedForecast]:
    """The stale forecasts of a commodity and of the models in the roster.

    Those of a model whose covariates are lacking now cannot be told and are left out.
    """
    with store.reading():  # opens the tables once
        views = Views(store.features.read(store.prices.history(name)))
        issued = store.paths.issued(name, settings.model_version)
    stale = []
    for model in {each.model_name for each in issued} & settings.models.keys():
        try:
            prints = views.offered(settings, model)
        except MissingCovariate:
            continue
        stale += [x for x in issued if x.model_name == model and is_stale(x, prints)]
    return sorted(stale, key=lambda each: (each.data_cutoff_date, each.model_name))

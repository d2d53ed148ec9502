"""Comparing two forecasts of a commodity: choosing them, and reading what the tables say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from forecast_assets.automation.doubts import stale_forecasts
from forecast_assets.configuration.settings import Settings
from forecast_assets.evaluation.comparison import Comparison, Statement
from forecast_assets.evaluation.records import Publication
from forecast_assets.store.contract import Store
from forecast_assets.store.statements import statement


def compare(
    settings: Settings, store: Store, name: str, earlier: Publication, newest: Publication
) -> Comparison:
    """What two forecasts of a commodity say, and why it differs.

    The publications need not be in the tables; their model and cutoff name the forecasts. Raises
    ModelNotFound if one of these is not in the tables.
    """
    with store.reading():  # opens the tables once
        stale = {
            (each.model_name, each.data_cutoff_date)
            for each in stale_forecasts(settings, store, name)
        }

        def read(of: Publication) -> Statement:
            model, cutoff = of.model_name, of.data_cutoff_date
            with store.reading() as tables:
                found = statement(tables, name, model, settings.model_version, cutoff)
            return replace(found, is_stale=(model, cutoff) in stale)

        return Comparison(read(earlier), read(newest))


def earlier_of(shelf: Sequence[Publication], newest: Publication, day: date) -> Publication | None:
    """The last publication before the newest whose cutoff is ``day`` or before; None without any.

    Of several from one cutoff it is that of the newest one's model, or else the first by name.
    """
    there = [x for x in shelf if x.data_cutoff_date <= day < newest.data_cutoff_date]
    if not there:
        return None
    cutoff = max(each.data_cutoff_date for each in there)
    of_day = [each for each in there if each.data_cutoff_date == cutoff]
    return min(of_day, key=lambda each: (each.model_name != newest.model_name, each.model_name))


def of_model(settings: Settings, store: Store, name: str, model: str) -> list[Publication]:
    """All forecasts of one model, as if they were published, in order of cutoffs."""
    issued = store.paths.issued(name, settings.model_version)
    return [Publication(x.data_cutoff_date, model, "") for x in issued if x.model_name == model]

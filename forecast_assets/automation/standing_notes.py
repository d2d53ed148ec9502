"""Standing notes: what users should know as long as tables, files and day stay as they are."""

from datetime import datetime

from forecast_assets.automation.doubts import doubts
from forecast_assets.automation.renaming import departures
from forecast_assets.automation.waiting import held_files, to_know
from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.market.landing import LandingFolder
from forecast_assets.store.contract import Store


def standing_notes(
    settings: Settings, store: Store, names: list[str], at: datetime, broken: list[str]
) -> list[str]:
    """Lines on what users should know although nothing failed; the report shows them at its top.

    They say what is stale or old, why a commodity has no window to train or forecast, what in its
    prices needs a look, what waits for a decision, and which commodities are no longer configured.
    If a commodity raises an error, ``broken`` gets a line. ``at``: the present moment, in UTC.
    """
    lines: list[str] = []
    for name in names:
        with boundary(name, broken), store.reading():  # the file is opened once for all of it
            lines += [each.line for each in doubts(settings, store, name, at)]
            lines += to_know(settings, store, store.prices.history(name), at)
    with boundary("landing", broken):
        lines += held_files(LandingFolder(settings))
    return [*lines, *departures(settings, store)]

"""``forecast show``: the newest forecast of a commodity, as a table with a fan beside it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich.console import Console

from forecast_assets.automation.doubts import doubts, looked_through, revisions_of
from forecast_assets.automation.waiting import to_know
from forecast_assets.cli.console import note, write
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.errors import ModelNotFound
from forecast_assets.forecast.records import Fan
from forecast_assets.report.terminal import fan_table
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store
from forecast_assets.store.paths import Paths
from forecast_assets.store.reader import Reader
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History


def show_newest(
    console: Console, commodity: str, model: str | None, model_version: str | None
) -> None:
    """Print the newest published forecasts, or the newest of one model."""
    settings = load_settings().of_run(model_version, None)
    unit, store = settings.commodity(commodity).unit, open_store(settings)
    reader = Reader.of_configuration()
    history = reader.prices(commodity)
    for line in to_know(settings, store, history, now()):
        note(console, line)
    told = [each.line for each in doubts(settings, store, commodity, now())]
    for line in told:
        note(console, line)
    for newest in newest_of(reader, commodity, model, settings.model_version):
        lines = [f"{commodity}: {line}" for line in revised(settings, store, newest)]
        show_forecast(console, newest, history, unit, [x for x in lines if x not in told])


def show_forecast(
    console: Console, paths: Paths, history: History, unit: str, notes: Sequence[str] = ()
) -> None:
    """Print the first forecast of some paths: what it is, notes on it, and the table with its fan.

    ``history``: the closes as they are now.
    """
    cutoff, start, used = paths.cutoffs[0].item(), paths.starts[0].item(), paths.closes[0].item()
    fan = Fan(cutoff, start, paths.prices[0], None if np.isnan(used) else used)
    close = fan.opens_at(history)
    write(
        console,
        f"{paths.commodity}, {paths.model_name} {paths.model_version}: {close:g} {unit} on"
        f" {cutoff}, and the sessions from {start} on",
    )
    for line in notes:
        note(console, line)
    console.print(fan_table(fan, unit, close, console.width))


def revised(settings: Settings, store: Store, newest: Paths) -> list[str]:
    """A line if the forecast is stale, with the closes that were revised; otherwise empty."""
    name, (cutoff,) = newest.commodity, newest.cutoffs.tolist()
    history, stale = looked_through(settings, store, name)
    return revisions_of(settings, store, history, stale, [(newest.model_name, cutoff)])


def newest_of(reader: Reader, commodity: str, model: str | None, version: str) -> list[Paths]:
    """The newest published forecasts, or the newest of one model."""
    if model is None:
        newest = reader.newest_published(commodity)
        published = [paths for paths in newest if paths.model_version == version]
        if not published:
            raise ModelNotFound(
                f"{commodity}: nothing of {version} is published: run `forecast report`, or name a"
                " --model"
            )
        return published
    known = reader.models()
    known = known[(known.commodity == commodity) & (known.model_name == model)]
    last = known[known.model_version == version].last_forecast_start_date.max()
    day = None if pd.isna(last) else last.date()
    return [reader.paths(commodity, model, version, day, day)]

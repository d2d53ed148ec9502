"""``forecast show --against``: the newest forecast of a commodity laid over an earlier one."""

from datetime import date
from pathlib import Path

from rich.console import Console

from forecast_assets.automation.doubts import doubts_of, looked_through
from forecast_assets.cli.console import note, write
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.errors import ConfigurationError, ModelNotFound
from forecast_assets.evaluation.comparison import Comparison
from forecast_assets.evaluation.records import Publication
from forecast_assets.report.briefing import newest_of
from forecast_assets.report.comparing import Comparing, earlier_of
from forecast_assets.report.comparison_table import comparison_table
from forecast_assets.report.page import decimals
from forecast_assets.report.plots import laid_over
from forecast_assets.store.contract import Store
from forecast_assets.store.frames import frame
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.clock import now


def show_against(
    console: Console,
    commodity: str,
    model: str | None,
    model_version: str | None,
    day: date,
    picture: Path | None,
) -> None:
    """Print both forecasts by session, by how much the median moved, and why; write a picture.

    Without a model they are the published ones.
    """
    settings = load_settings().of_run(model_version, None)
    unit, store = settings.commodity(commodity).unit, open_store(settings)
    with store.reading():  # opens the tables once
        history, stale = looked_through(settings, store, commodity)
        known = doubts_of(settings, store, history, stale, now())
        earlier, newest = chosen(settings, store, commodity, model, day)
        found = Comparing(store, commodity, settings.model_version, stale).compare(earlier, newest)
    for doubt in known:
        note(console, doubt.line)
    tell(console, commodity, unit, found)
    if earlier.data_cutoff_date != day:
        cutoff = earlier.data_cutoff_date
        note(console, f"{commodity}: none is from {day}; the last one before it is from {cutoff}")
    if not found.targets:
        note(console, f"{commodity}: they have no session in common")
        return
    console.print(comparison_table(found, decimals(history), console.width))
    if moved := found.moved(unit):
        write(console, moved)
    for cause in found.causes:
        write(console, f"- {cause.kind}: {cause.found}")
    if picture is not None:
        picture.write_bytes(laid_over(history, found, unit).png)
        write(console, f"Picture: {picture}")


def tell(console: Console, commodity: str, unit: str, found: Comparison) -> None:
    """Print which forecasts are compared, and in which unit."""
    models = [found.newest.model, found.earlier.model]
    by = models[0] if models[0] == models[1] else f"{models[0]}, and before by {models[1]}"
    write(
        console,
        f"{commodity}, by {by}: the forecast from {found.newest.cutoff} over that from"
        f" {found.earlier.cutoff}, in {unit}",
    )


def chosen(
    settings: Settings, store: Store, commodity: str, model: str | None, day: date
) -> tuple[Publication, Publication]:
    """The forecast from a day or the last before it, and the newest one.

    Raises ModelNotFound if there is none, and ConfigurationError for a day that is not before the
    newest forecast's cutoff.
    """
    version = settings.model_version
    shelf = store.publications.find(commodity, version)
    if model is not None:
        issued = store.paths.issued(commodity, version).of_model(model)
        shelf = [Publication(day, model, "") for day in issued.cutoffs.tolist()]
    ranked = frame(store.leaderboard.read())
    mine = ranked[(ranked.commodity == commodity) & (ranked.model_version == version)]
    newest = newest_of(shelf, mine.sort_values("place").model_name.tolist())
    if newest is None:
        raise ModelNotFound(
            f"{commodity}: there is no {'published ' if model is None else ''}forecast of"
            f" {version if model is None else f'{model} {version}'}"
        )
    if day >= newest.data_cutoff_date:
        raise ConfigurationError(
            f"--against {day}: allowed: a day before {newest.data_cutoff_date}, from which the"
            " newest forecast is"
        )
    earlier = earlier_of(shelf, newest, day)
    if earlier is None:
        first = shelf[0].data_cutoff_date
        raise ModelNotFound(f"{commodity}: no forecast is from {day} or before: {first} is first")
    return earlier, newest

"""``forecast redraw --restore``: damaged paths and points, drawn again as they were issued."""

from datetime import date

from rich.console import Console

from forecast_assets.cli.console import write
from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import ModelNotFound, StoreError
from forecast_assets.record.restoring import restore
from forecast_assets.store.issued import all_issued
from forecast_assets.store.opening import open_store


def restore_forecasts(
    console: Console,
    commodity: str,
    cutoff: date | None,
    model_name: str | None,
    model_version: str | None,
) -> None:
    """Put back what is damaged of the forecasts of now, and print what was done.

    Raises ModelNotFound if there is no such forecast, and StoreError if one cannot be put back.
    """
    settings = load_settings()
    store = open_store(settings)
    with store.reading() as tables:
        chosen = all_issued(
            tables, commodity, model_name=model_name, model_version=model_version, cutoff=cutoff
        )
    if not chosen:
        raise ModelNotFound(f"{commodity}: nothing like that was issued")
    done = restore(settings, store, commodity, chosen)
    for each in done.forecasts:
        named = f"{each.model_name} {each.model_version} from {each.cutoff}"
        write(console, f"{commodity}: {named}: put back as it was issued")
    put_back, sound = len(done.forecasts), len(done.sound)
    write(console, f"{commodity}: {put_back:,} forecasts put back, {sound:,} were sound")
    for problem in done.problems:
        write(console, problem, "red")
    if done.problems:
        raise StoreError(f"{commodity}: {len(done.problems)} forecasts could not be put back")

"""``forecast status``: what the tables hold for each commodity, and what failed."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from forecast_assets.automation.due import due_windows
from forecast_assets.automation.standing_notes import standing_notes
from forecast_assets.automation.version_differences import version_lines
from forecast_assets.boundary import boundary
from forecast_assets.cli.console import cell, note, write
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.forecast.records import RecordedFailure
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.clock import now


def show_status(console: Console, commodity: list[str] | None, model_version: str | None) -> None:
    """Print a table of the commodities that are asked for, and a line for each failure."""
    settings = load_settings()
    names = commodities(settings, commodity)
    version = settings.version(model_version)
    broken: list[str] = []
    store = open_store(settings)
    console.print(overview(store, settings, names, version, broken))
    version_of = PinnedVersion.of(settings.of_run(version, None), store)
    notes = version_lines(version_of, datetime.now(UTC))
    for each in [*notes, *standing_notes(settings, store, names, now(), broken)]:
        note(console, each)
    for failure in failures_of(store, settings, names, version, broken):
        write(console, line(failure))
    for each in dict.fromkeys(broken):
        write(console, f"failed: {each}", "red")


def commodities(settings: Settings, names: list[str] | None) -> list[str]:
    """The commodities that are asked for, or all. Raises ConfigurationError for an unknown one."""
    for name in names or []:
        settings.commodity(name)
    return list(dict.fromkeys(names or settings.commodities))


def overview(
    store: Store, settings: Settings, names: list[str], version: str, broken: list[str]
) -> Table:
    """By commodity: newest price and forecast, windows trained, forecasts, models failed.

    If a commodity raises an error, its row has only its name, and ``broken`` gets a line.
    """
    table = Table(title=cell(f"model version {version}"))
    for heading in ("commodity", "newest price", "newest forecast", "windows trained"):
        table.add_column(heading)
    for heading in ("models", "forecasts", "failed", "declined"):
        table.add_column(heading, justify="right")
    for name in names:
        cells = ["cannot be told"]
        with boundary(name, broken), store.reading():  # the file is opened once for all of it
            cells = cells_of(settings, store, name, version)
        table.add_row(*map(cell, (name, *cells)))
    return table


def cells_of(settings: Settings, store: Store, name: str, version: str) -> list[str]:
    """The cells of a commodity's row, without its name."""
    history = store.prices.history(name)
    models = store.models.find(name, model_version=version)
    issued = store.paths.issued(name, version)
    recorded = [x for x in store.failures.find(name, version) if x.model_name in settings.models]
    windows = due_windows(settings, settings.windows.of(name), history)
    trained = {row.training_date for row in models} & {x.training_date for x in windows}
    newest = f"{history.closes[-1]:g} on {history.newest}" if len(history) else "none"
    return [
        f"{newest} ({settings.commodities[name].unit})" if len(history) else newest,
        str(issued.starts.max()) if len(issued) else "none",
        f"{len(trained)} of {len(windows)}",
        str(len(models)),
        f"{len(issued):,}",
        str(sum(not failure.declined for failure in recorded)),
        str(sum(failure.declined for failure in recorded)),
    ]


def failures_of(
    store: Store, settings: Settings, names: list[str], version: str, broken: list[str]
) -> list[RecordedFailure]:
    """The recorded failures of some commodities, for models that are still in the roster.

    If a commodity raises an error, ``broken`` gets a line.
    """
    recorded = []
    for name in names:
        with boundary(name, broken):
            recorded += store.failures.find(name, version)
    return [failure for failure in recorded if failure.model_name in settings.models]


def line(failure: RecordedFailure) -> str:
    """A failure in one line."""
    return f"{'declined' if failure.declined else 'failed'}: {failure.reason}"

"""``forecast status``: what the tables hold of each commodity, and what failed."""

from rich.console import Console
from rich.table import Table

from forecast_assets.configuration import Settings, load_settings
from forecast_assets.due import due_windows
from forecast_assets.partitions import Partitions
from forecast_assets.store.contract import RecordedFailure
from forecast_assets.store.duckdb import DuckDBStore


def show_status(console: Console, commodity: list[str] | None, model_version: str | None) -> None:
    """Print the table of the commodities asked for, and a line for each failure."""
    settings = load_settings()
    names = commodities(settings, commodity)
    version = settings.version(model_version)
    console.print(overview(settings, names, version))
    for failure in (x for name in names for x in failures_of(settings, name, version)):
        console.print(line(failure), soft_wrap=True, markup=False, highlight=False)


def commodities(settings: Settings, names: list[str] | None) -> list[str]:
    """The commodities asked for, or all. Raises ConfigurationError for an unknown one."""
    for name in names or []:
        settings.commodity(name)
    return list(dict.fromkeys(names or settings.commodities))


def overview(settings: Settings, names: list[str], version: str) -> Table:
    """Per commodity: newest price and forecast, windows trained, forecasts, models failed."""
    store = DuckDBStore.of(settings)
    table = Table(title=f"model version {version}")
    for heading in ("commodity", "newest price", "newest forecast", "windows trained"):
        table.add_column(heading)
    for heading in ("models", "forecasts", "failed", "declined"):
        table.add_column(heading, justify="right")
    for name in names:
        history = store.prices.history(name)
        models = store.models.find(name, model_version=version)
        issued = store.paths.issued(name, version)
        failures = failures_of(settings, name, version)
        windows = due_windows(settings, Partitions(settings).windows_of(name), history)
        trained = {row.training_date for row in models} & {x.training_date for x in windows}
        newest = f"{history.closes[-1]:g} on {history.newest}" if len(history) else "none"
        starts = [forecast.forecast_start_date for forecast in issued]
        table.add_row(
            name,
            f"{newest} ({settings.commodities[name].unit})" if len(history) else newest,
            str(max(starts)) if starts else "none",
            f"{len(trained)} of {len(windows)}",
            str(len(models)),
            f"{len(issued):,}",
            str(sum(not failure.declined for failure in failures)),
            str(sum(failure.declined for failure in failures)),
        )
    return table


def failures_of(settings: Settings, name: str, version: str) -> list[RecordedFailure]:
    """What is absent for a commodity, of the models that the roster still names."""
    recorded = DuckDBStore.of(settings).failures.find(name, version)
    return [failure for failure in recorded if failure.model_name in settings.models]


def line(failure: RecordedFailure) -> str:
    """A failure in one line."""
    return f"{'declined' if failure.declined else 'failed'}: {failure.reason}"

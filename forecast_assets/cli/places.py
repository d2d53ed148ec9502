"""``forecast where``: the three places, why they are used, and what is wrong with them."""

import typer
from rich.console import Console

from forecast_assets.cli.console import rows_in, write, write_error
from forecast_assets.configuration.document import read_document
from forecast_assets.configuration.home import (
    CONFIGURATION,
    DAGSTER,
    DATA,
    Places,
    configuration_path,
    rule,
)
from forecast_assets.errors import ConfigurationError


def show_places(console: Console) -> None:
    """Print a line for each place, then a line for each thing that is wrong.

    Exits with 1 if the configuration or the data folder cannot be used.
    """
    places = Places.here()
    named = {
        CONFIGURATION: ("configuration", places.configuration),
        DATA: ("data", places.data),
        DAGSTER: ("Dagster's home", places.dagster),
    }
    for variable, (name, path) in named.items():
        write(console, f"{name:<15} {path} ({rule(variable)})")
    wrong = False
    for look in (
        lambda: read_document(configuration_path()),
        lambda: places.require_data(made=False),
        lambda: places.require_dagster(),
    ):
        try:
            look()
        except ConfigurationError as error:
            write_error(console, error)
            wrong = True
    for line in places.elsewhere(rows_in):
        write(console, f"warning: {line}", "yellow")
    if wrong:
        raise typer.Exit(1)

"""``forecast where``: the three places, why they are used, and what is wrong with them."""

from rich.console import Console

from forecast_assets.cli.console import rows_in
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
    """Print a line for each place, then a line for each thing that is wrong."""
    places = Places.here()
    named = {
        CONFIGURATION: ("configuration", places.configuration),
        DATA: ("data", places.data),
        DAGSTER: ("Dagster's home", places.dagster),
    }
    for variable, (name, path) in named.items():
        console.print(
            f"{name:<15} {path} ({rule(variable)})",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )
    for look in (
        lambda: read_document(configuration_path()),
        lambda: places.require_data(made=False),
    ):
        try:
            look()
        except ConfigurationError as error:
            console.print(f"error: {error}", style="red", soft_wrap=True, markup=False)
    for line in places.elsewhere(rows_in):
        console.print(f"warning: {line}", style="yellow", soft_wrap=True, markup=False)

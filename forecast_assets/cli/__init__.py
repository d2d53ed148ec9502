"""The console script ``forecast``: the same graph, the same Dagster instance, one terminal.

Commands are declared here and written in the modules beside this one. Those are imported when
their command runs, so that help and errors come at once.
"""

from datetime import datetime
from typing import Annotated

import typer

from forecast_assets.cli.console import open_console, reported

app = typer.Typer(
    help="Commodity price distributions: train once, forecast many.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

CommodityNames = Annotated[
    list[str] | None, typer.Option("--commodity", help="Only this one; may be given repeatedly.")
]
Version = Annotated[
    str | None, typer.Option("--model-version", help="The configuration's by default.")
]


@app.command()
def run(
    commodity: CommodityNames = None,
    model_version: Version = None,
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Windows that reach this day or later."),
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Windows that begin by this day."),
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Draw again what was forecast from revised prices.")
    ] = False,
    train_on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Train on this day, inside a window, under a --model-version of its own.",
        ),
    ] = None,
) -> None:
    """Do all that is due, from prices to the report; exit with 1 if anything failed."""
    console = open_console()
    with reported(console):
        from forecast_assets.cli.running import Wish, run_due

        first, last, day = (each.date() if each else None for each in (from_, to, train_on))
        run_due(console, Wish(commodity, model_version, first, last, recompute, day))


@app.command()
def status(commodity: CommodityNames = None, model_version: Version = None) -> None:
    """Say what the tables hold for each commodity, and what failed."""
    console = open_console()
    with reported(console):
        from forecast_assets.cli.overview import show_status

        show_status(console, commodity, model_version)


@app.command()
def report(
    open_: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
) -> None:
    """Rank the models, publish, and write the page that says how the forecasts are."""
    console = open_console()
    with reported(console):
        from forecast_assets.cli.running import make_report

        make_report(console, opened=open_)


@app.command()
def show(
    commodity: Annotated[str, typer.Argument(help="Whose newest forecast.")],
    model: Annotated[
        str | None, typer.Option("--model", help="The published one by default.")
    ] = None,
    model_version: Version = None,
) -> None:
    """Print the newest forecast of a commodity: a table, and the fan beside it."""
    console = open_console()
    with reported(console):
        from forecast_assets.boundary import alone
        from forecast_assets.cli.showing import show_newest

        with alone(commodity):
            show_newest(console, commodity, model, model_version)


@app.command()
def rename(
    old: Annotated[str, typer.Argument(help="Whose rows there are.")],
    new: Annotated[str, typer.Argument(help="As the configuration calls it now.")],
) -> None:
    """Give the rows of a commodity to the name that it has in the configuration now."""
    console = open_console()
    with reported(console):
        from forecast_assets.cli.renaming import rename_commodity

        rename_commodity(console, old, new)

"""The console script ``forecast``: it works with the same graph and Dagster history as the UI.

Commands are declared here and implemented in the modules beside this one. These are imported only
when their command runs, so that help and errors appear without delay.
"""

from datetime import datetime
from pathlib import Path
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


DATE = ["%Y-%m-%d"]
"""How a day is written on the command line."""

From = Annotated[
    datetime | None,
    typer.Option("--from", formats=DATE, help="Windows that reach this day or later."),
]
To = Annotated[
    datetime | None, typer.Option("--to", formats=DATE, help="Windows that begin by this day.")
]
Recompute = Annotated[
    bool, typer.Option("--recompute", help="Draw again what was forecast from revised prices.")
]
TrainOn = Annotated[
    datetime | None,
    typer.Option(
        formats=DATE,
        help="Train on this day, inside a window, under a --model-version of its own.",
    ),
]
Withdrawals = Annotated[
    bool,
    typer.Option(
        "--allow-withdrawals",
        help="Take back every session that a source lacks, be they many or the newest.",
    ),
]
Rewrite = Annotated[
    str | None,
    typer.Option(
        metavar="REASON",
        help="Give the model version the configured meaning, and draw again what differs.",
    ),
]


@app.command()
def run(
    commodity: CommodityNames = None,
    model_version: Version = None,
    from_: From = None,
    to: To = None,
    recompute: Recompute = False,
    train_on: TrainOn = None,
    allow_withdrawals: Withdrawals = False,
    rewrite: Rewrite = None,
) -> None:
    """Do all that is due, from prices to the report; exit with 1 if anything failed."""
    console = open_console()
    with reported(console, writes=True, commodities=commodity):
        from forecast_assets.cli.watching import watching
        from forecast_assets.cli.wish import Wish
        from forecast_assets.configuration.home import Places
        from forecast_assets.configuration.settings import load_settings

        first, last, day = (each.date() if each else None for each in (from_, to, train_on))
        wish = Wish(
            commodity, model_version, first, last, recompute, day, allow_withdrawals, rewrite
        )
        wish.require_possible(load_settings())
        Places.here().require_dagster()
        with watching(console, "forecast run") as progress:
            from forecast_assets.cli.idle import found_idle

            outcome = found_idle() if wish.is_plain else None
            if outcome is None:
                from forecast_assets.cli.running import run_due

                outcome = run_due(console, progress, wish)
        outcome.tell(console)


@app.command()
def status(commodity: CommodityNames = None, model_version: Version = None) -> None:
    """Say what the tables hold for each commodity, and what failed."""
    console = open_console()
    with reported(console, commodities=commodity):
        from forecast_assets.cli.overview import show_status

        show_status(console, commodity, model_version)


@app.command()
def report(
    open_: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
) -> None:
    """Rank the models, publish, and write the page that says how the forecasts are."""
    console = open_console()
    with reported(console, writes=True):
        from forecast_assets.cli.watching import watching
        from forecast_assets.configuration.home import Places

        Places.here().require_dagster()
        with watching(console, "forecast report") as progress:
            from forecast_assets.cli.running import make_report

            outcome = make_report(progress)
        outcome.tell(console, opened=open_)


@app.command()
def snapshot(
    path: Annotated[
        Path | None,
        typer.Argument(help="Where to; data/commodity.read.duckdb by default."),
    ] = None,
) -> None:
    """Copy the tables for programs that only read, so that they never meet a lock."""
    console = open_console()
    with reported(console):
        from forecast_assets.cli.copying import make_snapshot

        make_snapshot(console, path)


@app.command("export")
def export_(
    to: Annotated[
        list[str],
        typer.Option("--to", help="parquet, delta or csv; again with a day: the last one."),
    ],
    folder: Annotated[
        str | None, typer.Argument(help="A new folder; data/export by default.")
    ] = None,
    commodity: CommodityNames = None,
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=DATE, help="Rows of this day or later.")
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="Only this table or view; may be given repeatedly."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", help="Only these, with commas; of distributions by default."),
    ] = None,
) -> None:
    """Write the tables to a folder: Parquet, CSV, or Delta tables that `store` can name."""
    console = open_console()
    with reported(console):
        from forecast_assets.cli.exporting import export_tables

        first = from_.date() if from_ else None
        export_tables(console, folder, to, first, commodity or [], table or [], columns or [])


@app.command("import")
def import_(
    source: Annotated[
        str, typer.Argument(help="An exported folder, a Delta lake (folder or URL), or a file.")
    ],
    commodity: CommodityNames = None,
    predecessor: Annotated[
        bool,
        typer.Option(
            "--predecessor", help="Its trained_models and distributions are of another system."
        ),
    ] = False,
) -> None:
    """Take over whole tables from elsewhere, and say what could not be taken."""
    if predecessor and commodity:
        raise typer.BadParameter("not with --predecessor", param_hint="--commodity")
    console = open_console()
    with reported(console, writes=True):
        from forecast_assets.cli.importing import import_predecessor, import_tables

        if predecessor:
            import_predecessor(console, source)
        else:
            import_tables(console, source, commodity or [])


@app.command()
def compact() -> None:
    """Merge small files of Delta tables, and delete those that were replaced long ago."""
    console = open_console()
    with reported(console, writes=True):
        from forecast_assets.cli.compacting import compact_and_tell

        compact_and_tell(console)


@app.command()
def show(
    commodity: Annotated[str, typer.Argument(help="Whose newest forecast.")],
    model: Annotated[
        str | None, typer.Option("--model", help="The published one by default.")
    ] = None,
    model_version: Version = None,
    against: Annotated[
        datetime | None,
        typer.Option(
            "--against",
            formats=DATE,
            help="Lay it over the forecast from this day's close, or from the last one before.",
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="With --against: a PNG file to write.")
    ] = None,
) -> None:
    """Print the newest forecast of a commodity: a table, and the fan beside it."""
    if picture is not None and against is None:
        raise typer.BadParameter("needed with --picture", param_hint="--against")
    console = open_console()
    with reported(console, commodities=[commodity]):
        from forecast_assets.boundary import alone

        with alone(commodity):
            if against is None:
                from forecast_assets.cli.showing import show_newest

                show_newest(console, commodity, model, model_version)
            else:
                from forecast_assets.cli.comparing import show_against

                show_against(console, commodity, model, model_version, against.date(), picture)


@app.command()
def published(
    commodity: Annotated[str, typer.Argument(help="Whose forecast.")],
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=DATE, help="At the end of this day in UTC, or now."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what was published on a day, from which price, and whether it still stands."""
    console = open_console()
    with reported(console, commodities=[commodity]):
        from forecast_assets.boundary import alone
        from forecast_assets.cli.published import show_published

        with alone(commodity):
            show_published(console, commodity, on, as_json=as_json)


@app.command()
def verify(
    commodity: CommodityNames = None,
    redraw: Annotated[
        str, typer.Option("--redraw", help="all, or how many of each model to draw again.")
    ] = "3",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Walk every row of the tables, and say what is damaged and what mends it."""
    console = open_console()
    with reported(console, commodities=commodity):
        from forecast_assets.cli.verifying import verify_tables

        verify_tables(console, commodity, redraw, as_json=as_json)


@app.command()
def redraw(
    commodity: Annotated[str, typer.Argument(help="Whose forecasts.")],
    cutoff: Annotated[
        datetime | None,
        typer.Option("--cutoff", formats=DATE, help="The last session they know."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only this one.")] = None,
    model_version: Annotated[
        str | None, typer.Option("--model-version", help="Only this one.")
    ] = None,
    revision: Annotated[
        int | None, typer.Option("--revision", min=1, help="Only this one; 1 was issued first.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write the paths to this .parquet or .csv file.")
    ] = None,
    restore: Annotated[
        bool,
        typer.Option("--restore", help="Put damaged paths and points back; without --cutoff, all."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Draw forecasts again as they were issued, superseded ones too; exit with 1 if any differs."""
    if not restore and cutoff is None:
        raise typer.BadParameter("needed without --restore", param_hint="--cutoff")
    if restore and (as_json or to or revision):
        raise typer.BadParameter("not with --json, --to or --revision", param_hint="--restore")
    console, day = open_console(), cutoff.date() if cutoff else None
    with reported(console, writes=restore, commodities=[commodity]):
        from forecast_assets.cli.redrawing import redraw_forecasts
        from forecast_assets.cli.restoring import restore_forecasts

        if day is None or restore:
            restore_forecasts(console, commodity, day, model, model_version)
            return
        redraw_forecasts(
            console,
            commodity,
            day,
            model,
            model_version,
            revision,
            to,
            as_json=as_json,
        )


@app.command()
def rename(
    old: Annotated[str, typer.Argument(help="Whose rows there are.")],
    new: Annotated[str, typer.Argument(help="As the configuration calls it now.")],
) -> None:
    """Give the rows of a commodity to the name that it has in the configuration now."""
    console = open_console()
    with reported(console, writes=True):
        from forecast_assets.cli.renaming import rename_commodity

        rename_commodity(console, old, new)


Files = Annotated[list[str], typer.Argument(help="Names of files in landing/held.")]
Whose = Annotated[str, typer.Argument(help="The commodity.")]
Day = Annotated[datetime | None, typer.Argument(formats=DATE, help="One session; all by default.")]

landing_app = typer.Typer(help="Files of the landing folder that wait for a word.")
prices_app = typer.Typer(help="Prices that wait for a word, or that somebody should look at.")
app.add_typer(landing_app, name="landing")
app.add_typer(prices_app, name="prices")
spark_app = typer.Typer(help="Delta tables in the catalog of Spark.", no_args_is_help=True)
app.add_typer(spark_app, name="spark")


@landing_app.callback(invoke_without_command=True)
def landing(context: typer.Context) -> None:
    """List the files that wait in landing/held, and why."""
    if context.invoked_subcommand is None:
        console = open_console()
        with reported(console):
            from forecast_assets.cli.deciding import list_held_files

            list_held_files(console)


@landing_app.command("accept")
def landing_accept(files: Files) -> None:
    """Merge what waits of these files, and move them to landing/accepted."""
    console = open_console()
    with reported(console, writes=True):
        from forecast_assets.cli.deciding import accept_files

        accept_files(console, files)


@landing_app.command("reject")
def landing_reject(files: Files) -> None:
    """Move these files to landing/rejected; what waits of them is not merged."""
    console = open_console()
    with reported(console, writes=True):
        from forecast_assets.cli.deciding import reject_files

        reject_files(console, files)


@prices_app.callback(invoke_without_command=True)
def prices(context: typer.Context) -> None:
    """List the prices that wait, the strange ones that are in use, and withdrawn sessions."""
    if context.invoked_subcommand is None:
        console = open_console()
        with reported(console):
            from forecast_assets.cli.deciding import list_held_prices

            list_held_prices(console)


@prices_app.command("accept")
def prices_accept(commodity: Whose, day: Day = None) -> None:
    """Take over what waits, take strange prices to be right, or bring a withdrawn session back."""
    console = open_console()
    with reported(console, writes=True, commodities=[commodity]):
        from forecast_assets.cli.deciding import accept_prices

        accept_prices(console, commodity, day.date() if day else None)


@prices_app.command("reject")
def prices_reject(commodity: Whose, day: Day = None) -> None:
    """Drop what waits of a commodity for good; the stored prices stay."""
    console = open_console()
    with reported(console, writes=True, commodities=[commodity]):
        from forecast_assets.cli.deciding import reject_prices

        reject_prices(console, commodity, day.date() if day else None)


@prices_app.command("withdraw")
def prices_withdraw(
    commodity: Whose,
    day: Annotated[datetime, typer.Argument(formats=DATE, help="The session.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for those who ask later.")],
) -> None:
    """Take a session back; what was stored of it stays known, with who withdrew it and why."""
    console = open_console()
    with reported(console, writes=True, commodities=[commodity]):
        from forecast_assets.cli.deciding import withdraw_price

        withdraw_price(console, commodity, day.date(), reason)


@spark_app.command("register")
def spark_register(
    remote: Annotated[
        str,
        typer.Option(envvar="SPARK_REMOTE", help="A Connect server, such as sc://localhost:15002."),
    ],
    catalog: Annotated[
        str | None, typer.Option("--catalog", help="Spark's own by default.")
    ] = None,
) -> None:
    """Put all tables and views into Spark's catalog, so that its SQL reads them by name."""
    console = open_console()
    with reported(console):
        from forecast_assets.cli.registering import register_and_tell

        register_and_tell(console, remote, catalog)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A file of prices.")],
    commodity: Annotated[
        str | None, typer.Option("--commodity", help="Whose prices; by the file's name if absent.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="A vendor, such as investing or barchart.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A key to try, such as decimal=, or columns.close=Settle."),
    ] = None,
) -> None:
    """Say how a file of prices is understood, and print the section that reads it."""
    console = open_console()
    with reported(console, configured=False):
        from forecast_assets.cli.inspecting import inspect_prices

        inspect_prices(console, file, commodity, format_, set_)


@app.command()
def where() -> None:
    """Say which configuration, data folder and Dagster home are used, and why."""
    console = open_console()
    with reported(console, configured=False):
        from forecast_assets.cli.places import show_places

        show_places(console)


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")] = 3000,
    host: Annotated[str, typer.Option(help="The address it listens at.")] = "127.0.0.1",
    open_: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
) -> None:
    """Open the Dagster UI and its daemon over the same history, until Ctrl-C."""
    console = open_console()
    with reported(console, writes=True):
        from forecast_assets.cli.serving import Address, serve

        serve(console, Address(host, port), opened=open_)

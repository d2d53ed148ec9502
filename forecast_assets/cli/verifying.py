"""``forecast verify``: whether all rows of the tables are as they were written."""

from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from forecast_assets.cli.console import cell, write, write_json
from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import StoreError
from forecast_assets.record.damage import Group, grouped
from forecast_assets.record.verification import Verification, verify
from forecast_assets.store.opening import open_store


def verify_tables(
    console: Console, commodities: Sequence[str] | None, redraw: str, *, as_json: bool
) -> None:
    """Print all damage, and exit with 1 if there is any.

    ``redraw``: how many forecasts of each model to draw again, or ``all``.
    """
    if redraw != "all" and not redraw.isdecimal():
        raise typer.BadParameter(f"--redraw {redraw}: allowed: all, or how many of each model")
    settings = load_settings()
    store = open_store(settings)
    if not store.size():
        raise StoreError(f"{store.place}: there are no tables: run `forecast run` first")
    most = None if redraw == "all" else int(redraw)
    found = verify(settings, store, commodities, most)
    if as_json:
        write_json(console, document_of(found))
    else:
        if not found.is_sound:
            console.print(table_of(grouped(found.damages)))
        write(console, line_of(found))
    if not found.is_sound:
        raise typer.Exit(1)


def document_of(found: Verification) -> dict[str, object]:
    """All that was found, for programs."""
    damages = [asdict(x) | {"day": x.day.isoformat() if x.day else None} for x in found.damages]
    return {"sound": found.is_sound, **asdict(found), "damages": damages}


def table_of(groups: Sequence[Group]) -> Table:
    """The damage as people read it, a row for what is mended alike."""
    table = Table()
    for heading in ("damage", "where", "days", "found", "mended by"):
        table.add_column(heading, overflow="fold")
    for group in groups:
        each = group.damage
        whose = " ".join(x for x in (each.commodity, each.model_name, each.model_version) if x)
        where = f"{each.table.removeprefix('commodity.')}\n{whose}".strip()
        days = str(group.first or "")
        if group.count > 1:
            days = f"{group.count} times\n{days}" + (f"\nto {group.last}" if group.last else "")
        table.add_row(*map(cell, (each.kind, where, days, each.found, each.mended_by)))
    return table


def line_of(found: Verification) -> str:
    """What was walked, and whether it is sound."""
    walked = (
        f"{found.models:,} models, {found.forecasts:,} forecasts and {found.paths:,} paths of"
        f" {len(found.commodities)} commodities, {found.redrawn:,} forecasts drawn again, in"
        f" {found.seconds:.1f} s"
    )
    kinds = len({each.kind for each in found.damages})
    said = "the record is sound" if found.is_sound else f"damage of {kinds} kinds"
    return f"Verified {walked}: {said}."

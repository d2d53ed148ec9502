"""``forecast export``: what the tables hold, as a folder of files or of Delta tables."""

from collections.abc import Sequence
from datetime import date
from math import inf
from pathlib import Path

import typer
import yaml
from rich.console import Console
from rich.table import Table

from forecast_assets.cli.console import cell, open_console, write
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.errors import ConfigurationError, StoreError
from forecast_assets.store.moving.export_note import NOTE
from forecast_assets.store.moving.exporting import DELTA, FORMS, Exported, Wanted, export
from forecast_assets.store.moving.pieces import Choice
from forecast_assets.store.opening import is_url, open_store
from forecast_assets.store.saved_models import artifacts_of

FOLDER = "export"
"""The folder in the data folder to which tables are exported unless another is named."""


def export_tables(
    console: Console,
    folder: str | None,
    to: Sequence[str],
    first: date | None,
    commodities: Sequence[str],
    names: Sequence[str],
    columns: Sequence[str],
) -> None:
    """Export tables, and print how many rows each has; ``to``: a form, and a last day or none.

    Raises ConfigurationError for names or days that are not allowed, and StoreError if something
    could not be exported.
    """
    form, last = form_and_day(to)
    if first and last and last < first:
        raise ConfigurationError(f"--to: found {last}, allowed: a day from {first} on, as --from")
    choice = Choice(tuple(dict.fromkeys(commodities)), first, last)
    listed = [name.strip() for each in columns for name in each.split(",")]
    wanted = Wanted(form, choice, tuple(names), tuple(listed))
    settings = load_settings()
    target = target_of(folder, settings)
    errors = open_console(stderr=True)
    found = export(
        open_store(settings),
        settings.horizon,
        artifacts_of(settings),
        target,
        wanted,
        lambda line: write(errors, line, "dim"),
    )
    report(console, found)
    write(console, f"Exported to {target}")
    if wanted.is_whole and form == DELTA:
        whose = f" of {', '.join(choice.commodities)}" if choice.commodities else ""
        kept = yaml.safe_dump(
            {"type": DELTA, "url": str(target)}, default_flow_style=True, sort_keys=False, width=inf
        ).strip()
        write(console, f"`store: {kept}` keeps the tables{whose} there")
    elif not wanted.is_whole:
        write(console, f"This is a part, for other programs; `forecast import` takes none: {NOTE}")
    for problem in found.problems:
        write(console, f"not copied: {problem}", "red")
    if found.problems:
        raise StoreError(f"{target}: {len(found.problems)} payloads of models are not in it")


def target_of(folder: str | None, settings: Settings) -> Path:
    """The whole path of the folder to export to. Raises ConfigurationError for what is none."""
    if folder is None:
        return settings.home / FOLDER
    target = Path(folder).absolute()
    if is_url(folder) or not target.name:
        raise ConfigurationError(
            f"FOLDER: found {folder}, allowed: the path of a new folder; to have the tables below a"
            " URL, set `store: {type: delta, url: ...}` and call `forecast import`"
        )
    return target


def form_and_day(to: Sequence[str]) -> tuple[str, date | None]:
    """What ``--to`` said: the form, and the last day if it was given a second time with one.

    Raises BadParameter for anything else.
    """
    forms = [said for said in to if said in FORMS]
    days = [said for said in to if said not in FORMS]
    try:
        last = [date.fromisoformat(said) for said in days]
    except ValueError:
        last = []
    if len(forms) != 1 or len(last) != len(days) or len(last) > 1:
        raise typer.BadParameter(
            f"found {', '.join(to)}; allowed: one of {', '.join(FORMS)}, and if only days up to one"
            " are wanted, again with that day (2024-12-31)",
            param_hint="--to",
        )
    return forms[0], last[0] if last else None


def report(console: Console, found: Exported) -> None:
    """Print the rows of each table."""
    table = Table(title="What was exported")
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, rows in found.rows.items():
        table.add_row(cell(name), f"{rows:,}")
    console.print(table)

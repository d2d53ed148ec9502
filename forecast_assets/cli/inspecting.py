"""``forecast inspect``: how a file is read, and a section of the configuration that reads it."""

from pathlib import Path
from typing import Any

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from forecast_assets.cli.console import cell, write
from forecast_assets.configuration.home import Places
from forecast_assets.configuration.sections import PLAUSIBLE, Bounds
from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.market.inspection import Inspection, inspect_file, name_of, shown
from forecast_assets.timeline.clock import now


def inspect_prices(
    console: Console, path: Path, name: str | None, preset: str | None, settings: list[str] | None
) -> None:
    """Print what a file holds and a section to paste; exit with 1 if a run would refuse rows."""
    if not path.is_file():
        raise ConfigurationError(f"{path}: there is no such file")
    keys = {**({"format": preset} if preset else {}), **_keys(settings or [])}
    folder = Places.here().folder
    try:
        whose = name or name_of(path)
        found = inspect_file(path, keys, whose, folder, now().date(), _bounds(whose))
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in error.errors())
        raise ConfigurationError("; ".join(lines)) from error
    _show(console, found)
    if found.refusal or found.refused:
        raise typer.Exit(1)


def _bounds(name: str) -> Bounds:
    """What a run would take to be plausible; the defaults without a configuration."""
    there = Places.here().configuration.is_file()
    return load_settings().bounds_of(name) if there else PLAUSIBLE


def _keys(settings: list[str]) -> dict[str, Any]:
    """Parse texts ``KEY=VALUE``; a value is YAML, and a key may be nested: ``columns.close``."""
    keys: dict[str, Any] = {}
    for setting in settings:
        key, sign, text = setting.partition("=")
        first, _, last = key.partition(".")
        if not sign:
            raise ConfigurationError(f"--set {setting}: allowed: KEY=VALUE, such as decimal=,")
        value = text if text in (",", ".", ";", "|", " ", "'") or "%" in text else _value(text)
        keys[first] = keys.get(first, {}) | {last: value} if last else value
    return keys


def _value(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"--set: {text!r} is no value of YAML: {error}") from error


def _show(console: Console, found: Inspection) -> None:
    for what, said in found.facts:
        write(console, f"{what:20}{shown(said)}")
    if len(found.ends):
        console.print(_table(found))
    for each in found.strange:
        write(console, f"note: {each}", "yellow")
    for each in [*found.refused, found.refusal]:
        if each:
            write(console, f"refused: {each}", "red")
    if found.refusal:
        return
    if found.refused:
        write(console, "A run takes the other rows, and fails until these are mended.", "red")
    for each in ("", "To paste into forecast.yaml, with the unit of your prices:", ""):
        write(console, each)
    for each in found.section.split("\n"):
        write(console, each)
    write(
        console,
        "For files that are dropped the same keys stand in landing.formats, under a pattern of"
        " names: files.",
    )


def _table(found: Inspection) -> Table:
    table = Table(title="first and last rows, as they are understood")
    for column in found.ends:
        table.add_column(cell(str(column)), justify="right")
    for row in found.ends.itertuples(index=False):
        table.add_row(*(cell(shown(str(each))) for each in row))
    return table

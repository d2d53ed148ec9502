"""``forecast import``: whole tables from elsewhere, with a report of what could not be taken."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from forecast_assets.cli.console import cell, note, write
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.errors import ConfigurationError, StoreError
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.moving.exporting import ARTIFACTS
from forecast_assets.store.moving.importing import Import, Mover
from forecast_assets.store.moving.moved_artifacts import Payloads
from forecast_assets.store.moving.predecessor import Forecasts
from forecast_assets.store.moving.predecessor_models import Models
from forecast_assets.store.opening import is_url, open_store, source_at, table_at
from forecast_assets.store.saved_models import artifacts_of
from forecast_assets.timeline.clock import now


def import_tables(console: Console, source: str, commodities: Sequence[str]) -> None:
    """Import tables, and print what became of the rows.

    Raises StoreError if something could not be taken.
    """
    settings = load_settings()
    store = open_store(settings)
    require_other(settings, source)
    limits = (settings.database.memory_limit, settings.database.lock_timeout_seconds)
    payloads = Payloads(_artifacts(settings, source), artifacts_of(settings))
    with source_at(source, *limits) as tables:
        done = Mover(tables, store, settings.horizon, payloads).move(commodities)
    report(console, settings, done)
    for problem in (*done.failures, *done.lacking):
        write(console, f"not taken: {problem}", "red")
    if done.refused or done.failures or done.lacking:
        raise StoreError(f"{source}: not all of it could be taken: the reasons are above")
    write(console, f"All of {source} is in {store.place}")


def import_predecessor(console: Console, place: str) -> None:
    """Take over the tables of another system, and print what could not be taken.

    Raises StoreError if there are none, or if something could not be taken.
    """
    settings = load_settings()
    store, done, at = open_store(settings), Import(), now()
    found = {name: table_at(place, name) for name in ("trained_models", "distributions")}
    models, paths = found.values()
    if models is None and paths is None:
        raise StoreError(
            f"{place}: there is neither {' nor '.join(found)}: allowed: a folder with them, each a"
            " Parquet file, a folder of these, or a Delta table"
        )
    if models is not None:
        Models(models, store, settings, done).move()
    left_out: Counter[tuple[str, str]] = Counter()
    if paths is not None:
        Forecasts(paths, store, settings, at, done, left_out).move()
    report(console, settings, done)
    for (commodity, reason), rows in sorted(left_out.items()):
        note(console, f"{commodity}: {rows:,} paths left out: {reason}")
    for problem in done.failures:
        write(console, f"not taken: {problem}", "red")
    if done.refused or done.failures:
        raise StoreError(f"{place}: not all of it could be taken: the reasons are above")
    write(console, f"All of {place} is in {store.place}")


def require_other(settings: Settings, source: str) -> None:
    """Raise ConfigurationError if the tables to import are those of the configuration."""
    place = source if is_url(source) else Path(source).resolve()
    mine = settings.tables_at if is_url(settings.tables_at) else settings.database_path.resolve()
    if place == mine or (isinstance(place, Path) and place.as_uri() == mine):
        raise ConfigurationError(
            f"{source}: found the configured tables themselves, allowed: others"
        )


def _artifacts(settings: Settings, source: str) -> ArtifactStore:
    """Where the payloads of the models to import are: beside them, or where those of here are."""
    beside = Path(source) / ARTIFACTS
    return ArtifactStore(str(beside)) if beside.is_dir() else artifacts_of(settings)


def report(console: Console, settings: Settings, done: Import) -> None:
    """Print what became of the rows of each table, and why rows were refused."""
    table = Table(title="What was imported")
    for name in ("table", "commodity"):
        table.add_column(name)
    for name in ("taken", "there already", "refused"):
        table.add_column(name, justify="right")
    table.add_column("why", overflow="fold")
    for each in done.moved.values():
        if each.taken or each.same:
            numbers = (f"{each.taken:,}", f"{each.same:,}", "")
            table.add_row(cell(each.table), cell(each.commodity), *numbers, "")
    for lost in done.refused:
        numbers = ("", "", f"{lost.rows:,}")
        table.add_row(cell(lost.table), cell(lost.commodity), *numbers, cell(lost.reason))
    console.print(table)
    taken = {each.commodity for each in done.moved.values() if each.commodity and each.taken}
    there = {each.commodity for each in done.moved.values() if each.same}
    refused = {each.commodity for each in done.refused if each.commodity}
    for name in sorted(refused - taken):
        more = "more " if name in there else ""
        write(console, f"{name}: nothing {more}of it was taken", "red")
    for name in sorted(taken - set(settings.commodities)):
        note(console, f"{name} is not in the configuration, so no command forecasts it")

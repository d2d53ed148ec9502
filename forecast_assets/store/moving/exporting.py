"""Exporting tables to a folder: Parquet, CSV, or Delta tables that a store can be pointed at."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from forecast_assets.errors import ConfigurationError, StoreError
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.contract import Reading, Store
from forecast_assets.store.ledger import PATHS
from forecast_assets.store.local_files import keep
from forecast_assets.store.lock_file import one_at_a_time
from forecast_assets.store.moving.export_note import ExportNote
from forecast_assets.store.moving.moved_artifacts import Payloads
from forecast_assets.store.moving.pieces import ALL, Choice, pieces
from forecast_assets.store.moving.table_files import CSV, PARQUET, TableWriter, file_writer
from forecast_assets.store.opening import lake_writer_of
from forecast_assets.store.patience import Told
from forecast_assets.store.tables import tables as declared_tables
from forecast_assets.store.tables.table import CATALOG, Table

DELTA = "delta"

FORMS = (PARQUET, DELTA, CSV)
"""What an exported table may be written as."""

ARTIFACTS = "artifacts"
"""The folder of an export with the payloads that are not in the tables."""


@dataclass(frozen=True)
class Wanted:
    """What is to be exported.

    ``names``: tables or views, such as ``distributions``; all tables if there are none.
    ``columns``: those of ``names``; all of them if there are none.
    """

    form: str
    choice: Choice = ALL
    names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it is all that the tables have of its commodities."""
        return not (self.names or self.columns or self.choice.first or self.choice.last)


@dataclass(frozen=True)
class Exported:
    """What was exported: rows by table, and lines about payloads that could not be copied."""

    rows: Mapping[str, int]
    problems: Sequence[str]


def export(
    store: Store,
    horizon: int,
    artifacts: ArtifactStore,
    folder: Path,
    wanted: Wanted,
    told: Told,
) -> Exported:
    """Write what the tables hold at one moment into a folder that is not there yet.

    It is written beside its place and renamed when it is whole. Raises ConfigurationError for names
    that there are not, and StoreError if the folder is there or cannot be written.
    """
    chosen = chosen_tables(horizon, wanted)
    if not store.size():
        raise StoreError(f"{store.place}: there are no tables yet: run `forecast run`")
    known = store.names.known()
    if strange := [name for name in wanted.choice.commodities if name not in known]:
        raise ConfigurationError(
            f"--commodity: found {', '.join(strange)}, allowed: {', '.join(known)}"
        )
    with _made(folder, told) as fresh:
        with store.reading() as tables:
            rows = {
                each.name.removeprefix(f"{CATALOG}."): _written(tables, each, fresh, wanted)
                for each in chosen
            }
            payloads = Payloads(artifacts, ArtifactStore(str(fresh / ARTIFACTS)))
            problems = payloads.copy(tables, wanted.choice) if wanted.is_whole else []
            note = _note(tables, horizon, wanted, rows)
        note.write(fresh)
    return Exported(rows, problems)


def chosen_tables(horizon: int, wanted: Wanted) -> list[Table]:
    """The tables to export, with their columns. Raises ConfigurationError for unknown names."""
    if wanted.form not in FORMS:
        raise ConfigurationError(f"--to: found {wanted.form!r}, allowed: {', '.join(FORMS)}")
    known = {each.short_name: each for each in declared_tables(horizon).values()}
    names = [name.rpartition(".")[2] for name in wanted.names]
    if strange := sorted(set(names) - set(known)):
        raise ConfigurationError(
            f"--table: found {', '.join(strange)}, allowed: {', '.join(sorted(known))}"
        )
    chosen = [known[name] for name in dict.fromkeys(names)]
    if wanted.columns and not chosen:
        chosen = [known[PATHS.rpartition(".")[2]]]
    for table in chosen:
        if strange := [name for name in wanted.columns if name not in table.schema.names]:
            raise ConfigurationError(
                f"--columns: found {', '.join(strange)}, allowed for {table.short_name}:"
                f" {', '.join(table.schema.names)}"
            )
    return chosen or [each for each in known.values() if not each.view]


def _written(tables: Reading, table: Table, folder: Path, wanted: Wanted) -> int:
    """Write a table, piece by piece; return the number of its rows."""
    named = list(dict.fromkeys(wanted.columns)) or table.schema.names
    schema = pa.schema([table.plain_schema.field(name) for name in named])
    count = 0
    with _writer(folder, table, schema, wanted.form) as writer:
        for where in pieces(tables, table, wanted.choice):
            rows = tables.read(table.name, named, where)
            writer.write_table(rows.cast(schema))
            count += len(rows)
    return count


def _writer(folder: Path, table: Table, schema: pa.Schema, form: str) -> TableWriter:
    name = table.name.removeprefix(f"{CATALOG}.")
    if form == DELTA:
        return lake_writer_of(folder, name, table, schema)
    return file_writer(folder, name, schema, form)


def _note(tables: Reading, horizon: int, wanted: Wanted, rows: Mapping[str, int]) -> ExportNote:
    schemas = tables.read("commodity.market.schema_versions", ["schema_version"])
    choice = wanted.choice
    return ExportNote(
        form=wanted.form,
        schema_version=max(schemas.column(0).to_pylist()),
        horizon=horizon,
        tables=dict(rows),
        commodities=list(choice.commodities),
        first=choice.first,
        last=choice.last,
        columns=list(wanted.columns) or None,
    )


@contextmanager
def _made(folder: Path, told: Callable[[str], object]) -> Iterator[Path]:
    """A folder beside another one, to which it is renamed in the end unless an error is raised."""
    folder = folder.absolute()
    fresh = folder.with_name(f".{folder.name}.new")
    lock = folder.with_name(f".{folder.name}.lock")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(lock, "to export", told):
            if folder.exists() or folder.is_symlink():
                raise StoreError(
                    f"{folder}: it is there already, and an export replaces nothing: name another"
                    " folder, or remove it"
                )
            shutil.rmtree(fresh, ignore_errors=True)  # what a killed process has left
            try:
                fresh.mkdir()
                yield fresh
                fresh.rename(folder)
                keep(folder.parent)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{folder}: it cannot be exported: {error}") from error

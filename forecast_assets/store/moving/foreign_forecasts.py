"""Where the paths of each forecast are among the files of another system."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast_assets.store.frames import frame
from forecast_assets.store.ledger import FORECAST, MODEL
from forecast_assets.store.moving.foreign_cells import UNREADABLE, read_as
from forecast_assets.store.moving.foreign_file import ForeignFile

Named = tuple[str, str, str, date]
"""What a forecast is named by: the values of ``FORECAST``."""

Written = Mapping[str, Any]
"""These values as a file writes them."""


@dataclass(frozen=True)
class ForeignForecasts:
    """The forecasts in some files; ``schema``: the columns and types that their rows become.

    ``rows``: how many rows each has. ``nameless``: by commodity and reason, how many rows name no
    forecast.
    """

    files: Sequence[ForeignFile]
    schema: pa.Schema
    rows: Counter[Named] = field(default_factory=Counter)
    nameless: Counter[tuple[str, str]] = field(default_factory=Counter)
    _places: dict[Named, list[tuple[int, Written]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def find(self) -> None:
        """Look which forecasts each file has."""
        names = pa.schema([self.schema.field(name) for name in FORECAST])
        for place, file in enumerate(self.files):
            counted = _counted(file)
            read = read_as(names, counted)
            for written, row in zip(counted.to_pylist(), read.to_pylist(), strict=True):
                rows = written.pop("n_paths")
                if None in (named := tuple(row[name] for name in FORECAST)):
                    self.nameless[row["commodity"] or "", _why_nameless(row)] += rows
                else:
                    self.rows[named] += rows
                    self._places[named].append((place, written))

    @property
    def counted(self) -> pa.Table:
        """The columns of ``FORECAST``, and ``n_paths``: how many rows each forecast has."""
        found = [
            {**dict(zip(FORECAST, named, strict=True)), "n_paths": rows}
            for named, rows in self.rows.items()
        ]
        names = [self.schema.field(name) for name in FORECAST]
        return pa.Table.from_pylist(found, pa.schema([*names, ("n_paths", pa.int64())]))

    def read(self, model: tuple[str, str, str], cutoffs: Sequence[date]) -> pd.DataFrame:
        """The rows of some forecasts of a model, with the column ``UNREADABLE``."""
        wanted: dict[int, list[Written]] = defaultdict(list)
        for cutoff in cutoffs:
            for place, written in self._places[*model, cutoff]:
                wanted[place].append(written)
        names = self.schema.names
        found = [
            read_as(self.schema, self.files[place].rows(names, _any_of(self.files[place], some)))
            for place, some in wanted.items()
        ]
        return frame(pa.concat_tables(found))


def _counted(file: ForeignFile) -> pa.Table:
    """The forecasts of a file as it writes them, and ``n_paths``."""
    parts = [
        pa.Table.from_batches([batch]).group_by(FORECAST).aggregate([([], "count_all")])
        for batch in file.batches(FORECAST)
    ]
    if not parts:
        return file.rows(FORECAST).append_column("n_paths", pa.array([], pa.int64()))
    found = pa.concat_tables(parts).group_by(FORECAST).aggregate([("count_all", "sum")])
    return found.rename_columns([*FORECAST, "n_paths"])


def _why_nameless(row: Mapping[str, Any]) -> str:
    """Why a row names no forecast."""
    if row[UNREADABLE] is None:
        return f"a row has no {', or no '.join(FORECAST)}"
    return f"{' '.join(row[name] or '?' for name in MODEL[1:])}: {row[UNREADABLE]}"


def _any_of(file: ForeignFile, forecasts: Sequence[Written]) -> pc.Expression:
    """The condition that a row of a file is of one of some forecasts of a model."""
    where = pc.scalar(True)
    for name in FORECAST:
        kind = file.schema.field(name).type
        values = pa.array(list(dict.fromkeys(each[name] for each in forecasts)), kind)
        where = where & pc.field(name).isin(values)
    return where

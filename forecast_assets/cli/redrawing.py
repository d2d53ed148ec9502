"""``forecast redraw``: forecasts drawn again as they were issued, compared with what is kept."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.console import Console

from forecast_assets.cli.console import write, write_json
from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import ConfigurationError, ModelNotFound, StoreError
from forecast_assets.store.issued import Issued, all_issued
from forecast_assets.store.opening import open_store
from forecast_assets.store.redrawing import Redrawing, Redrawn
from forecast_assets.store.saved_models import ModelStore

WRITERS = {".parquet": pyarrow.parquet.write_table, ".csv": pyarrow.csv.write_csv}
"""What writes a file with paths, by the ending of its name."""


def redraw_forecasts(
    console: Console,
    commodity: str,
    cutoff: date,
    model_name: str | None,
    model_version: str | None,
    revision: int | None,
    target: Path | None,
    *,
    as_json: bool,
) -> None:
    """Draw again what was issued from a cutoff, and print whether it is what the tables keep.

    Raises ModelNotFound if nothing was issued, and StoreError if a forecast cannot be drawn or is
    another one.
    """
    if target is not None and target.suffix not in WRITERS:
        raise ConfigurationError(
            f"--to {target}: found {target.suffix!r}, allowed: {', '.join(WRITERS)}"
        )
    settings = load_settings()
    store = open_store(settings)
    with store.reading() as tables:
        known = all_issued(
            tables, commodity, model_name=model_name, model_version=model_version, cutoff=cutoff
        )
        chosen = [each for each in known if revision in (None, each.revision)]
        if not chosen:
            raise ModelNotFound(f"{commodity}: nothing like that was issued from {cutoff}")
        models = ModelStore.over(store, settings)
        drawn = list(Redrawing.over(models, tables, commodity, settings.horizon).of(chosen))
    unit = settings.commodity(commodity).unit
    if as_json:
        write_json(console, [answer_of(each) for each in drawn])
    else:
        for each in drawn:
            write(console, line_of(each, unit), "red" if each.problem else None)
    if target is not None:
        WRITERS[target.suffix](rows_of(drawn), target)
    if broken := sum(bool(each.problem) for each in drawn):
        raise StoreError(f"{commodity}: {broken} of {len(drawn)} are not what was issued")


def line_of(drawn: Redrawn, unit: str) -> str:
    """A forecast as a person reads it."""
    issued = drawn.issued
    close = "" if issued.cutoff_close is None else f" ({issued.cutoff_close:.10g} {unit})"
    until = ""
    if issued.superseded_at is not None:
        until = f", superseded {issued.superseded_at:%Y-%m-%d %H:%M} UTC ({issued.reason})"
    kept = "paths" if issued.superseded_at is None else "numbers"
    same = f"drawn again, the same {kept} to the last bit"
    named = f"{issued.commodity}: {issued.model_name} {issued.model_version} from {issued.cutoff}"
    when = f"revision {issued.revision}, issued {issued.issued_at:%Y-%m-%d %H:%M} UTC{until}"
    return f"{named}{close}, {when}: {drawn.problem or same}"


def answer_of(drawn: Redrawn) -> dict[str, Any]:
    """A forecast as a program reads it."""
    told = {
        name: value if isinstance(value, str | int | float | None) else value.isoformat()
        for name, value in asdict(drawn.issued).items()
    }
    return told | {"same": not drawn.problem, "problem": drawn.problem}


def rows_of(drawn: list[Redrawn]) -> pa.Table:
    """The paths as rows like those of ``distributions``, with the revision."""
    return pa.concat_tables(
        [_rows(each.issued, each.paths) for each in drawn if each.paths is not None]
    )


def _rows(issued: Issued, paths: np.ndarray) -> pa.Table:
    named = {
        "commodity": issued.commodity,
        "model_name": issued.model_name,
        "model_version": issued.model_version,
        "data_cutoff_date": issued.cutoff,
        "revision": issued.revision,
        "forecast_start_date": issued.start,
        "generation_timestamp": issued.generation_timestamp,
    }
    columns = {"path_id": pa.array(np.arange(1, len(paths) + 1, dtype=np.int32))}
    columns |= {name: pa.repeat(pa.scalar(value), len(paths)) for name, value in named.items()}
    columns |= {f"day_{k + 1}": pa.array(prices) for k, prices in enumerate(paths.T)}
    return pa.table(columns)

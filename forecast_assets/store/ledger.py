"""The ledger of forecasts, and reading the paths that it names.

The ledger is ``commodity.forecast.forecasts``, which has a row for each forecast. Paths that it
does not name do not belong to a forecast, so nothing here reads them.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecast_assets.errors import ModelNotFound, StoreError
from forecast_assets.store.contract import Condition, Reading
from forecast_assets.store.frames import column, days_of, in_order_of
from forecast_assets.store.paths import Paths, in_blocks
from forecast_assets.store.price_revisions import closes_known
from forecast_assets.timeline.history import Dates

LEDGER = "commodity.forecast.forecasts"
PATHS = "commodity.forecast.distributions"
PUBLICATIONS = "commodity.forecast.publications"

MODEL = ["commodity", "model_name", "model_version"]
"""The columns that identify a model."""

FORECAST = [*MODEL, "data_cutoff_date"]
"""The columns that identify a forecast."""


def of(
    commodity: str | None, model_name: str | None = None, model_version: str | None = None
) -> list[Condition]:
    """The conditions that rows belong to a model; a name that is None restricts nothing."""
    names = zip(MODEL, (commodity, model_name, model_version), strict=True)
    return [(name, "=", wanted) for name, wanted in names if wanted is not None]


def models_issued(tables: Reading) -> pa.Table:
    """A row for each model: the number of its forecasts, and their first and last start."""
    start = "forecast_start_date"
    ledger = tables.read(LEDGER, [*MODEL, start])
    counted = ledger.group_by(MODEL).aggregate([([], "count_all"), (start, "min"), (start, "max")])
    chosen = counted.select([*MODEL, "count_all", f"{start}_min", f"{start}_max"])
    named = chosen.rename_columns([*MODEL, "forecasts", f"first_{start}", f"last_{start}"])
    return in_order_of(named, *MODEL)


def require_model(
    tables: Reading,
    commodity: str,
    model_name: str | None = None,
    model_version: str | None = None,
) -> pa.Table:
    """The rows of ``models_issued`` that match. Raises ModelNotFound if there are none."""
    known = models_issued(tables)
    found: list[str] = []
    for name, wanted in zip(MODEL, (commodity, model_name, model_version), strict=True):
        if wanted is None:
            continue
        matching = known.filter(pc.field(name) == wanted)
        if not len(matching):
            there = ", ".join(sorted(set(known.column(name).to_pylist()))) or "none"
            raise ModelNotFound(
                f"{' '.join([*found, ''])}no forecasts of {name} {wanted!r}; there are: {there}"
            )
        known = matching
        found.append(f"{wanted}:")
    return known


def published(tables: Reading, commodity: str, where: Sequence[Condition] = ()) -> pa.Table:
    """The rows of the ledger whose forecast is published and that meet some conditions."""
    ledger = tables.read(LEDGER, where=[*of(commodity), *where])
    chosen = tables.read(PUBLICATIONS, FORECAST, of(commodity))
    return ledger.join(chosen, FORECAST, join_type="left semi")


def paths_by_model(tables: Reading, ledger: pa.Table) -> list[Paths]:
    """The forecasts of some ledger rows, one item for each model and version, in order."""
    models = in_order_of(ledger.group_by(MODEL).aggregate([]), *MODEL)
    found = []
    for model in models.to_pylist():
        mine = pc.field("model_name") == model["model_name"]
        version = pc.field("model_version") == model["model_version"]
        found.append(paths_issued(tables, ledger.filter(mine & version)))
    return found


def paths_issued(tables: Reading, ledger: pa.Table) -> Paths:
    """The forecasts of some ledger rows of one model.

    Raises StoreError if forecasts are incomplete, or differ in the number of their paths.
    """
    issued = in_order_of(ledger, "data_cutoff_date")
    commodity, model_name, model_version = (issued.column(name)[0].as_py() for name in MODEL)
    counts = sorted(set(issued.column("n_paths").to_pylist()))
    if len(counts) > 1:
        raise StoreError(
            f"{commodity}: {model_name} {model_version}: forecasts of"
            f" {' and '.join(map(str, counts))} paths: read fewer dates, or draw them again"
        )
    cutoffs = days_of(issued, "data_cutoff_date")
    model = of(commodity, model_name, model_version)
    prices = whole_paths(tables, model, cutoffs, np.arange(1 + counts[0], dtype=np.int32))
    return Paths(
        commodity,
        model_name,
        model_version,
        cutoffs,
        days_of(issued, "forecast_start_date"),
        prices[:, :, 1:].transpose(0, 2, 1),
        prices[:, :, 0].copy(),
        closes_used(tables, issued),
    )


def whole_paths(
    tables: Reading, model: Sequence[Condition], cutoffs: Dates, path_ids: NDArray[np.int32]
) -> NDArray[np.float32]:
    """The prices of a model's paths from each cutoff: (n_cutoffs, horizon, n_paths).

    ``cutoffs``: in ascending order. Raises StoreError if a forecast is incomplete.
    """
    found = paths_if_whole(tables, model, cutoffs, path_ids)
    if found is None:
        commodity, *name = (value for _, _, value in model)
        raise StoreError(
            f"{commodity}: {' '.join(name)}: some forecasts from {cutoffs[0]} to {cutoffs[-1]} are"
            " not whole: draw them again"
        )
    return found


def paths_if_whole(
    tables: Reading, model: Sequence[Condition], cutoffs: Dates, path_ids: NDArray[np.int32]
) -> NDArray[np.float32] | None:
    """The same, or None if a forecast is incomplete or has a path twice."""
    sessions = [name for name in tables.columns(PATHS) if name.startswith("day_")]
    columns = ["data_cutoff_date", "path_id", *sessions]
    days = cutoffs.tolist()
    chosen: list[Condition] = [
        ("data_cutoff_date", "in", days),
        ("data_cutoff_date", ">=", days[0]),
        ("data_cutoff_date", "<=", days[-1]),
        ("path_id", ">=", int(path_ids[0])),
    ]
    return in_blocks(tables.read(PATHS, columns, [*model, *chosen]), cutoffs, path_ids)


def closes_used(tables: Reading, issued: pa.Table) -> NDArray[np.float64]:
    """The closes from which forecasts were drawn, NaN if they are not known.

    ``issued``: ledger rows of one commodity, in order of cutoffs. Earlier releases did not store
    the close with the forecast; then it is the close that was known when the forecast was drawn.
    """
    closes = np.full(len(issued), np.nan)
    if "cutoff_close" in issued.column_names:
        closes = column(issued, "cutoff_close").astype(np.float64)
    if np.isnan(closes).any():
        commodity, cutoffs = issued.column("commodity")[0].as_py(), days_of(issued, FORECAST[-1])
        known = closes_known(tables, commodity, cutoffs, column(issued, "generation_timestamp"))
        closes = np.where(np.isnan(closes), known, closes)
    return closes

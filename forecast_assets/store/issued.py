"""Every forecast that was ever issued, and what was issued at a moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forecast_assets.store.contract import Condition, Reading
from forecast_assets.store.frames import in_order_of
from forecast_assets.store.ledger import FORECAST, LEDGER, of

SUPERSEDED = "commodity.forecast.superseded_forecasts"
POINTS = "commodity.forecast.point_estimates"
SUPERSEDED_POINTS = "commodity.forecast.superseded_point_forecasts"

MADE_FROM = [
    "forecast_start_date",
    "training_date",
    "model_id",
    "payload_sha256",
    "history_fingerprint",
    "cutoff_close",
    "n_paths",
    "generation_timestamp",
    "issued_at",
    "created_by",
]
"""The columns of the ledger that say what a forecast was made from, and when."""


@dataclass(frozen=True, order=True)
class Issued:
    """A forecast as it was issued; ``revision``: 1 for the first from its cutoff, and so on.

    ``superseded_at`` and ``reason``: when it was superseded, in UTC, and why; None and empty for
    the forecast of now.
    """

    model_name: str
    model_version: str
    cutoff: date
    revision: int
    commodity: str
    start: date
    model_id: str
    payload_sha256: str
    n_paths: int
    generation_timestamp: datetime
    issued_at: datetime
    cutoff_close: float | None = None
    superseded_at: datetime | None = None
    reason: str = ""


def all_issued(
    tables: Reading,
    commodity: str,
    *,
    model_name: str | None = None,
    model_version: str | None = None,
    cutoff: date | None = None,
) -> list[Issued]:
    """Every forecast that was ever issued, in order of models, cutoffs and revisions."""
    where = of(commodity, model_name, model_version)
    where += [] if cutoff is None else [("data_cutoff_date", "=", cutoff)]
    past = tables.read(SUPERSEDED, where=where).to_pylist()
    found = [_issued(row, row["revision"]) for row in past]
    counts: dict[tuple[str, str, date], int] = {}
    for old in found:
        key = (old.model_name, old.model_version, old.cutoff)
        counts[key] = counts.get(key, 0) + 1
    for row in tables.read(LEDGER, where=where).to_pylist():
        key = (row["model_name"], row["model_version"], row["data_cutoff_date"])
        found.append(_issued(row, counts.get(key, 0) + 1))
    return sorted(found)


def _issued(row: Mapping[str, Any], revision: int) -> Issued:
    return Issued(
        model_name=row["model_name"],
        model_version=row["model_version"],
        cutoff=row["data_cutoff_date"],
        revision=revision,
        commodity=row["commodity"],
        start=row["forecast_start_date"],
        model_id=row["model_id"],
        payload_sha256=row["payload_sha256"],
        n_paths=row["n_paths"],
        generation_timestamp=row["generation_timestamp"],
        issued_at=row["issued_at"],
        cutoff_close=row["cutoff_close"],
        superseded_at=row.get("superseded_at"),
        reason=row.get("reason", ""),
    )


def issued_at(tables: Reading, commodity: str, moment: datetime) -> pa.Table:
    """The forecasts of a moment, in UTC: a row for each of their sessions ahead, in order.

    Columns: those of the ledger with the revision, and the numbers of ``point_estimates``.
    """
    then: Condition = ("issued_at", "<=", moment)
    superseded = tables.read(
        SUPERSEDED, [*FORECAST, "revision", "superseded_at", *MADE_FROM], of(commodity)
    )
    counts = superseded.group_by(FORECAST).aggregate([("revision", "count")])
    ledger = tables.read(LEDGER, [*FORECAST, *MADE_FROM], [*of(commodity), then])
    ledger = ledger.join(counts, FORECAST, join_type="left outer")
    revisions = pc.add(pc.fill_null(ledger["revision_count"], 0), 1).cast(pa.int32())
    ledger = ledger.drop_columns("revision_count").append_column("revision", revisions)
    points = tables.read(POINTS, where=of(commodity))
    present = ledger.join(points, FORECAST, join_type="inner")
    stood = (pc.field("issued_at") <= moment) & (pc.field("superseded_at") > moment)
    past = superseded.filter(stood).drop_columns("superseded_at")
    kept = tables.read(SUPERSEDED_POINTS, where=of(commodity))
    past = past.join(kept, [*FORECAST, "revision"], join_type="inner")
    columns = [*FORECAST, "revision", *MADE_FROM]
    columns += [name for name in points.column_names if name not in columns]
    rows = pa.concat_tables([present.select(columns), past.select(columns)])
    return in_order_of(rows, "model_name", "model_version", "data_cutoff_date", "day_ahead")

"""Reading a forecast as a statement: what it was made from, and what it says of each session."""

from datetime import date
from typing import Any

from forecast_assets.errors import ModelNotFound
from forecast_assets.evaluation.comparison import Said, Statement
from forecast_assets.store.contract import Condition, Reading
from forecast_assets.store.frames import in_order_of
from forecast_assets.store.ledger import LEDGER, closes_used, of

ROOM = "commodity.forecast"
REPLACED = ["revision", "reason", "generation_timestamp"]
NUMBERS = ["session", "day_ahead", "median", "lower_80", "upper_80", "actual"]


def statement(
    tables: Reading, commodity: str, model_name: str, model_version: str, cutoff: date
) -> Statement:
    """A forecast in the tables. Raises ModelNotFound if it is not there."""
    where: list[Condition] = [
        *of(commodity, model_name, model_version),
        ("data_cutoff_date", "=", cutoff),
    ]
    issued = tables.read(LEDGER, where=where)
    if not len(issued):
        raise ModelNotFound(f"{commodity}: {model_name} {model_version}: none is from {cutoff}")
    (row,) = issued.to_pylist()
    (close,) = closes_used(tables, issued).tolist()
    points = tables.read(f"{ROOM}.point_forecasts_by_target", NUMBERS, where)
    revised = tables.read(f"{ROOM}.revised_forecasts", where=where).to_pylist()
    replaced = tables.read(f"{ROOM}.superseded_forecasts", REPLACED, where)
    return Statement(
        model_name,
        model_version,
        cutoff,
        None if close != close else close,  # NaN: not known
        row["training_date"],
        row["payload_sha256"],
        [Said(**each) for each in in_order_of(points, "day_ahead").to_pylist()],
        revised=_days(revised),
        drawn_again=_reasons(in_order_of(replaced, "revision").to_pylist(), row),
    )


def _reasons(replaced: list[dict[str, Any]], row: dict[str, Any]) -> list[str]:
    """Why the forecast of a ledger row was drawn again; one that was only moved was not."""
    drawn = [each["generation_timestamp"] for each in (*replaced, row)]
    return [
        each["reason"]
        for each, before, after in zip(replaced, drawn, drawn[1:], strict=False)
        if before != after
    ]


def _days(revised: list[dict[str, Any]]) -> tuple[date, date] | None:
    """The first and last revised session of a row of ``revised_forecasts``, if there is one."""
    return (revised[0]["first_revised"], revised[0]["last_revised"]) if revised else None

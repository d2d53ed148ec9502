"""Revisions of prices as rows of their table, drawn from a named seed."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

AT = datetime(2024, 1, 1, 18)  # noqa: DTZ001 - the tables keep UTC without a zone

COLUMNS = ("commodity", "date", "open", "high", "low", "close", "volume", "source", "ingested_at")


def revisions(seed: int) -> list[dict[str, Any]]:
    """Some sessions of two commodities, each revised, withdrawn and brought back at random."""
    rng = np.random.default_rng(seed)
    rows = []
    for name in ("Cocoa", "Coffee"):
        for day in range(20):
            hours = np.sort(rng.integers(0, 200, size=rng.integers(1, 5)))
            for place, hour in enumerate(hours.tolist()):
                withdrawn = place > 0 and rng.random() < 0.3
                rows.append(
                    {
                        "commodity": name,
                        "date": date(2024, 1, 1) + timedelta(days=day),
                        "close": None if withdrawn else float(rng.integers(10, 14)),
                        "source": "s",
                        "revision": place + 1,
                        "ingested_at": AT + timedelta(hours=hour),
                        "ingested_by": "run",
                    }
                )
    return rows


def known_at(rows: list[dict[str, Any]], moment: datetime) -> list[tuple[Any, ...]]:
    """The newest revision of each session among those of a moment, row by row."""
    newest: dict[tuple[str, date], dict[str, Any]] = {}
    for row in rows:
        key = row["commodity"], row["date"]
        is_newer = key not in newest or row["revision"] > newest[key]["revision"]
        if row["ingested_at"] <= moment and is_newer:
            newest[key] = row
    return [
        tuple(row.get(column) for column in COLUMNS)
        for _, row in sorted(newest.items())
        if row["close"] is not None
    ]

"""Revisions of prices as rows of their table, drawn from a named seed."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from forecast_assets.store.duckdb.store import DuckDBStore

AT = datetime(2024, 1, 1, 18)  # noqa: DTZ001 - the tables keep UTC without a zone


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


def insert(store: DuckDBStore, table: str, rows: list[dict[str, Any]]) -> None:
    with store.database.writing() as connection:
        connection.register("arriving", pa.Table.from_pylist(rows))
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM arriving")  # noqa: S608

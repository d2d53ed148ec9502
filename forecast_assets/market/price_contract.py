"""The contract of price rows: the rules that a row of any source must meet to reach the tables."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecast_assets.errors import SourceError
from forecast_assets.market.rows import UNREAD, Rejection

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

PRICES = ("open", "high", "low", "close")
COLUMNS = ("date", *PRICES, "volume")


@cache
def contract() -> "DataFrameSchema":
    """One row for each session. Loads pandera, which a process without new prices need not do.

    A close at or below zero is allowed, since oil had one in 2020; it is flagged by
    ``timeline.strange``.
    """
    from pandera.pandas import Check, Column, DataFrameSchema

    def number(*checks: Check, required: bool = False) -> Column:
        finite = Check(np.isfinite, error="not a finite number")
        return Column("float64", [finite, *checks], nullable=not required)

    return DataFrameSchema(
        {
            "date": Column("datetime64[s]", unique=True),
            "open": number(),
            "high": number(),
            "low": number(),
            "close": number(required=True),
            "volume": number(Check.ge(0, error="below zero")),
        },
        checks=Check(lambda rows: ~(rows["high"] < rows["low"]), error="high below low"),
        strict=True,
        ordered=True,
    )


REPORTED = {"high below low": "high"}
"""The column that is named when a row breaks a rule over several columns."""

NEEDED = ("date", "close")
"""The columns that a row must have; models read no others."""

WORDS = {
    "field_uniqueness": "its date stands more than once",
    "not_nullable": "missing",
    "high below low": "the high is below the low",
}
"""Texts for users in place of the contract's names for its rules."""


def admitted(
    name: str, prices: pd.DataFrame, places: pd.DataFrame, rejections: list[Rejection]
) -> pd.DataFrame:
    """The rows whose date and close keep the contract, in order; the others become rejections.

    ``prices``: the contract's columns. ``places``: ``file`` and ``line`` of each row, by the same
    index. If another value than date or close breaks a rule, it is removed and the row is kept; the
    rejection is harmless. Raises SourceError if the columns themselves are wrong.
    """
    from pandera.errors import SchemaErrors

    typed = prices.astype({"date": "datetime64[s]"})
    try:
        kept: pd.DataFrame = contract().validate(typed, lazy=True)
    except SchemaErrors as error:
        found = error.failure_cases
        if found["index"].isna().any():
            raise SourceError(f"{name}: not a table of prices: {error}") from error
        broken = found.assign(column=found["check"].map(REPORTED).fillna(found["column"]))
        cases = broken.drop_duplicates(["index", "column", "check"])
        for row, column, rule in zip(cases["index"], cases["column"], cases["check"], strict=True):
            file, line = str(places.loc[row, "file"]), int(places.loc[row, "line"])
            said, harmless = WORDS.get(rule, rule), column not in NEEDED
            told = f"{said}: {UNREAD}" if harmless else said
            value = str(typed.loc[row, column])
            rejections.append(Rejection(name, file, line, column, value, told, harmless=harmless))
        kept = _mended(typed, cases)
    return kept.sort_values("date", ignore_index=True)


def _mended(typed: pd.DataFrame, broken: pd.DataFrame) -> pd.DataFrame:
    """Remove the rows with a broken date or close, and empty all other broken values."""
    mended = typed.copy()
    for row, column, rule in zip(broken["index"], broken["column"], broken["check"], strict=True):
        if column not in NEEDED:
            mended.loc[row, ["high", "low"] if rule in REPORTED else [column]] = np.nan
    return mended.drop(index=broken["index"][broken["column"].isin(NEEDED)].unique())

"""The contract of price rows: each rule refuses its row by file, line and column, and no other."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast_assets.errors import SourceError
from forecast_assets.market.price_contract import COLUMNS, admitted
from forecast_assets.market.rows import Rejection


def rows(count: int = 5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Good rows, the last first, and the places that they stand in."""
    days = pd.date_range("2026-11-16", periods=count)[::-1]
    table = pd.DataFrame({"date": days, "open": 50.0, "high": 52.0, "low": 49.0, "close": 51.0})
    places = pd.DataFrame({"file": "a.csv", "line": np.arange(count) + 2})
    return table.assign(volume=10.0), places


def test_good_rows_are_admitted_in_order() -> None:
    table, places = rows()
    refused: list[Rejection] = []
    kept = admitted("Coffee", table, places, refused)
    assert (len(kept), refused) == (5, [])
    assert kept["date"].is_monotonic_increasing
    assert tuple(kept.columns) == COLUMNS
    assert kept["date"].dtype == "datetime64[s]"


def test_what_a_row_lacks_beside_the_close_is_no_fault() -> None:
    table, places = rows()
    refused: list[Rejection] = []
    bare = table.assign(open=np.nan, high=np.nan, low=np.nan, volume=np.nan)
    assert len(admitted("Coffee", bare, places, refused)) == 5
    half = table.assign(low=np.nan)
    assert len(admitted("Coffee", half, places, refused)) == 5
    assert refused == []


@pytest.mark.parametrize("close", [-36.98, 0.0, 1e-9, 1e9])
def test_a_strange_close_is_a_close(close: float) -> None:
    table, places = rows()
    refused: list[Rejection] = []
    assert len(admitted("Coffee", table.assign(close=close), places, refused)) == 5
    assert refused == []


@pytest.mark.parametrize(("value", "rule"), [(np.nan, "missing"), (np.inf, "not a finite number")])
def test_a_row_without_a_close_is_refused_alone(value: float, rule: str) -> None:
    table, places = rows()
    table.loc[2, "close"] = value
    refused: list[Rejection] = []
    kept = admitted("Coffee", table, places, refused)
    assert len(kept) == 4
    assert pd.Timestamp("2026-11-18") not in set(kept["date"])
    assert refused == [Rejection("Coffee", "a.csv", 4, "close", str(value), rule)]


@pytest.mark.parametrize(
    ("column", "value", "emptied", "rule"),
    [
        ("open", -np.inf, ["open"], "not a finite number"),
        ("volume", -1.0, ["volume"], "below zero"),
        ("volume", np.inf, ["volume"], "not a finite number"),
        ("high", 48.0, ["high", "low"], "the high is below the low"),
        ("low", 53.0, ["high", "low"], "the high is below the low"),
    ],
)
def test_a_broken_value_beside_the_close_is_left_empty_and_does_no_harm(
    column: str, value: float, emptied: list[str], rule: str
) -> None:
    table, places = rows()
    table.loc[2, column] = value
    refused: list[Rejection] = []
    kept = admitted("Coffee", table, places, refused)
    expected = table.copy()
    expected.loc[2, emptied] = np.nan
    assert kept.to_numpy()[:, 1:].tolist() != table.sort_values("date").to_numpy()[:, 1:].tolist()
    pd.testing.assert_frame_equal(
        kept, expected.sort_values("date", ignore_index=True).astype({"date": "<M8[s]"})
    )
    (one,) = refused
    named = emptied[0]
    told = f"{rule}: left empty, since no model reads it"
    assert one == Rejection(
        "Coffee", "a.csv", 4, named, str(table.loc[2, named]), told, harmless=True
    )


def test_a_row_that_breaks_two_rules_is_told_of_both() -> None:
    table, places = rows()
    table.loc[0, ["high", "volume"]] = [40.0, -2.0]
    refused: list[Rejection] = []
    kept = admitted("Coffee", table, places, refused)
    assert kept.iloc[-1][["high", "low", "volume"]].isna().all()
    assert kept.iloc[-1]["close"] == 51.0
    assert sorted((one.line, one.column) for one in refused) == [(2, "high"), (2, "volume")]


def test_a_date_that_stands_twice_is_refused_both_times() -> None:
    table, places = rows()
    table.loc[1, "date"] = table.loc[0, "date"]
    refused: list[Rejection] = []
    assert len(admitted("Coffee", table, places, refused)) == 3
    assert [(one.line, one.rule) for one in refused] == [
        (2, "its date stands more than once"),
        (3, "its date stands more than once"),
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: table.drop(columns="volume"),
        lambda table: table[["date", "close", "open", "high", "low", "volume"]],
        lambda table: table.assign(settle=1.0),
        lambda table: table.assign(close="51"),
    ],
)
def test_a_table_that_is_none_of_prices_is_an_error(spoil: Any) -> None:
    table, places = rows()
    with pytest.raises(SourceError, match="Coffee: not a table of prices"):
        admitted("Coffee", spoil(table), places, [])

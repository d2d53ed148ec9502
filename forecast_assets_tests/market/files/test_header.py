"""Which column is the close: a plain one before an adjusted one, and none where two may be."""

from datetime import date
from pathlib import Path

import pytest

from forecast_assets.configuration.commodities import FileSource
from forecast_assets.errors import SourceError
from forecast_assets.market.observations import Observations
from forecast_assets.market.sources import read_files

ADJUSTED = "an adjusted close, which changes in the past at each adjustment"


def observed(folder: Path, header: str, **keys: object) -> Observations:
    """The prices of a file of two columns of numbers: 86 and more, and 84 and more."""
    (folder / "gold.csv").write_text(f"{header}\n2026-11-23,86.48,84.48\n2026-11-24,86.5,84.5\n")
    source = FileSource.model_validate({"type": "file", "path": "gold.csv"} | keys)
    return read_files("Gold", source, folder, date(2026, 11, 25))


@pytest.mark.parametrize(
    "close",
    [
        "Close", "Close Price (USD)", "Close/Last", "Price", "Settle [$/bbl]", "Close in EUR",
        "Last Price USD", "Schlusskurs (EUR)", "Close (cents/lb)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("adjusted", ["Adj Close", "Adj. Close (USD)", "adjusted_close"])
def test_a_close_comes_before_an_adjusted_one(tmp_path: Path, close: str, adjusted: str) -> None:
    found = observed(tmp_path, f"Date,{close},{adjusted}")
    assert found.prices["close"].tolist() == [86.48, 86.5]
    assert found.notes == []


@pytest.mark.parametrize("name", ["Adj Close", "Adjusted Close (USD)", "Close Adj.", "Price (Adj)"])
def test_an_adjusted_close_alone_is_taken_with_a_note(tmp_path: Path, name: str) -> None:
    found = observed(tmp_path, f"Date,{name},Volume")
    assert found.prices["close"].tolist() == [86.48, 86.5]
    file = tmp_path / "gold.csv"
    assert found.notes == [f"{file}, line 1, column close: found {name!r}: {ADJUSTED}"]
    assert found.rejections == []
    meant = observed(tmp_path, f"Date,{name},Volume", columns={"close": name})
    assert meant.notes == []


@pytest.mark.parametrize(
    "header",
    [
        "Date,Last,Settle", "Date,Close (USD),Close (EUR)", "Date,raw_close,Adj Close",
        "Date,Unadjusted Close,Adj Close", "Date,Value,Adj Close", "Date,Last Traded,Adj Close",
        "Date,Adj Close,Adj Close 2",
    ],
)  # fmt: skip
def test_two_that_may_be_the_close_are_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(SourceError, match=r"could be the close: .*: set .*\.columns\.close"):
        observed(tmp_path, header)
    first = header.split(",")[1]
    found = observed(tmp_path, header, columns={"close": first})
    assert found.prices["close"].tolist() == [86.48, 86.5]

"""Covariate files: regions made one, every refused row reported where it stands."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from forecast_assets.configuration.commodities import Covariate
from forecast_assets.errors import SourceError
from forecast_assets.market.covariates import CovariateSeries, read_covariate
from forecast_assets.market.meaning import Meaning

TODAY = date(2024, 6, 3)
PLAIN = "date,close\n2024-01-03,2.5\n2024-01-02,1.5\n"
REGIONS = """\
date,region,rain
2024-01-02,South,4
2024-01-02,North,1
2024-01-02,East,7
2024-01-03,South,8
2024-01-03,North,
2024-01-04,East,5
"""
Read = Callable[..., CovariateSeries]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write files, and read them as the covariate rain of Coffee."""

    def read_contents(*contents: str | pd.DataFrame, **keys: Any) -> CovariateSeries:
        for letter, content in zip("ab", contents, strict=False):
            if isinstance(content, str):
                (tmp_path / f"{letter}.csv").write_text(content)
            else:
                content.to_parquet(tmp_path / f"{letter}.parquet")
        source = Covariate.model_validate({"path": "*", "column": "close"} | keys)
        return read_covariate("Coffee", "rain", source, tmp_path, TODAY)

    return read_contents


def values_of(series: CovariateSeries) -> dict[str, float]:
    return dict(zip(series.dates.astype(str).tolist(), list(series.values), strict=True))


def refusals(series: CovariateSeries) -> list[tuple[str, int, str, str]]:
    return [(x.commodity, x.line, x.column, x.value) for x in series.rejections]


def test_a_file_by_date_is_read_in_order_whatever_its_format(read: Read, tmp_path: Path) -> None:
    expected = {"2024-01-02": 1.5, "2024-01-03": 2.5}
    assert values_of(read(PLAIN)) == expected
    (tmp_path / "a.csv").unlink()
    days = pd.to_datetime(["2024-01-03", "2024-01-02"])
    assert values_of(read(pd.DataFrame({"Date": days, "CLOSE": [2.5, 1.5]}))) == expected


def test_a_glob_merges_files(read: Read) -> None:
    series = read(PLAIN, "date,close\n2024-01-04,3.5\n")
    assert list(values_of(series).values()) == [1.5, 2.5, 3.5]
    assert series.dates.dtype == np.dtype("datetime64[D]")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"aggregate": "mean"}, [4.0, 8.0, 5.0]),
        ({"aggregate": "first"}, [7.0, 8.0, 5.0]),  # East, South, East
        ({"aggregate": "first", "regions": ["North", "South"]}, [1.0, 8.0]),
        # (2 * 4 + 1 * 1) / 3, then South alone; East has no weight
        ({"aggregate": "weighted", "weights": {"South": 2, "North": 1}}, [3.0, 8.0]),
    ],
)
def test_the_regions_of_a_day_become_one_value(
    read: Read, keys: dict[str, Any], expected: list[float]
) -> None:
    series = read(REGIONS, column="rain", region="region", **keys)
    assert list(series.values) == pytest.approx(expected)
    assert len(series.dates) == len(expected)


def test_bad_rows_are_refused_by_name_and_good_ones_land(read: Read) -> None:
    text = REGIONS + "2024-01-05,,3\n2024-13-01,East,1\n2024-01-08,East,wet\n2030-01-01,East,2\n"
    series = read(text, column="rain", region="region")
    assert values_of(series) == {"2024-01-02": 4.0, "2024-01-03": 8.0, "2024-01-04": 5.0}
    assert refusals(series) == [
        ("Coffee, covariate rain", 9, "date", "2024-13-01"),
        ("Coffee, covariate rain", 11, "date", "2030-01-01"),
        ("Coffee, covariate rain", 10, "rain", "wet"),
        ("Coffee, covariate rain", 8, "region", ""),
    ]


def test_a_date_with_two_values_is_left_out(read: Read) -> None:
    series = read(PLAIN + "2024-01-03,9\n2024-01-02,1.5\n")
    assert values_of(series) == {"2024-01-02": 1.5}
    assert {x.rule for x in series.rejections} == {
        "its date stands more than once with different values: keep one, the date is left out"
    }
    assert [x.line for x in series.rejections] == [2, 4]


@pytest.mark.parametrize(
    ("text", "keys", "message"),
    [
        (PLAIN, {"column": "vix"}, "lacks the column vix; found: date, close"),
        (PLAIN, {"region": "place"}, "lacks the column place"),
        (PLAIN, {"path": "no.csv"}, "commodities.Coffee.covariates.rain.path names it"),
        ("date,close\n2024-01-02,\n", {}, "Coffee, covariate rain: .* holds no usable value"),
        (
            REGIONS,
            {"column": "rain", "region": "region", "aggregate": "weighted", "weights": {"S": 1}},
            "no rows of the region S; it has East, North, South: set commodities.Coffee."
            "covariates.rain.weights",
        ),
        (
            REGIONS,
            {"column": "rain", "region": "region", "aggregate": "first", "regions": ["West"]},
            "no rows of the region West; .*rain.regions",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_what_to_do(
    read: Read, text: str, keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        read(text, **keys)


def test_a_value_of_the_next_days_is_left_out_with_a_note_and_a_later_one_refused(
    read: Read,
) -> None:
    series = read(PLAIN + "2024-06-04,3\n2024-06-10,3\n2024-06-11,3\n")
    assert len(series.dates) == 2
    assert refusals(series) == [("Coffee, covariate rain", 6, "date", "2024-06-11")]
    (note,) = series.notes
    assert note.startswith("Coffee, covariate rain: ")
    assert "lines 4 to 5, column date: first found '2024-06-04': later than today" in note


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/Berlin", "2024-05-03"), ("America/Chicago", "2024-05-02"), (None, "2024-05-02")],
)
def test_a_stamp_with_a_zone_is_of_the_day_where_the_commodity_trades(
    tmp_path: Path, zone: str | None, day: str
) -> None:
    (tmp_path / "rain.csv").write_text("date,close\n2024-05-02T22:00:00Z,1\n")
    source = Covariate(path="rain.csv", column="close")
    where = Meaning(timezone=ZoneInfo(zone) if zone else None)
    series = read_covariate("Coffee", "rain", source, tmp_path, TODAY, where)
    assert values_of(series) == {day: 1.0}


def test_a_file_of_a_vendor_is_understood_as_one_of_prices(read: Read) -> None:
    text = "Datum;VIX\n23.05.2024;1.012,5\n24.05.2024;1.013,5\n"
    assert values_of(read(text, column="VIX")) == {"2024-05-23": 1012.5, "2024-05-24": 1013.5}
    doubtful = "Day,VIX\n3/4/2024,1.5\n"
    with pytest.raises(SourceError, match=r"set commodities\.Coffee.*\.rain\.date_format"):
        read(doubtful, column="VIX")
    said = read(doubtful, column="VIX", date_format="%d/%m/%Y")
    assert values_of(said) == {"2024-04-03": 1.5}

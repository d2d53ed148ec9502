"""Figures: few digits, the right unit, and drawings of one line."""

import math

import numpy as np
import pytest

from forecast_assets.report.figures import (
    BLOCKS,
    NONE,
    UNBROKEN,
    change,
    figure,
    price,
    share,
    size,
    span,
    sparkline,
)


def plain(text: str) -> str:
    return text.replace(UNBROKEN, " ").replace("\N{NON-BREAKING HYPHEN}", "-")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.8341234, "0.834 USD/bbl"),
        (11.1289, "11.1 USD/bbl"),
        (9.9999, "10.0 USD/bbl"),
        (0.000012345, "0.0000123 USD/bbl"),
        (123456.0, "123,000 USD/bbl"),
        (-0.8349, "-0.835 USD/bbl"),
        (0.0, "0 USD/bbl"),
        (math.nan, NONE),
        (math.inf, NONE),
        (None, NONE),
    ],
)
def test_a_figure_has_three_significant_digits_and_its_unit(
    value: float | None, expected: str
) -> None:
    assert plain(figure(value, "USD/bbl")) == expected


def test_a_figure_without_a_unit_is_a_number_alone() -> None:
    assert [figure(x) for x in (1.0, 12.345, 2739.0)] == ["1.00", "12.3", "2,740"]


def test_shares_are_per_cent() -> None:
    assert [plain(share(x)) for x in (0.8123, 1.0, None, math.nan)] == [
        "81.2 %",
        "100.0 %",
        NONE,
        NONE,
    ]
    assert [plain(change(x)) for x in (0.0421, -0.5, 0.0, None)] == [
        "+4.2 %",
        "-50.0 %",
        "+0.0 %",
        NONE,
    ]


@pytest.mark.parametrize(
    ("n_bytes", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1934, "1.93 kB"),
        (12_100_000, "12.1 MB"),
        (5 * 10**12, "5,000 GB"),
    ],
)
def test_sizes_are_in_the_unit_that_leaves_few_digits(n_bytes: int, expected: str) -> None:
    assert plain(size(n_bytes)) == expected


def test_prices_are_what_the_status_says_of_them() -> None:
    assert [price(x, "USD/oz") for x in (46.92, 1562.8, -36.98)] == [
        "46.92 USD/oz",
        "1562.8 USD/oz",
        "-36.98 USD/oz",
    ]


def test_a_span_is_one_word_to_a_browser() -> None:
    assert not set(span("2019-01-02", "2020-03-04")) & {" ", "-"}
    assert plain(span("2019-01-02", "2020-03-04")) == "2019-01-02 to 2020-03-04"


def test_a_sparkline_goes_from_the_lowest_to_the_highest_with_a_gap_for_what_is_missing() -> None:
    assert sparkline([1.0, 2.0, 3.0, 8.0]) == "▁▂▃█"
    assert sparkline([5.0, 5.0]) == BLOCKS[0] * 2
    assert sparkline([1.0, math.nan, 2.0]) == "▁·█"
    assert sparkline([]) == sparkline([math.nan]) == ""
    wide = np.array([-1e300, 0.0, 1e300])
    assert sparkline(wide)[0] == BLOCKS[0]

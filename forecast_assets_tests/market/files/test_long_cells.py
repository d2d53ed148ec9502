"""Long cells: whatever a cell repeats, the time to read or refuse it grows with its length."""

import time
from contextlib import suppress

import pytest

from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files.grid import LONGEST_CELL
from forecast_assets.market.files.table_file import open_table
from forecast_assets.market.sources import LAYOUT

MOST_SECONDS = 2.0

LENGTH = LONGEST_CELL - 10

REPEATED = ("1", "1.", "1'", "1 ", " ", "-", "1:", "1/", "(in ", "Jan ", "adj ", "a://", "token=")

COLUMN = "date;close\n" + "".join(f"2026-01-{day:02};1,{day}5\n" for day in range(1, 28))


@pytest.mark.parametrize("end", ["", "x"])
@pytest.mark.parametrize("part", REPEATED)
@pytest.mark.parametrize(
    "text",
    [
        COLUMN + '2026-01-29;"{}"\n',
        COLUMN + '"{}";1,5\n',
        'date;close;"{}"\n2026-01-02;1,5;1,5\n2026-01-05;1,6;1,6\n',
    ],
    ids=["close", "date", "header"],
)
def test_a_long_cell_takes_no_longer_than_its_length(text: str, part: str, end: str) -> None:
    content = text.format(part * (LENGTH // len(part)) + end).encode()
    began = time.process_time()
    with suppress(UnclearFormat):
        open_table("Coffee.csv", content).read(LAYOUT)
    assert time.process_time() - began < MOST_SECONDS

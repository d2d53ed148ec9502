"""Thinning: which metadata a materialization keeps once a newer one is there."""

from typing import Any

import pytest
from dagster import MetadataValue

from forecast_assets.defs.metadata import ROWS, table
from forecast_assets.defs.past import CONTENTS, PAST
from forecast_assets.defs.thinning import thinned


@pytest.mark.parametrize(
    ("name", "said", "stays"),
    [
        ("picture", MetadataValue.md("![x](y)"), False),
        ("scores", table([{"model_name": "naive"}]), False),
        ("failures", table([]), False),
        ("page", MetadataValue.url("file:///report.html"), False),
        ("path", MetadataValue.path("report.html"), False),
        ("forecasts_moved", MetadataValue.int(0), False),
        (PAST, MetadataValue.text("2024-01-01 abc"), False),
        (CONTENTS, MetadataValue.text("abc"), False),
        ("forecasts_drawn", MetadataValue.int(2), True),
        ("outcome", MetadataValue.text("100 paths written"), True),
        ("share", MetadataValue.float(0.5), True),
        (ROWS, MetadataValue.int(0), True),
    ],
)
def test_numbers_and_texts_that_say_something_stay(
    name: str, said: MetadataValue[Any], stays: bool
) -> None:
    assert (thinned({name: said}) == {name: said}) is stays

"""Stamps: what is written as a day, a time and a zone, and what is none of them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from forecast_assets.market.stamps import read_stamps


@pytest.mark.parametrize(
    ("text", "local", "utc"),
    [
        ("2026-03-29", "2026-03-29 00:00", None),
        ("2026-03-29 15:30", "2026-03-29 15:30", None),
        ("2026-03-29T15:30:05.25", "2026-03-29 15:30:05.25", None),
        ("2026-03-29T15:30:05,25", "2026-03-29 15:30:05.25", None),
        ("2026-03-29T15:30Z", "2026-03-29 15:30", "2026-03-29 15:30"),
        ("2026-03-29t15:30:00z", "2026-03-29 15:30", "2026-03-29 15:30"),
        ("2026-03-29 15:30:00 UTC", "2026-03-29 15:30", "2026-03-29 15:30"),
        ("2026-03-29 15:30:00+02:00", "2026-03-29 15:30", "2026-03-29 13:30"),
        ("2026-03-29 23:00:00 -0530", "2026-03-29 23:00", "2026-03-30 04:30"),
        ("2026-03-29 23:00:00-05", "2026-03-29 23:00", "2026-03-30 04:00"),
        ("9999-12-31 10:00", "9999-12-31 10:00", None),
        ("0001-01-01", "0001-01-01 00:00", None),
    ],
)
def test_ways_to_write_a_moment(text: str, local: str, utc: str | None) -> None:
    stamps = read_stamps(pd.Series([text], dtype="string"))
    assert stamps.local[0].to_pydatetime() == datetime.fromisoformat(local)
    assert stamps.utc[0] is pd.NaT if utc is None else stamps.utc[0] == pd.Timestamp(utc)


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-3-29", "29.03.2026", "2026-02-30", "2026-03-29 24:30", "2026-03-29 9:00",
     "2026-03-29 09:00 CET", "2026-03-29 morning", "2026-03-29x", "x2026-03-29"],
)  # fmt: skip
def test_what_is_no_moment_is_none(text: str) -> None:
    assert read_stamps(pd.Series([text], dtype="string")).local.isna().all()


def test_only_stamps_with_a_zone_are_converted_and_midnight_may_name_a_day() -> None:
    texts = ["2026-07-01 22:00+00:00", "2026-07-01 22:00", "2026-07-01 00:00-04:00"]
    stamps = read_stamps(pd.Series(texts, dtype="string"))
    berlin = ZoneInfo("Europe/Berlin")
    assert stamps.of_zone(berlin).local.astype(str).tolist() == [
        "2026-07-02 00:00:00",
        "2026-07-01 22:00:00",
        "2026-07-01 00:00:00",
    ]
    assert str(stamps.of_zone(berlin, labels=False).local[2]) == "2026-07-01 06:00:00"
    assert stamps.of_zone(None) is stamps

"""What the configuration says of rows: zones, today, and where a key is set."""

from datetime import date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from forecast_assets.configuration.commodities import Commodity, FileSource
from forecast_assets.market.meaning import Meaning


def meaning(calendar: str = "from_data", **source: Any) -> Meaning:
    given = {"type": "file", "path": "a.csv"} if "type" not in source else {}
    commodity = {"unit": "EUR/MWh", "source": given | source, "calendar": calendar}
    return Meaning.of("Gas", Commodity.model_validate(commodity))


LATE = datetime(2026, 11, 24, 23, 30)  # noqa: DTZ001 - UTC, as the tables keep it


@pytest.mark.parametrize(
    ("calendar", "timezone", "today"),
    [
        ("from_data", None, 24),
        ("from_data", "Europe/Berlin", 25),
        ("CMES", None, 24),
        ("XTKS", None, 25),
        ("XTKS", "America/New_York", 24),
        ("24/7", None, 24),
    ],
)
def test_today_is_the_day_where_it_trades(calendar: str, timezone: str | None, today: int) -> None:
    assert meaning(calendar, timezone=timezone).today(LATE) == date(2026, 11, today)


def test_sources_that_are_dropped_into_have_the_keys_and_live_ones_none() -> None:
    landing = meaning(type="landing", known_ahead=2, aggregate="last", weekends="drop")
    assert (landing.known_ahead, landing.aggregate, landing.weekends) == (2, True, "drop")
    assert landing.hint("timezone") == "set commodities.Gas.source.timezone"
    live = meaning("XTKS", type="yahoo", symbol="X")
    assert str(live.zone) == "Asia/Tokyo"
    assert "of a source of type file or landing" in live.hint("timezone")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timezone", "Berlin"),
        ("timezone", "+01:00"),
        ("aggregate", "mean"),
        ("weekends", "skip"),
        ("known_ahead", -1),
        ("known_ahead", 32),
        ("known_ahead", "1"),
        ("prefer", ""),
    ],
)
def test_a_value_that_means_nothing_is_an_error(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        FileSource.model_validate({"type": "file", "path": "a.csv", key: value})

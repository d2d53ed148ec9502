"""Which earlier forecast is laid under the newest one."""

from datetime import date

from forecast_assets.evaluation.records import Publication
from forecast_assets.report.comparing import earlier_of

FRIDAY, MONDAY, TUESDAY = date(2024, 1, 5), date(2024, 1, 8), date(2024, 1, 9)
NEWEST = Publication(TUESDAY, "ets", "")
SHELF = [
    Publication(FRIDAY, "garch", ""),
    *(Publication(MONDAY, name, "") for name in ("arima", "ets", "naive")),
    NEWEST,
]


def test_it_is_from_the_day_or_else_from_the_last_before_it() -> None:
    assert earlier_of(SHELF, NEWEST, FRIDAY) == SHELF[0]
    assert earlier_of(SHELF, NEWEST, date(2024, 1, 7)) == SHELF[0]
    assert earlier_of(SHELF, NEWEST, date(2024, 1, 4)) is None
    assert earlier_of(SHELF, NEWEST, TUESDAY) is None


def test_of_several_of_one_day_it_is_that_of_the_same_model_or_the_first_by_name() -> None:
    assert earlier_of(SHELF, NEWEST, MONDAY) == Publication(MONDAY, "ets", "")
    other = Publication(TUESDAY, "theta", "")
    assert earlier_of(SHELF, other, MONDAY) == Publication(MONDAY, "arima", "")

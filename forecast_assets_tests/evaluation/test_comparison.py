"""What changed between two forecasts, and the causes that the tables show: cases made by hand."""

from dataclasses import replace
from datetime import date

import pytest

from forecast_assets.evaluation.comparison import Comparison, Said, Statement

DAYS = [date(2024, 1, day) for day in (2, 3, 4, 5)]


def said(session: date | None, day_ahead: int, median: float, half: float) -> Said:
    return Said(session, day_ahead, median, median - half, median + half, None)


MONDAY = Statement(
    "garch",
    "v1.0",
    date(2024, 1, 1),
    100.0,
    date(2024, 1, 1),
    "one",
    [said(day, k + 1, 100.0 + k, 2.0 * (k + 1)) for k, day in enumerate(DAYS[:3])],
)
"""Of the 2nd to the 4th: 100, 101 and 102, and intervals 4, 8 and 12 wide."""

TUESDAY = replace(
    MONDAY,
    cutoff=date(2024, 1, 2),
    ahead=[said(day, k + 1, 100.0 + k, 2.0 * (k + 1)) for k, day in enumerate(DAYS[1:])],
)
"""Of the 3rd to the 5th, and all else the same."""


def causes(earlier: Statement, newest: Statement) -> dict[str, str]:
    return {each.kind: each.found for each in Comparison(earlier, newest).causes}


def test_only_sessions_that_both_speak_of_are_compared_each_with_itself() -> None:
    found = Comparison(MONDAY, TUESDAY).targets
    assert [target.session for target in found] == DAYS[1:3]
    assert [(x.earlier.day_ahead, x.newest.day_ahead) for x in found] == [(2, 1), (3, 2)]
    assert [target.change for target in found] == [100.0 - 101.0, 101.0 - 102.0]
    assert Comparison(MONDAY, TUESDAY).moved("USD") == (
        "the median for 2024-01-04 is 101 USD, and was 102 in the forecast from 2024-01-01:"
        " -1 (-1.0 %)"
    )


def test_days_that_are_not_known_are_not_compared() -> None:
    unknown = replace(TUESDAY, ahead=[replace(x, session=None) for x in TUESDAY.ahead])
    found = Comparison(replace(MONDAY, ahead=unknown.ahead), unknown)
    assert found.targets == []
    assert found.moved("USD") is None


def test_without_a_difference_there_is_no_cause() -> None:
    assert causes(MONDAY, TUESDAY) == {}


def test_a_price_that_moved_is_told_with_both_closes() -> None:
    assert causes(MONDAY, replace(TUESDAY, close=105.0))["price moved"] == (
        "the close was 100 on 2024-01-01 and 105 on 2024-01-02 (+5.0 %)"
    )
    below_zero = causes(replace(MONDAY, close=-37.0), replace(TUESDAY, close=10.0))
    assert below_zero["price moved"].endswith("-37 on 2024-01-01 and 10 on 2024-01-02")
    assert "price moved" not in causes(replace(MONDAY, close=None), TUESDAY)


def wider(forecast: Statement, factor: float) -> Statement:
    """The same with intervals around the same medians that are wider by a factor."""
    return replace(
        forecast,
        ahead=[
            said(x.session, x.day_ahead, x.median, x.width / 2 * factor) for x in forecast.ahead
        ],
    )


def widening(earlier: Statement, newest: Statement) -> float:
    """By which share the interval three sessions ahead is wider."""
    found = Comparison(earlier, newest).width_change
    assert found is not None
    assert found[0] == 3
    return found[1]


def test_volatility_is_that_of_the_last_session_ahead_in_shares_of_the_closes() -> None:
    assert causes(MONDAY, wider(TUESDAY, 1.1)) == {
        "volatility moved": "the 80 % interval 3 sessions ahead, in % of the close, is 10.0 % wider"
    }
    dearer = replace(wider(TUESDAY, 1.5), close=150.0)  # wider by as much as the price went up
    assert widening(MONDAY, dearer) == pytest.approx(0.0)
    assert widening(MONDAY, wider(TUESDAY, 0.5)) == pytest.approx(-0.5)
    below_zero = replace(MONDAY, close=-37.0)
    assert widening(below_zero, dearer) == pytest.approx(0.5)
    assert causes(below_zero, dearer)["volatility moved"].startswith(
        "the 80 % interval 3 sessions ahead is 50.0 %"
    )


def test_a_model_that_was_retrained_is_told_with_its_training_dates() -> None:
    later = replace(TUESDAY, payload_sha256="two", training_date=date(2024, 1, 2))
    assert causes(MONDAY, later) == {
        "model retrained": "the model is that of 2024-01-02, and before that of 2024-01-01"
    }
    assert causes(MONDAY, replace(TUESDAY, payload_sha256="two")) == {
        "model retrained": "garch v1.0 was fitted again for 2024-01-01"
    }


def test_another_model_is_no_sign_of_volatility_or_of_training() -> None:
    other = wider(replace(TUESDAY, model_name="ets", payload_sha256="two"), 2.0)
    assert causes(MONDAY, other) == {
        "other model published": "ets v1.0, and before that garch v1.0; the 80 % interval 3"
        " sessions ahead, in % of the close, is 100.0 % wider"
    }


def test_data_were_revised_if_the_earlier_forecast_is_stale_and_the_newest_is_not() -> None:
    stale = replace(MONDAY, is_stale=True)
    day, later = date(2023, 12, 28), date(2023, 12, 29)
    assert causes(replace(stale, revised=(day, day)), TUESDAY) == {
        "data revised": "the close of 2023-12-28 was revised after the forecast from 2024-01-01"
    }
    several = causes(replace(stale, revised=(day, later)), TUESDAY)["data revised"]
    assert several.startswith("the close of sessions from 2023-12-28 to 2023-12-29 was revised")
    assert causes(stale, TUESDAY) == {
        "data revised": "a covariate was revised after the forecast from 2024-01-01"
    }
    assert causes(stale, replace(TUESDAY, is_stale=True)) == {}  # both know what was revised


def test_a_forecast_that_was_drawn_again_is_told_with_its_reasons() -> None:
    again = replace(MONDAY, drawn_again=["revised history"])
    assert causes(again, TUESDAY) == {
        "drawn again": "the forecast from 2024-01-01, since it was first issued: revised history"
    }


def test_all_causes_are_told_together_in_one_order() -> None:
    newest = wider(replace(TUESDAY, close=105.0, payload_sha256="two"), 1.3)
    earlier = replace(MONDAY, is_stale=True, drawn_again=["other code"])
    assert list(causes(earlier, newest)) == [
        "price moved",
        "volatility moved",
        "model retrained",
        "data revised",
        "drawn again",
    ]

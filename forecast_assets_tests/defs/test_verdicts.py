"""Verdicts: what alerts read of a check is what the check found."""

from typing import Any

import pytest
from dagster import AssetCheckEvaluation, AssetCheckSeverity, AssetKey

from forecast_assets.automation.freshness import GREEN, RED, YELLOW
from forecast_assets.defs.verdicts import Verdict, Wrong, of_wrong

COFFEE = {"commodity": "Coffee", "found": "3 days old"}
SUGAR = {"commodity": "Sugar", "level": "yellow", "found": "2 days old"}
WINDOW = {"partition": "Coffee|2020-01-01", "found": "naive narrows"}


def evaluation(*rows: dict[str, str], severity: AssetCheckSeverity) -> AssetCheckEvaluation:
    metadata: dict[str, Any] = of_wrong(rows)
    return AssetCheckEvaluation(
        AssetKey("prices"), "price_freshness", not rows, metadata=metadata, severity=severity
    )


@pytest.mark.parametrize(
    ("row", "severity", "level", "wrong"),
    [
        (COFFEE, AssetCheckSeverity.WARN, YELLOW, Wrong("Coffee", YELLOW, "3 days old")),
        (COFFEE, AssetCheckSeverity.ERROR, RED, Wrong("Coffee", RED, "3 days old")),
        (SUGAR, AssetCheckSeverity.ERROR, RED, Wrong("Sugar", YELLOW, "2 days old")),
        (
            WINDOW,
            AssetCheckSeverity.WARN,
            YELLOW,
            Wrong(WINDOW["partition"], YELLOW, "naive narrows"),
        ),
    ],
)
def test_what_is_written_of_a_check_is_read_again(
    row: dict[str, str], severity: AssetCheckSeverity, level: str, wrong: Wrong
) -> None:
    found = Verdict.of(evaluation(row, severity=severity), "a run")
    assert found == Verdict(level, [wrong], "a run")


def test_a_check_that_passed_is_green() -> None:
    verdict = Verdict.of(evaluation(severity=AssetCheckSeverity.ERROR), "a run")
    assert verdict == Verdict(GREEN, run_id="a run")
    assert (verdict.of_whom, verdict.text) == ("", "")


def test_a_verdict_names_each_with_its_level_and_says_what_is_wrong_a_line_each() -> None:
    rows = ({"commodity": "Coffee", "level": "red", "found": "3 days old"}, SUGAR)
    verdict = Verdict.of(evaluation(*rows, severity=AssetCheckSeverity.ERROR), "a run")
    assert verdict.of_whom == "Coffee red, Sugar yellow"
    assert verdict.text == "Coffee: 3 days old\nSugar: 2 days old"

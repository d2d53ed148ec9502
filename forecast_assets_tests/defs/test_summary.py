"""What a run says that it did."""

from dataclasses import replace
from datetime import date

import pytest

from forecast_assets.automation.results import PageWritten, Result
from forecast_assets.defs.summary import Summaries, Summary, counted, spoken_bytes
from forecast_assets_tests import results
from forecast_assets_tests.results import BROKEN, WINDOW


def test_results_are_added_up_by_commodity() -> None:
    other = replace(WINDOW, training_date=date(2020, 4, 1), end=date(2020, 7, 1))
    crude = replace(WINDOW, commodity="Crude|oil")
    summaries = Summaries()
    summaries.add(
        [
            results.prices_landed(files=2),
            results.prices_read(),
            results.trained(4),
            replace(results.trained(0, 4), window=other),
            replace(results.trained(1), window=crude),
            results.forecast(),
            replace(results.forecast(BROKEN, drawn=5, redrawn=0), window=other),
            results.scored(6),
            PageWritten(["old prices"]),
            results.features_joined(),
        ]
    )
    summaries.add([results.scored(1)])
    assert summaries.of("Coffee") == Summary(
        "Coffee",
        files=2,
        added=8,
        revised=2,
        withdrawn=1,
        windows=1,
        models=4,
        drawn=15,
        redrawn=4,
        reissued=2,
        kept=14,
        outcomes=10,
        scored=7,
    )
    assert summaries.of("Crude|oil") == Summary("Crude|oil", windows=1, models=1)
    assert summaries.of("Gold").nothing_done


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (results.prices_read(), "3 new sessions, 2 sessions revised, 1 session withdrawn"),
        (results.prices_landed(), "2 files landed, 5 new sessions"),
        (results.trained(2, 3), "1 window trained (2 models)"),
        (results.trained(0, 3), "nothing was due"),
        (results.trained(0, 0, BROKEN), "nothing was due"),
        (
            results.forecast(),
            "10 forecasts drawn, 3 of them redrawn and 1 of them reissued, 7 forecasts kept,"
            " 5 outcomes joined (one a date)",
        ),
        (results.scored(6), "6 forecasts scored"),
        (results.features_joined(), "nothing was due"),
    ],
)
def test_each_result_is_a_line_of_its_own(result: Result, line: str) -> None:
    summaries = Summaries()
    summaries.of("Coffee").begun = True
    summaries.add([result])
    assert summaries.of("Coffee").line() == f"Coffee: {line}; 0 s"


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        (Summary("WTI", begun=True, seconds=3), "WTI: nothing was due; 3 s"),
        (Summary("WTI", begun=True, failed=True, seconds=3), "WTI: nothing was done; 3 s"),
        (Summary("WTI"), "WTI: not begun"),
        (
            Summary("[Gold]", begun=True, added=1, windows=2, models=8, seconds=130),
            "[Gold]: 1 new session, 2 windows trained (8 models); 2 min",
        ),
        (
            Summary("WTI", begun=True, drawn=1200, redrawn=20, reissued=1, kept=3, outcomes=1),
            "WTI: 1,200 forecasts drawn, 19 of them redrawn and 1 of them reissued,"
            " 3 forecasts kept, 1 outcome joined (one a date); 0 s",
        ),
        (
            Summary("WTI", begun=True, drawn=2, redrawn=2, reissued=2),
            "WTI: 2 forecasts drawn, 2 of them reissued; 0 s",
        ),
        (
            Summary("WTI", begun=True, drawn=9, redrawn=4, outcomes=14, scored=84),
            "WTI: 9 forecasts drawn, 4 of them redrawn, 14 outcomes joined (one a date),"
            " 84 forecasts scored; 0 s",
        ),
        (
            Summary("WTI", begun=True, files=2, revised=3, withdrawn=1, scored=1),
            "WTI: 2 files landed, 3 sessions revised, 1 session withdrawn, 1 forecast scored; 0 s",
        ),
        (Summary("WTI", begun=True, kept=5), "WTI: 5 forecasts kept; 0 s"),
    ],
)
def test_a_line_says_what_was_done_and_leaves_out_what_was_not(summary: Summary, line: str) -> None:
    assert summary.line() == line


def test_kept_forecasts_are_no_work() -> None:
    assert Summary("WTI", kept=5).nothing_done
    assert not Summary("WTI", kept=5, outcomes=1).nothing_done


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1_234, "1.23 kB"), (88_879_104, "88.9 MB"), (2.5e9, "2.5 GB")],
)
def test_sizes_are_said_with_three_digits(size: float, words: str) -> None:
    assert spoken_bytes(size) == words


def test_what_there_is_none_of_is_not_said() -> None:
    assert counted(0, "session", "sessions") == ""
    assert counted(1, "session", "sessions") == "1 session"

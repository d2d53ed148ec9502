"""What a run says that it did."""

from typing import Any

import pytest
from dagster import AssetMaterialization, AssetObservation

from forecast_assets.defs.summary import Summaries, Summary, counted, spoken_bytes


def said(asset: str, partition: str | None, **metadata: Any) -> AssetMaterialization:
    return AssetMaterialization(asset_key=asset, partition=partition, metadata=metadata)


def test_partitions_are_added_up_by_commodity() -> None:
    summaries = Summaries()
    summaries.add(
        [
            said("prices", "WTI", sessions_added=3, sessions_revised=1, sessions_withdrawn=0),
            said("trained_models", "WTI|2020-01-01", models_fitted=4),
            said("trained_models", "WTI|2020-07-01", models_fitted=0),
            said("trained_models", "Crude|oil|2020-01-01", models_fitted=1),
            said("distributions", "WTI|2020-01-01", forecasts_drawn=10, forecasts_redrawn=4),
            AssetObservation(
                asset_key="distributions",
                partition="WTI|2020-07-01",
                metadata={"forecasts_drawn": 5, "forecasts_kept": 7, "forecasts_reissued": 1},
            ),
            said("scores", "WTI|2020-01-01", forecasts_scored=6),
            said("report", None, path="report.html"),
            said("features", "WTI", rows_added=9),
        ]
    )
    summaries.add([said("prices", "WTI", sessions_added=2, files_landed=2)] * 2)
    assert summaries.of("WTI") == Summary(
        "WTI",
        files=2,
        added=5,
        revised=1,
        windows=1,
        models=4,
        drawn=15,
        redrawn=4,
        reissued=1,
        kept=7,
        scored=6,
    )
    assert summaries.of("Crude|oil").windows == 1
    assert summaries.of("Gold").nothing_done


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

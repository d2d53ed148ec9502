"""Work: what a run is for, as people read it."""

import pytest

from forecast_assets.automation.work import Work, in_words


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["score WTI|2026-07-01", "forecast WTI|2026-07-01"], "WTI 2026-07-01: forecast, score"),
        (["train WTI|2026-07-01"], "WTI 2026-07-01: train"),
        (
            ["forecast Gold|2026-07-01", "forecast WTI|2026-07-01", "score WTI|2026-07-01"],
            "Gold 2026-07-01: forecast; WTI 2026-07-01: forecast, score",
        ),
        (
            [f"score {name}|2026-01-01" for name in ("Gold", "Rice", "Tin", "WTI", "Zinc")],
            "Gold 2026-01-01, Rice 2026-01-01, Tin 2026-01-01 and 2 more: score",
        ),
        (["land prices of today.csv"], "prices of today.csv: land"),
        (["prices Brent crude"], "Brent crude: prices"),
        (["publish"], "publish"),
    ],
)
def test_pieces_of_work_are_told_in_words(names: list[str], expected: str) -> None:
    assert in_words([Work(name, "abc123") for name in names]) == expected

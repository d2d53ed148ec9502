"""Two forecasts in a terminal: numbers of each session, and both intervals on one scale."""

from dataclasses import replace
from datetime import date

from rich.console import Console

from forecast_assets.evaluation.comparison import Comparison, Said, Statement
from forecast_assets.report.comparison_table import comparison_bars, comparison_table

DAYS = [date(2024, 1, day) for day in (3, 4)]
EARLIER = Statement(
    "garch",
    "v1.0",
    date(2024, 1, 1),
    50.0,
    date(2024, 1, 1),
    "one",
    [Said(day, 2 + k, 20.0 + k, 10.0, 30.0, None) for k, day in enumerate(DAYS)],
)
NEWEST = replace(
    EARLIER,
    cutoff=date(2024, 1, 2),
    ahead=[Said(day, 1 + k, 25.0, 20.0, 49.0, 22.5) for k, day in enumerate(DAYS)],
)
FOUND = Comparison(EARLIER, NEWEST)


def printed(found: Comparison, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(comparison_table(found, 2, width))
    return captured.get().splitlines()


def test_a_row_has_both_medians_and_intervals_the_change_and_what_came() -> None:
    row = " ".join(printed(FOUND, 150)[3].split())
    assert row.startswith("2024-01-04 21.00 25.00 +4.00 10.00 to 30.00 20.00 to 49.00 22.50 ")
    coming = replace(NEWEST, ahead=[replace(x, actual=None) for x in NEWEST.ahead])
    nothing_yet = Comparison(EARLIER, coming)
    assert "actual" in printed(FOUND, 150)[1]
    assert "actual" not in printed(nothing_yet, 150)[1]


def test_bars_are_to_scale_and_left_out_where_there_is_no_room() -> None:
    # From 10 to 49 in 40 places: a price is its place, and 10.
    bar, below = comparison_bars(FOUND.targets, 40)
    assert str(bar) == "░" * 10 + "╎" + "▓" * 4 + "┃" + "▓" * 5 + "▒" * 19
    assert str(below) == "░" * 10 + "▓╎" + "▓" * 3 + "┃" + "▓" * 5 + "▒" * 19
    assert "┃" in printed(FOUND, 120)[2]
    assert all("┃" not in line and len(line) <= 80 for line in printed(FOUND, 80))


def test_medians_at_one_place_have_a_mark_of_their_own() -> None:
    (bar, _) = comparison_bars(Comparison(NEWEST, NEWEST).targets, 30)
    assert str(bar) == "▓" * 5 + "╋" + "▓" * 24

import re
from datetime import date

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from forecast_assets.forecast.records import Fan
from forecast_assets.report.terminal import fan_table


def fan(paths: np.ndarray) -> Fan:
    return Fan(date(2024, 1, 2), date(2024, 1, 3), paths.astype(np.float32))


def wandering(close: float, scale: float, horizon: int = 14) -> Fan:
    steps = np.random.default_rng(1).standard_normal((500, horizon)) * scale
    return fan(close + np.cumsum(steps, axis=1))


def printed(table: Table, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()


def test_bounds_are_the_quantiles_of_the_paths_of_each_session() -> None:
    # 41 paths 10, 11, ... 50: level q is 10 + 40 q, so 2.5 % is 11 and 97.5 % is 49.
    paths = np.arange(10, 51.0)[:, None] + np.array([0, 100])
    lines = printed(fan_table(fan(paths), "USD", 30), 100)
    assert re.match(
        r"  1 +30\.00 +20\.00 to +40\.00 +14\.00 to +46\.00 +11\.00 to +49\.00 +50 %", lines[2]
    )
    assert re.match(r"  2 +130\.00 +120\.00 to 140\.00 .*100 %", lines[3])


def test_a_path_that_ends_at_the_close_counts_half() -> None:
    # Of four paths one is above and two are at the close: 1/4 + 2/4/2 = 50 %.
    table = fan_table(fan(np.array([[9.0], [10.0], [10.0], [11.0]])), "USD", 10)
    assert "50 %  " in printed(table, 100)[2]
    # One above, none at, three below: 25 %.
    table = fan_table(fan(np.array([[9.0], [9.0], [9.0], [11.0]])), "USD", 10)
    assert "25 %  " in printed(table, 100)[2]


def test_the_bar_is_drawn_to_scale_with_its_marks() -> None:
    # Levels 11, 14, 20, 30, 40, 46, 49 of 0 (the close) to 49: 50 places, so a price is its place.
    paths = np.arange(10, 51.0)[:, None]
    # Before it: day 3, median 6, three bounds of 14 and above 5, each with a gap of 2: 68.
    line = printed(fan_table(fan(paths), "USD", 0, 68 + 50), 68 + 50)[2]
    bar = line[68:]
    assert bar == "╎" + " " * 10 + "░" * 3 + "▒" * 6 + "▓" * 10 + "┃" + "▓" * 10 + "▒" * 6 + "░" * 3


@pytest.mark.parametrize("width", [100, 80])
@pytest.mark.parametrize(
    ("close", "scale"), [(86.48, 1.5), (12345.6, 150), (0.0123, 0.0002), (1.0, 3.0), (-37.0, 4.0)]
)
def test_every_row_fits_the_terminal(close: float, scale: float, width: int) -> None:
    lines = printed(fan_table(wandering(close, scale), "USD/bbl", close, width), width)
    assert len(lines) == 2 + 14 + 1
    assert max(map(len, lines)) <= width
    for line in lines[2:-1]:
        assert "▓" in line
        assert "┃" in line or "╋" in line
        assert "95 %" not in line


def test_a_narrow_terminal_loses_the_inner_bounds_and_keeps_the_fan() -> None:
    narrow, wide = (
        printed(fan_table(wandering(86.48, 1.5), "USD", 86.48, width), width)[1]
        for width in (80, 100)
    )
    assert wide.split() == ["day", "median", "50", "%", "80", "%", "95", "%", "above"]
    assert narrow.split() == ["day", "median", "80", "%", "95", "%", "above"]


def test_paths_that_are_all_the_close_are_one_mark() -> None:
    lines = printed(fan_table(fan(np.zeros((5, 3))), "USD", 0.0), 100)
    assert all(line.rstrip().endswith("╋") for line in lines[2:-1])
    assert "0.00 to 0.00" in lines[2]


def test_a_unit_is_no_markup() -> None:
    assert "[red]USD[/red]" in printed(fan_table(wandering(10, 1), "[red]USD[/red]", 10), 100)[0]

"""A forecast in a terminal: a table whose last column shows the intervals as horizontal bars."""

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from forecast_assets.forecast.points import LEVELS
from forecast_assets.forecast.records import Fan
from forecast_assets.forecast.risk import probability_above
from forecast_assets.outside import plain

BANDS = ((0, 6, "░"), (1, 5, "▒"), (2, 4, "▓"))
"""The positions of an interval's bounds in LEVELS, and its character; the widest first."""
MEDIAN, CLOSE, BOTH = "┃", "╎", "╋"
STYLES = {"░": "blue", "▒": "blue", "▓": "blue", MEDIAN: "bold", CLOSE: "yellow", BOTH: "yellow"}
INTERVALS = {"50 %": (2, 4), "80 %": (1, 5), "95 %": (0, 6)}
LEFT_OUT_FIRST = ("50 %", "80 %")
"""The columns of the table that are left out first if the fan would be too narrow."""
FAN_WIDTH = 16
"""The least width of a readable fan, in characters."""
WIDEST_FAN = 60
GAP = 2
"""The space between two columns, in characters."""
DIGITS = 5
MOST_DECIMALS = 6


def fan_table(fan: Fan, unit: str, close: float, width: int = 100) -> Table:
    """A row for each session ahead: median, bounds, probability above the close, and the fan.

    ``close``: the last close before the forecast, in ``unit``. ``width``: that of the terminal in
    characters, at least 60; in a narrow one the inner bounds are shown only in the fan. A path that
    ends at the close counts as half above it.
    """
    quantiles = np.quantile(fan.paths.astype(np.float64), LEVELS, axis=0)
    texts = _columns(quantiles, close, fan.paths)
    for name in LEFT_OUT_FIRST:
        if width - _width(texts) < FAN_WIDTH:
            del texts[name]
    bars = fan_bars(quantiles, close, min(max(width - _width(texts), FAN_WIDTH), WIDEST_FAN))
    table = Table(
        title=Text(
            f"from {fan.start}, last close {_price(close, _decimals(quantiles))}"
            f" on {fan.cutoff} ({plain(unit)})"
        ),
        caption=f"░ 95 %  ▒ 80 %  ▓ 50 %  {MEDIAN} median  {CLOSE} last close",
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
    )
    for heading in texts:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for cells in zip(*texts.values(), bars, strict=True):
        table.add_row(*cells)
    return table


def _columns(
    quantiles: NDArray[np.float64], close: float, paths: NDArray[np.float32]
) -> dict[str, list[str]]:
    """The texts of each column, by its heading."""
    decimals = _decimals(quantiles)
    above = probability_above(paths.T, close)
    columns = {
        "day": [str(day) for day in range(1, quantiles.shape[1] + 1)],
        "median": [_price(value, decimals) for value in quantiles[LEVELS.index(0.5)]],
    }
    for name, (lower, upper) in INTERVALS.items():
        lows = [_price(value, decimals) for value in quantiles[lower]]
        highs = [_price(value, decimals) for value in quantiles[upper]]
        longest = max(map(len, highs))
        columns[name] = [
            f"{low} to {high:>{longest}}" for low, high in zip(lows, highs, strict=True)
        ]
    columns["above"] = [f"{share * 100:.0f} %" for share in above]
    return columns


def _width(texts: dict[str, list[str]]) -> int:
    """The width of the texts and the gaps after them, in characters."""
    return sum(max(map(len, [name, *cells])) + GAP for name, cells in texts.items())


def fan_bars(quantiles: NDArray[np.float64], close: float, width: int) -> list[Text]:
    """One bar for each session ahead, all on one scale from the lowest to the highest bound.

    ``quantiles``: at LEVELS, shape (len(LEVELS), n). ``width``: of a bar, in characters.
    """
    low, high = min(quantiles.min(), close), max(quantiles.max(), close)
    scale = (width - 1) / (high - low) if high > low else 0.0
    places = np.rint((quantiles - low) * scale).astype(int)
    return [_bar(row, int(np.rint((close - low) * scale)), width) for row in places.T]


def _bar(places: NDArray[np.int_], close: int, width: int) -> Text:
    characters = [" "] * width
    for lower, upper, character in BANDS:
        for place in range(places[lower], places[upper] + 1):
            characters[place] = character
    median = int(places[LEVELS.index(0.5)])
    characters[close] = CLOSE
    characters[median] = BOTH if median == close else MEDIAN
    bar = Text()
    for character in characters:
        bar.append(character, style=STYLES.get(character))
    return bar


def _decimals(quantiles: NDArray[np.float64]) -> int:
    """The decimals that give the largest price about five digits; at most two from 1 on."""
    largest = float(np.abs(quantiles).max())
    whole = int(np.floor(np.log10(largest))) + 1 if largest > 0 else 1
    return max(min(DIGITS - whole, 2 if whole > 0 else MOST_DECIMALS), 0)


def _price(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"

"""Two forecasts laid over each other in a terminal: a table whose last column shows both."""

import numpy as np
from rich.table import Table
from rich.text import Text

from forecast_assets.evaluation.comparison import Comparison, Said, Target

GAP = 2
"""The space between two columns, in characters."""
FAN_WIDTH, WIDEST_FAN = 20, 60
"""The least and greatest width of the bars, in characters; narrower ones are left out."""
EARLIER, NEWEST, BOTH = "░", "▒", "▓"
MEDIAN_EARLIER, MEDIAN, MEDIANS = "╎", "┃", "╋"
STYLES = {
    EARLIER: "yellow",
    NEWEST: "blue",
    BOTH: "blue",
    MEDIAN_EARLIER: "yellow",
    MEDIAN: "bold",
    MEDIANS: "bold",
}


def comparison_table(found: Comparison, decimals: int, width: int = 100) -> Table:
    """A row for each session of which both forecasts say something, with both as a bar beside it.

    ``decimals``: those of prices. ``width``: that of the terminal in characters.
    """
    columns = _columns(found.targets, decimals)
    room = width - sum(max(map(len, [name, *cells])) + GAP for name, cells in columns.items())
    table = Table(
        title=Text(f"from {found.earlier.cutoff}, and then from {found.newest.cutoff}"),
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
    )
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    bars = comparison_bars(found.targets, min(room, WIDEST_FAN)) if room >= FAN_WIDTH else []
    if bars:
        table.add_column("", no_wrap=True)
        table.caption = Text(
            f"80 %: {EARLIER} {found.earlier.cutoff}  {NEWEST} {found.newest.cutoff}  {BOTH} both;"
            f" median: {MEDIAN_EARLIER} {found.earlier.cutoff}  {MEDIAN} {found.newest.cutoff}"
        )
    for place, cells in enumerate(zip(*columns.values(), strict=True)):
        table.add_row(*cells, *bars[place : place + 1])
    return table


def _columns(targets: list[Target], decimals: int) -> dict[str, list[str]]:
    def price(value: float) -> str:
        return f"{value:.{decimals}f}"

    def interval(said: Said) -> str:
        return f"{price(said.lower_80)} to {price(said.upper_80)}"

    columns = {
        "session": [str(x.session) for x in targets],
        "median then": [price(x.earlier.median) for x in targets],
        "now": [price(x.newest.median) for x in targets],
        "change": [f"{x.change:+.{decimals}f}" for x in targets],
        "80 % then": [interval(x.earlier) for x in targets],
        "80 % now": [interval(x.newest) for x in targets],
    }
    if any(x.actual is not None for x in targets):
        columns["actual"] = ["" if x.actual is None else price(x.actual) for x in targets]
    return columns


def comparison_bars(targets: list[Target], width: int) -> list[Text]:
    """A bar for each session, all on one scale; ``width``: of a bar, in characters."""
    both = [said for x in targets for said in (x.earlier, x.newest)]
    low, high = min(x.lower_80 for x in both), max(x.upper_80 for x in both)
    scale = (width - 1) / (high - low) if high > low else 0.0

    def place(value: float) -> int:
        return int(np.rint((value - low) * scale))

    def within(said: Said) -> set[int]:
        return set(range(place(said.lower_80), place(said.upper_80) + 1))

    bars = []
    for target in targets:
        earlier, newest = within(target.earlier), within(target.newest)
        characters = dict.fromkeys(earlier, EARLIER) | dict.fromkeys(newest, NEWEST)
        characters |= dict.fromkeys(earlier & newest, BOTH)
        before, after = place(target.earlier.median), place(target.newest.median)
        characters |= {before: MEDIAN_EARLIER, after: MEDIANS if before == after else MEDIAN}
        bar = Text()
        for at in range(width):
            character = characters.get(at, " ")
            bar.append(character, style=STYLES.get(character))
        bars.append(bar)
    return bars

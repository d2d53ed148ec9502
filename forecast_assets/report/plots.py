"""Plots as PNG images, embedded in Markdown for Dagster's metadata or in the report's page."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from forecast_assets.evaluation.comparison import Comparison
from forecast_assets.forecast.records import Fan
from forecast_assets.timeline.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BANDS = (
    (0.025, 0.975, "95 %", "#cfe2f0"),
    (0.1, 0.9, "80 %", "#a6c8e1"),
    (0.25, 0.75, "50 %", "#7eaed3"),
)
"""The lower and upper level, name and colour of each interval, the widest first."""
COVERAGES = ((0.95, "tab:blue"), (0.8, "tab:orange"))
"""The nominal coverage and colour of each interval whose coverage is shown."""
CONTEXT_SESSIONS = 40
"""How many sessions of history are shown before a fan."""
PAST_SESSIONS = 120
"""Past fans are shown over this many sessions."""
LAID_OVER = (("tab:orange", "#f6d3ad"), ("tab:blue", "#a6c8e1"))
"""The colours of the median and the interval of an earlier forecast, and of the newest."""
DATES_SHOWN = 7
"""About so many sessions are named on an axis."""
PIT_BINS = 10
CHANCE = 0.95
"""The probability that a bar is inside the band if the PIT is uniform."""
DOTS_PER_INCH = 80
COLOURS = 16
"""The number of colours of a picture in metadata; with so few it needs a quarter of the bytes."""
COLUMNS = 2
PAGE_DOTS_PER_INCH = 140
PAGE_FONT = 12
"""The font size in points; a figure 7 inches wide is readable with it on a phone of 390 pixels."""
PAGE_SIZE = (7.0, 4.2)
HALF_PAGE_SIZE = (6.0, 4.0)


@dataclass(frozen=True)
class Picture:
    """An image without a file: ``source`` is a data URI, and sizes are in pixels."""

    text: str
    source: str
    width: int
    height: int

    @property
    def png(self) -> bytes:
        """The image as the bytes of a file."""
        return base64.b64decode(self.source.partition(",")[2])

    @property
    def markdown(self) -> str:
        """The image as Markdown."""
        return f"![{self.text}]({self.source})"


def price_plot(history: History, unit: str) -> str:
    """All closes of a commodity, as Markdown."""
    figure = _figure((8, 3))
    axes = figure.subplots()
    axes.plot(history.dates, history.closes, linewidth=0.8)
    axes.set_ylabel(unit)
    axes.set_title(f"{history.commodity}: {len(history)} closes up to {history.newest}")
    axes.grid(alpha=0.3)
    return _small(figure, f"closes of {history.commodity}").markdown


def feature_plot(history: History, units: Mapping[str, str]) -> str:
    """Each covariate as it was known at every session, as Markdown.

    ``history``: with at least one covariate. ``units``: the units of the covariates, by name.
    """
    names = history.feature_names
    count = len(names)
    figure = _figure((8, 1.8 * count + 0.6))
    panels = figure.subplots(count, squeeze=False, sharex=True).flat
    for panel, name, values in zip(panels, names, history.features.T, strict=True):
        panel.plot(history.dates, values, linewidth=0.8)
        unit = units.get(name)
        panel.set_ylabel(f"{name} ({unit})" if unit else name)
        panel.grid(alpha=0.3)
    figure.axes[-1].set_xlabel("session")
    figure.suptitle(f"{history.commodity}: covariates as known at each close")
    return _small(figure, f"covariates of {history.commodity}").markdown


def fan_chart(history: History, fans: Mapping[str, Fan], unit: str) -> str:
    """The newest forecast of each model over the last closes, as Markdown."""
    rows = -(-len(fans) // COLUMNS)
    figure = _figure((8, 2.8 * rows))
    panels = list(figure.subplots(rows, COLUMNS, squeeze=False, sharey=True).flat)
    for panel, (name, fan) in zip(panels, fans.items(), strict=False):
        _draw_newest(panel, history.known_at(fan.cutoff), fan)
        panel.set_title(f"{name}, from {fan.start}", fontsize=9)
        panel.set_ylabel(unit)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=7)
    for unused in panels[len(fans) :]:
        unused.set_visible(False)
    figure.suptitle(f"{history.commodity}: the next sessions, by model")
    return _small(figure, f"forecasts of {history.commodity}").markdown


def score_plot(held: pd.DataFrame, unit: str) -> str:
    """CRPS and coverage of each model by session ahead, as Markdown.

    ``held``: rows of ``forecast.scores``, at least one. Models are compared at the cutoffs that
    all of them have; if there is none, the legend says how many forecasts each model has.
    """
    by_model = {name: set(scores.data_cutoff_date) for name, scores in held.groupby("model_name")}
    common = set.intersection(*by_model.values())
    if common:
        held = held[held.data_cutoff_date.isin(common)]
    figure = _figure((8, 3))
    left, right = figure.subplots(1, 2)
    for name, scores in held.groupby("model_name"):
        means = scores.groupby("day_ahead")[["crps", "covered_80"]].mean()
        label = name if common else f"{name} ({len(by_model[name])} forecasts)"
        left.plot(means.index, means.crps, marker="o", markersize=3, label=label)
        right.plot(means.index, means.covered_80, marker="o", markersize=3)
    right.axhline(0.8, color="black", linewidth=0.8)
    left.set_ylabel(f"mean CRPS, {unit}")
    right.set_ylabel("coverage of 80 %")
    _in_percent(right.yaxis)
    for axes in (left, right):
        axes.set_xlabel("sessions ahead")
        _in_whole_numbers(axes.xaxis)
        axes.grid(alpha=0.3)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7)
    return _small(figure, "scores by session ahead").markdown


def skill_plot(rows: pd.DataFrame) -> str:
    """Skill of each model against the naive one, with a panel for each commodity, as Markdown.

    ``rows``: rows of ``forecast.leaderboard`` of one version, at least one.
    """
    panels = list(rows.groupby("commodity"))
    figure = _figure((8, 0.6 + 1.8 * len(panels)))
    grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True).flat
    for axes, (name, mine) in zip(grid, panels, strict=True):
        calibrated = mine.calibration.str.fullmatch(r"calibrated( for (\d+) of \2)?")
        colours = np.where(calibrated, "tab:blue", "lightgray")
        axes.barh(mine.model_name, mine.skill.fillna(0.0), color=colours)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.invert_yaxis()
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3, axis="x")
    figure.axes[-1].set_xlabel("skill against naive (blue: calibrated)")
    _in_percent(figure.axes[-1].xaxis, decimals=1)
    return _small(figure, "skill by commodity").markdown


def newest_fan(history: History, fan: Fan, unit: str) -> Picture:
    """One forecast over the last closes before it, for a page.

    Raises IndexError if the history has no close at or before the cutoff.
    """
    figure = _figure(PAGE_SIZE)
    axes = figure.subplots()
    _draw_newest(axes, history.known_at(fan.cutoff), fan)
    axes.set_xlabel(f"sessions after {fan.cutoff:%d %B %Y}")
    axes.set_ylabel(unit)
    _finish(figure)
    return _picture(
        figure,
        f"{history.commodity}: forecast of {fan.start} and the sessions after it"
        f" over the last closes, in {unit}",
        PAGE_DOTS_PER_INCH,
    )


def past_fans(history: History, fans: Sequence[Fan], unit: str) -> Picture:
    """Past forecasts and the closes that came, on one axis of sessions, for a page.

    Sessions that have no close yet are to the right of the last close. Raises ValueError for a
    cutoff that is not a session of the history, LookAheadError for a later one.
    """
    figure = _figure(PAGE_SIZE)
    axes = figure.subplots()
    cutoffs = history.positions([fan.cutoff for fan in fans])
    first = min([len(history) - PAST_SESSIONS, *(int(place) for place in cutoffs)])
    shown = np.arange(max(first, 0), len(history))
    for place, fan in zip(cutoffs, fans, strict=True):
        _draw_fan(axes, int(place), fan.opens_at(history), fan, labelled=fan is fans[0])
        axes.axvline(int(place), color="0.75", linewidth=0.6, zorder=0)
    axes.plot(shown, history.closes[shown], color="black", linewidth=1.2, label="what happened")
    axes.set_xlabel("session")
    axes.set_ylabel(unit)
    _name_sessions(axes, history, shown)
    _finish(figure)
    return _picture(
        figure,
        f"{history.commodity}: {len(fans)} past forecasts and what really happened, in {unit}",
        PAGE_DOTS_PER_INCH,
    )


def laid_over(history: History, found: Comparison, unit: str) -> Picture:
    """Two forecasts over the closes, on one axis of sessions: medians and 80 % intervals.

    Sessions that have no close yet are to the right of the last close.
    """
    figure = _figure(PAGE_SIZE)
    axes = figure.subplots()
    first, last = found.earlier.cutoff, history.newest
    began = max(int(np.searchsorted(history.dates, np.datetime64(first))) - CONTEXT_SESSIONS, 0)
    shown = history.dates[began:].tolist()
    ahead = {x.session for each in (found.earlier, found.newest) for x in each.ahead if x.session}
    days = [*shown, *sorted(day for day in ahead if day > last)]
    place = {day: at for at, day in enumerate(days)}
    for each, (median, interval) in zip((found.earlier, found.newest), LAID_OVER, strict=True):
        said = {
            place[x.session]: (x.lower_80, x.median, x.upper_80) for x in each.ahead if x.session
        }
        if each.close is not None and each.cutoff in place:
            said = {place[each.cutoff]: (each.close,) * 3} | said
        lower, middle, upper = zip(*said.values(), strict=True)
        name = f"from {each.cutoff:%d %b %Y}"
        axes.fill_between(
            [*said], lower, upper, color=interval, alpha=0.6, linewidth=0, label=f"80 % {name}"
        )
        axes.plot([*said], middle, color=median, linewidth=1.4, label=f"median {name}")
    axes.plot(range(len(shown)), history.closes[began:], color="black", linewidth=1, label="close")
    step = max(len(days) // DATES_SHOWN, 1)
    axes.set_xticks(range(0, len(days), step), [f"{day:%d %b}" for day in days[::step]])
    axes.set_xlabel(f"session of {days[0]:%Y}" if days[0].year == days[-1].year else "session")
    axes.set_ylabel(unit)
    _finish(figure, columns=2)
    return _picture(
        figure,
        f"{history.commodity}: the forecasts from {found.earlier.cutoff} and from"
        f" {found.newest.cutoff}, in {unit}",
        PAGE_DOTS_PER_INCH,
    )


def pit_histogram(commodity: str, pit: NDArray[np.float64], independent: int) -> Picture:
    """The share of forecasts by the place of the outcome in their distribution, for a page.

    ``pit``: probability integral transforms, in [0, 1], shape (n,), n > 0. ``independent``: how
    many of the forecasts have no common session; this decides the width of the band in which
    chance leaves the bars of a uniform PIT. Diebold, Gunther and Tay (1998), Evaluating Density
    Forecasts.
    """
    figure = _figure(HALF_PAGE_SIZE)
    axes = figure.subplots()
    edges = np.linspace(0, 1, PIT_BINS + 1)
    shares = np.histogram(pit, edges)[0] / len(pit)
    low, high = chance_band(independent)
    axes.bar(
        edges[:-1],
        shares,
        1 / PIT_BINS,
        align="edge",
        color=BANDS[-1][-1],
        edgecolor="white",
        label="forecasts",
    )
    axes.axhspan(low, high, color="0.4", alpha=0.2, linewidth=0, label="95 % of chance")
    axes.axhline(1 / PIT_BINS, color="black", linewidth=1, linestyle="--", label="uniform")
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of paths below what happened")
    axes.set_ylabel("share of forecasts")
    _in_percent(axes.yaxis)
    _finish(figure)
    return _picture(
        figure,
        f"{commodity}: histogram of the probability integral transform of {len(pit)} forecasts",
        PAGE_DOTS_PER_INCH,
    )


def chance_band(independent: int) -> tuple[float, float]:
    """The 2.5 % and 97.5 % points of the share of ``independent`` uniform values in one bin.

    The count in a bin is binomial with probability 1 / PIT_BINS.
    """
    reached = scipy.special.bdtr(np.arange(independent + 1), independent, 1 / PIT_BINS)
    low, high = np.searchsorted(reached, [(1 - CHANCE) / 2, (1 + CHANCE) / 2])
    return int(low) / independent, int(high) / independent


def coverage_plot(
    commodity: str, coverage_80: NDArray[np.float64], coverage_95: NDArray[np.float64]
) -> Picture:
    """The share of outcomes inside the intervals, by session ahead, for a page.

    Both arrays have shape (horizon,), NaN if nothing has been scored.
    """
    figure = _figure(HALF_PAGE_SIZE)
    axes = figure.subplots()
    sessions = np.arange(1, len(coverage_80) + 1)
    for (nominal, colour), shares in zip(COVERAGES, (coverage_95, coverage_80), strict=True):
        name = f"{nominal * 100:.0f} %"
        axes.plot(sessions, shares, color=colour, marker="o", markersize=5, label=f"{name} held")
        axes.axhline(nominal, color=colour, linestyle="--", linewidth=1, label=f"{name} promised")
    lowest = np.nanmin([*coverage_80, *coverage_95, 0.7])
    axes.set_ylim(max(float(lowest) - 0.05, 0), 1.02)
    _in_whole_numbers(axes.xaxis)
    axes.set_xlabel("sessions ahead")
    axes.set_ylabel("share of outcomes inside")
    _in_percent(axes.yaxis)
    _finish(figure)
    return _picture(
        figure,
        f"{commodity}: coverage of the 80 % and 95 % intervals by session ahead",
        PAGE_DOTS_PER_INCH,
    )


def _draw_newest(axes: "Axes", history: History, fan: Fan) -> None:
    recent = history.closes[-CONTEXT_SESSIONS:]
    axes.plot(np.arange(-len(recent) + 1, 1), recent, color="black", linewidth=1, label="close")
    _draw_fan(axes, 0, fan.opens_at(history), fan, labelled=True)
    axes.set_xlabel("sessions after the cutoff")
    axes.grid(alpha=0.3)


def _draw_fan(axes: "Axes", place: int, close: float, fan: Fan, *, labelled: bool) -> None:
    """Draw a fan that begins at ``close``; ``place``: its cutoff on the axis of sessions."""
    sessions = place + np.arange(fan.paths.shape[1] + 1)
    paths = np.hstack([np.full((len(fan.paths), 1), close), fan.paths])
    for low, high, label, colour in BANDS:
        lower, upper = np.quantile(paths, [low, high], axis=0)
        shown = label if labelled else None
        axes.fill_between(sessions, lower, upper, color=colour, linewidth=0, label=shown)
    shown = "median" if labelled else None
    axes.plot(sessions, np.median(paths, axis=0), color="tab:blue", linewidth=1.2, label=shown)


def _name_sessions(axes: "Axes", history: History, shown: NDArray[np.intp]) -> None:
    """Label the first session of each month whose beginning is shown."""
    months = history.dates.astype("datetime64[M]")
    turns = [place for place in shown[1:] if months[place] != months[place - 1]]
    axes.set_xticks(turns, [f"{history.dates[place].item():%b %y}" for place in turns])


def _finish(figure: "Figure", columns: int = 5) -> None:
    """Set the sizes for a page, and put the legend below the axes, in at most so many columns."""
    for axes in figure.axes:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=PAGE_FONT)
        axes.xaxis.label.set_fontsize(PAGE_FONT)
        axes.yaxis.label.set_fontsize(PAGE_FONT)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=min(len(labels), columns),
            fontsize=PAGE_FONT - 1,
            frameon=False,
            handlelength=1.4,
            columnspacing=1.2,
        )


def _picture(figure: "Figure", text: str, dots_per_inch: int = DOTS_PER_INCH) -> Picture:
    width, height = (figure.get_size_inches() * dots_per_inch).astype(int).tolist()
    encoded = base64.b64encode(_png(figure, dots_per_inch)).decode()
    return Picture(text, f"data:image/png;base64,{encoded}", width, height)


def _figure(size: tuple[float, float]) -> "Figure":
    """An empty figure of so many inches. Loads matplotlib, which takes most of a second."""
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def _in_percent(axis: "Axis", decimals: int = 0) -> None:
    """Write shares along an axis as percentages."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1, decimals=decimals, symbol=" %"))


def _in_whole_numbers(axis: "Axis") -> None:
    """Have ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def _small(figure: "Figure", text: str) -> Picture:
    """A picture for metadata with few colours, since Dagster never deletes its bytes."""
    from PIL import Image

    width, height = (figure.get_size_inches() * DOTS_PER_INCH).astype(int).tolist()
    few = BytesIO()
    with Image.open(BytesIO(_png(figure, DOTS_PER_INCH))) as image:
        flat = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    flat.save(few, format="png", optimize=True)
    encoded = base64.b64encode(few.getvalue()).decode()
    return Picture(text, f"data:image/png;base64,{encoded}", width, height)


def _png(figure: "Figure", dots_per_inch: int) -> bytes:
    """The image of a figure. Its texts are drawn as written, also those with dollars."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
    image = BytesIO()
    figure.savefig(image, format="png", dpi=dots_per_inch)
    return image.getvalue()

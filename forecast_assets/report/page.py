"""The report: one page with the forecasts, their uncertainty, and how past forecasts turned out.

All functions here are pure. The page needs no network, no script and no other file: its plots are
data URIs, and its security policy forbids all else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from numpy.typing import NDArray

from forecast_assets.automation.doubts import Doubt
from forecast_assets.boundary import boundary
from forecast_assets.evaluation.comparison import Cause, Comparison
from forecast_assets.evaluation.outlook import Outlook
from forecast_assets.forecast.records import Fan
from forecast_assets.report import plots
from forecast_assets.report.plots import Picture
from forecast_assets.timeline.history import History

TEMPLATE = "report.html.jinja"
ABSENT = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
UNBROKEN = "\N{NO-BREAK SPACE}"
RECENT_SESSIONS = 60
"""The median close of this many newest sessions decides how many decimals prices have."""

Level = Literal["failed", "stale", "old", "warning", "declined"]
"""What a notice is about, in the order in which they are shown; the two rules of doubts are one."""


@dataclass(frozen=True)
class Notice:
    """A line that the reader should see before the numbers."""

    level: Level
    text: str


@dataclass(frozen=True)
class PublishedForecast:
    """The newest published forecast: its model, why it was chosen, its paths and numbers."""

    model_name: str
    model_version: str
    reason: str
    fan: Fan
    outlooks: Sequence[Outlook]


@dataclass(frozen=True, eq=False)
class Reliability:
    """How well the published model's scored forecasts agree with their outcomes.

    ``pit``: probability integral transform of the last session ahead, one for each forecast, shape
    (n,). ``independent``: how many of these forecasts have no common session. ``coverage_80`` and
    ``coverage_95``: the share of outcomes inside the interval, by session ahead, shape (horizon,),
    NaN if none is known.
    """

    pit: NDArray[np.float64]
    independent: int
    coverage_80: NDArray[np.float64]
    coverage_95: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CommodityReport:
    """The page's contents about one commodity; all but its name and unit may be missing.

    ``past``: past published forecasts, whose cutoffs are sessions of the history; their outcomes
    are in the history as well. ``leaderboard``: rows of ``forecast.leaderboard``. ``doubts``:
    why its forecasts should not be trusted. ``since``: the newest published forecast beside the one
    before it.
    """

    commodity: str
    unit: str
    history: History
    published: PublishedForecast | None
    past: Sequence[Fan]
    reliability: Reliability | None
    leaderboard: pd.DataFrame
    doubts: Sequence[Doubt] = ()
    since: Comparison | None = None

    @property
    def scored(self) -> Reliability | None:
        """The reliability, if any forecast was scored."""
        return self.reliability if self.reliability and len(self.reliability.pit) else None


@dataclass(frozen=True, eq=False)
class Report:
    """All contents of the page. ``made_at``: in UTC if it has no time zone.

    ``overall``: rows of ``forecast.leaderboard`` over all commodities. ``failures``: a line with
    the error for each commodity whose contents could not be read, and from ``render`` for each that
    could not be told of. ``not_drawn``: from ``render``, a line for each picture that failed.
    """

    made_at: datetime
    model_version: str
    notices: Sequence[Notice]
    commodities: Sequence[CommodityReport]
    overall: pd.DataFrame
    failures: list[str] = field(default_factory=list)
    not_drawn: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    """The text of a table's cell; ``number``: whether it is a number, which is aligned right."""

    text: str
    number: bool = True


@dataclass(frozen=True)
class Row:
    """A row of a table; ``marked``: whether it is that of the published model."""

    heading: str
    cells: Sequence[Cell]
    marked: bool = False


@dataclass(frozen=True)
class Grid:
    """The texts of a table: the headings of its columns, and its rows."""

    headings: Sequence[Cell]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Since:
    """By how much the forecast changed since the one before, why, and a picture of both."""

    moved: str
    causes: Sequence[Cause]
    picture: Picture


@dataclass(frozen=True)
class CommoditySection:
    """The texts and pictures of a commodity's section; None for what there is not."""

    anchor: str
    commodity: str
    unit: str
    price: str | None
    day: str | None
    published: PublishedForecast | None
    start: str | None
    newest: Picture | None
    outlook: Grid | None
    since: Since | None
    past: Picture | None
    pit: Picture | None
    coverage: Picture | None
    leaderboard: Grid | None


def render(report: Report) -> str:
    """The report as one HTML page that needs no other file."""
    sections = []
    for place, part in enumerate(report.commodities, start=1):
        with boundary(part.commodity, report.failures):
            sections.append(section(part, place, report.not_drawn))
    failed = [Notice("failed", line) for line in dict.fromkeys(report.failures)]
    lost = [Notice("warning", line) for line in report.not_drawn]
    notices = [*failed, *report.notices, *lost]
    return _template().render(
        made_at=_utc(report.made_at),
        model_version=report.model_version,
        notices=sorted(notices, key=lambda notice: get_args(Level).index(notice.level)),
        sections=sections,
        overall=standings_grid(report.overall, None),
        pit_bins=plots.PIT_BINS,
    )


@cache
def _template() -> Template:
    """The page without what it says: compiling it takes longer than filling it in."""
    environment = Environment(
        loader=PackageLoader("forecast_assets.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE)


UNDRAWN = Picture(
    "This picture could not be drawn; the reason is at the top of the page.", "", 0, 0
)
"""What stands in place of a picture that could not be drawn."""


def drawn(whose: str, draw: Callable[[], Picture], lost: list[str]) -> Picture:
    """A picture; if it cannot be drawn, a line in ``lost`` says of whom and why."""
    with boundary(f"{whose}: not drawn", lost):
        return draw()
    return UNDRAWN


def section(part: CommodityReport, place: int, lost: list[str]) -> CommoditySection:
    """The section of a commodity.

    ``place``: its number on the page, for the anchor. ``lost``: gets a line for each picture that
    cannot be drawn; the section is without it.
    """
    history, published, unit = part.history, part.published, part.unit
    return CommoditySection(
        anchor=f"commodity-{place}",
        commodity=part.commodity,
        unit=unit,
        price=_signed(history.closes[-1], decimals(history)) if len(history) else None,
        day=f"{history.newest:%A %d %B %Y}" if len(history) else None,
        published=published,
        start=f"{published.fan.start:%A %d %B %Y}" if published else None,
        newest=newest(part, published, lost) if published else None,
        outlook=outlook(history, published) if published and published.outlooks else None,
        since=since(history, part.since, unit, lost) if part.since else None,
        past=past(part, lost) if part.past else None,
        pit=pit(part.commodity, part.scored, lost) if part.scored else None,
        coverage=coverage(part.commodity, part.scored, lost) if part.scored else None,
        leaderboard=standings_grid(part.leaderboard, published),
    )


def newest(part: CommodityReport, published: PublishedForecast, lost: list[str]) -> Picture:
    """The newest forecast."""
    whose = f"{part.commodity}: the newest forecast"
    return drawn(whose, lambda: plots.newest_fan(part.history, published.fan, part.unit), lost)


def past(part: CommodityReport, lost: list[str]) -> Picture:
    """The past forecasts."""
    whose = f"{part.commodity}: its past forecasts"
    return drawn(whose, lambda: plots.past_fans(part.history, part.past, part.unit), lost)


def pit(name: str, scored: Reliability, lost: list[str]) -> Picture:
    """The calibration of a commodity's scored forecasts."""
    whose = f"{name}: its calibration"
    return drawn(whose, lambda: plots.pit_histogram(name, scored.pit, scored.independent), lost)


def coverage(name: str, scored: Reliability, lost: list[str]) -> Picture:
    """The coverage of a commodity's scored forecasts."""
    shares = scored.coverage_80, scored.coverage_95
    return drawn(f"{name}: its coverage", lambda: plots.coverage_plot(name, *shares), lost)


def since(history: History, found: Comparison, unit: str, lost: list[str]) -> Since | None:
    """What changed between two forecasts; None if they have no session in common."""
    moved = found.moved(unit)
    if moved is None:
        return None
    whose = f"{history.commodity}: what changed"
    picture = drawn(whose, lambda: plots.laid_over(history, found, unit), lost)
    return Since(moved, found.causes, picture)


def outlook(history: History, published: PublishedForecast) -> Grid:
    """A table of the newest forecast's numbers, with one column for each session ahead."""
    close = published.fan.opens_at(history)
    places = decimals(history)

    def price(value: float) -> str:
        return _signed(value, places)

    def loss(value: float) -> str:
        share = f" ({_signed(value / close * 100, 1)}{UNBROKEN}%)" if close > 0 else ""
        return f"{price(value)}{share}"

    def interval(lower: float, upper: float) -> str:
        return UNBROKEN.join([price(lower), "to", price(upper)])

    lines: dict[str, Callable[[Outlook], str]] = {
        "median": lambda x: price(x.median),
        "80 % of paths": lambda x: interval(x.lower_80, x.upper_80),
        "95 % of paths": lambda x: interval(x.lower_95, x.upper_95),
        f"value at risk, 95{UNBROKEN}%": lambda x: loss(x.value_at_risk),
        f"expected shortfall, 95{UNBROKEN}%": lambda x: loss(x.expected_shortfall),
        f"above {price(close)}": lambda x: f"{x.probability_above * 100:.0f} %",
        f"below {price(close)}": lambda x: f"{(1 - x.probability_above) * 100:.0f} %",
    }
    columns = published.outlooks
    return Grid(
        [Cell("after")] + [Cell(f"{x.sessions} session{'s'[: x.sessions > 1]}") for x in columns],
        [Row(name, [Cell(text(x)) for x in columns]) for name, text in lines.items()],
    )


def standings_grid(leaderboard: pd.DataFrame, published: PublishedForecast | None) -> Grid | None:
    """A leaderboard in the order of places, with the published model marked; None without rows.

    A column without any number is left out, such as the CRPS over all commodities. The column of
    dates is left out if the dates are the same for all models. Otherwise the means of models are
    over different days, and the column says which.
    """
    if leaderboard.empty:
        return None
    ordered = leaderboard.sort_values(["place", "model_name"])
    alike = len(ordered[list(DATES)].drop_duplicates()) == 1
    shown = {
        heading: text
        for heading, (column, text) in STANDING.items()
        if (column is None or ordered[column].notna().any()) and not (alike and heading == "of")
    }
    models = ordered.to_dict("records")
    cells = [[text(model) for text in shown.values()] for model in models]
    words = [heading in WORDS for heading in shown]
    return Grid(
        [Cell("model", number=False)]
        + [Cell(heading, number=not word) for heading, word in zip(shown, words, strict=True)],
        [
            Row(
                f"{model['place']}. {model['model_name']}",
                [Cell(text, number=not word) for text, word in zip(texts, words, strict=True)],
                published is not None
                and (model["model_name"], model["model_version"])
                == (published.model_name, published.model_version),
            )
            for model, texts in zip(models, cells, strict=True)
        ],
    )


def decimals(history: History) -> int:
    """The decimals of prices: enough for at least four digits of the median recent close."""
    usual = float(np.median(np.abs(history.closes[-RECENT_SESSIONS:])))
    return 2 if usual >= 1 else 4 if usual >= 0.01 else 6


def _skill(model: dict[str, Any]) -> str:
    if pd.isna(model["skill"]):
        return ABSENT
    percent = _signed(model["skill"] * 100, 1)
    return f"{'+' if percent.strip('0.')[:1] not in ('', MINUS) else ''}{percent} %"


def _against_naive(model: dict[str, Any]) -> str:
    verdict = str(model["dm_verdict"])
    return verdict if pd.isna(model["dm_p_value"]) else f"{verdict} (p {model['dm_p_value']:.3f})"


def _count(column: str) -> Callable[[dict[str, Any]], str]:
    return lambda model: f"{model[column]:,}"


def _forecasts(model: dict[str, Any]) -> str:
    """How many forecasts the means are over, and how many have an undefined score."""
    lost = model["undefined_forecasts"]
    said = f" ({lost:,.0f}{UNBROKEN}undefined)" if pd.notna(lost) and lost else ""
    return f"{model['forecasts']:,}{said}"


def _share(column: str) -> Callable[[dict[str, Any]], str]:
    return lambda model: f"{model[column] * 100:.1f} %"


def _crps(model: dict[str, Any]) -> str:
    return ABSENT if pd.isna(model["crps"]) else f"{model['crps']:#.4g}"


def _dates(model: dict[str, Any]) -> str:
    first, last = (pd.Timestamp(model[column]) for column in DATES[1:])
    return f"{first:%d %b %Y} to {last:%d %b %Y}".replace(" ", UNBROKEN)


DATES = ("forecasts", "first_forecast", "last_forecast")
"""The columns that say over which forecasts a mean is."""

STANDING: dict[str, tuple[str | None, Callable[[dict[str, Any]], str]]] = {
    "skill": (None, _skill),
    "against naive": (None, _against_naive),
    "in 80 %": (None, _share("coverage_80")),
    "in 95 %": (None, _share("coverage_95")),
    "calibration": (None, lambda model: str(model["calibration"])),
    "CRPS": ("crps", _crps),
    "forecasts": (None, _forecasts),
    "of": ("first_forecast", _dates),
    "apart": (None, _count("effective_forecasts")),
    "training": (None, lambda model: f"{model['training_seconds']:,.1f} s"),
}
"""The shown columns of a leaderboard: a table's column that must have a number, and the text."""

WORDS = ("against naive", "calibration", "of")
"""The shown columns that hold words, not numbers."""


def _signed(value: float, places: int) -> str:
    rounded = f"{value:,.{places}f}"
    is_zero = not any(digit in rounded for digit in "123456789")
    return rounded.lstrip("-") if is_zero else rounded.replace("-", MINUS)


def _utc(moment: datetime) -> str:
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{aware:%A %d %B %Y, %H:%M} UTC"

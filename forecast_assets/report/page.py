"""The report: one page that says what is forecast, how sure it is, and how it fared before.

Everything here is a pure function of what it is given. The page needs no network, no script and
no other file: its plots are data URIs, and it forbids itself anything else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from forecast_assets.boundary import boundary
from forecast_assets.forecast.records import Fan
from forecast_assets.report import plots
from forecast_assets.report.plots import Picture
from forecast_assets.timeline.history import History

TEMPLATE = "report.html.jinja"
ABSENT = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
UNBROKEN = "\N{NO-BREAK SPACE}"
RECENT_SESSIONS = 60
"""Sessions whose usual close decides how many decimals prices have."""

Level = Literal["failed", "warning", "stale", "declined"]


@dataclass(frozen=True)
class Notice:
    """Something that the reader must know before the numbers."""

    level: Level
    text: str


@dataclass(frozen=True)
class Outlook:
    """A forecast at one session ahead, in the commodity's unit; probabilities are shares.

    ``value_at_risk`` and ``expected_shortfall``: losses of a long position of one unit from the
    close at the cutoff that the forecast was drawn from, at 95 %. ``probability_above``: of a
    price above that close.
    """

    sessions: int
    median: float
    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float
    value_at_risk: float
    expected_shortfall: float
    probability_above: float


@dataclass(frozen=True)
class Published:
    """The newest published forecast: its model, why that one, its paths, and numbers of them."""

    model_name: str
    model_version: str
    reason: str
    fan: Fan
    outlooks: Sequence[Outlook]


@dataclass(frozen=True, eq=False)
class Calibration:
    """How the published model's scored forecasts agree with what happened.

    ``pit``: probability integral transform of the last session ahead, one a forecast, shape (n,).
    ``independent``: how many of these forecasts share no session. ``coverage_80`` and
    ``coverage_95``: share of outcomes inside, by session ahead, shape (horizon,), NaN where none
    is known.
    """

    pit: NDArray[np.float64]
    independent: int
    coverage_80: NDArray[np.float64]
    coverage_95: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CommodityReport:
    """What the page says of one commodity; all but its name and unit may be missing.

    ``past``: published forecasts of old, their cutoffs being sessions of the history; what really
    happened after them is in the history. ``leaderboard``: rows of ``forecast.leaderboard``.
    """

    commodity: str
    unit: str
    history: History
    published: Published | None
    past: Sequence[Fan]
    calibration: Calibration | None
    leaderboard: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Report:
    """All of the page. ``made_at``: UTC where it names no time zone.

    ``overall``: rows of ``forecast.leaderboard`` over all commodities. ``failures``: commodities
    that cannot be told of, each with the error, as notices; drawing adds those it cannot draw.
    """

    made_at: datetime
    model_version: str
    notices: Sequence[Notice]
    commodities: Sequence[CommodityReport]
    overall: pd.DataFrame
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    """A number or word of a table, as it is read."""

    text: str
    number: bool = True


@dataclass(frozen=True)
class Row:
    """A row of a table; ``marked`` when it is that of the published model."""

    heading: str
    cells: Sequence[Cell]
    marked: bool = False


@dataclass(frozen=True)
class Grid:
    """A table as it is read: headings of the columns, then the rows."""

    headings: Sequence[Cell]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Section:
    """A commodity as it is read; None where there is nothing to show."""

    anchor: str
    commodity: str
    unit: str
    price: str | None
    day: str | None
    published: Published | None
    start: str | None
    newest: Picture | None
    outlook: Grid | None
    past: Picture | None
    pit: Picture | None
    coverage: Picture | None
    leaderboard: Grid | None


def render(report: Report) -> str:
    """One HTML page, whole in itself."""
    environment = Environment(
        loader=PackageLoader("forecast_assets.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = []
    for place, part in enumerate(report.commodities, start=1):
        with boundary(part.commodity, report.failures):
            sections.append(section(part, place))
    failed = [Notice("failed", line) for line in dict.fromkeys(report.failures)]
    notices = [*failed, *report.notices]
    return environment.get_template(TEMPLATE).render(
        made_at=_utc(report.made_at),
        model_version=report.model_version,
        notices=sorted(notices, key=lambda notice: LEVELS.index(notice.level)),
        sections=sections,
        overall=standings(report.overall, None),
        pit_bins=plots.PIT_BINS,
    )


LEVELS: tuple[Level, ...] = ("failed", "warning", "stale", "declined")
"""Notices are read in this order."""


def section(part: CommodityReport, place: int) -> Section:
    """A commodity as it is read; ``place`` makes its anchor."""
    history, published, calibration = part.history, part.published, part.calibration
    scored = calibration is not None and len(calibration.pit) > 0
    return Section(
        anchor=f"commodity-{place}",
        commodity=part.commodity,
        unit=part.unit,
        price=_signed(history.closes[-1], decimals(history)) if len(history) else None,
        day=f"{history.newest:%A %d %B %Y}" if len(history) else None,
        published=published,
        start=f"{published.fan.start:%A %d %B %Y}" if published else None,
        newest=plots.newest_fan(history, published.fan, part.unit) if published else None,
        outlook=outlook(history, published) if published and published.outlooks else None,
        past=plots.past_fans(history, part.past, part.unit) if part.past else None,
        pit=plots.pit_histogram(part.commodity, calibration.pit, calibration.independent)
        if calibration and scored
        else None,
        coverage=plots.coverage_plot(
            part.commodity, calibration.coverage_80, calibration.coverage_95
        )
        if calibration and scored
        else None,
        leaderboard=standings(part.leaderboard, published),
    )


def outlook(history: History, published: Published) -> Grid:
    """What the newest forecast says at each session ahead: a column each."""
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


def standings(leaderboard: pd.DataFrame, published: Published | None) -> Grid | None:
    """A leaderboard in the order of places, the published model marked; None without rows.

    A column that has no number at all is left out: the CRPS over all commodities. So is that of
    the dates where they are the same for all models: where not, means are not of the same days,
    and each says which it is of.
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
    """Decimals that prices are read with: at least four digits of the usual recent close."""
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


def _share(column: str) -> Callable[[dict[str, Any]], str]:
    return lambda model: f"{model[column] * 100:.1f} %"


def _crps(model: dict[str, Any]) -> str:
    return ABSENT if pd.isna(model["crps"]) else f"{model['crps']:#.4g}"


def _dates(model: dict[str, Any]) -> str:
    first, last = (pd.Timestamp(model[column]) for column in DATES[1:])
    return f"{first:%d %b %Y} to {last:%d %b %Y}".replace(" ", UNBROKEN)


DATES = ("forecasts", "first_forecast", "last_forecast")
"""Columns that tell which forecasts a mean is over."""

STANDING: dict[str, tuple[str | None, Callable[[dict[str, Any]], str]]] = {
    "skill": (None, _skill),
    "against naive": (None, _against_naive),
    "in 80 %": (None, _share("coverage_80")),
    "in 95 %": (None, _share("coverage_95")),
    "calibration": (None, lambda model: str(model["calibration"])),
    "CRPS": ("crps", _crps),
    "forecasts": (None, _count("forecasts")),
    "of": ("first_forecast", _dates),
    "apart": (None, _count("effective_forecasts")),
    "training": (None, lambda model: f"{model['training_seconds']:,.1f} s"),
}
"""Columns of a leaderboard as they are read: the column that must have a number, and its text."""

WORDS = ("against naive", "calibration", "of")
"""Columns that are words, not numbers."""


def _signed(value: float, places: int) -> str:
    rounded = f"{value:,.{places}f}"
    is_zero = not any(digit in rounded for digit in "123456789")
    return rounded.lstrip("-") if is_zero else rounded.replace("-", MINUS)


def _utc(moment: datetime) -> str:
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{aware:%A %d %B %Y, %H:%M} UTC"

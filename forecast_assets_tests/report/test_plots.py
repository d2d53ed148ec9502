"""Plots: what is drawn, read from the figure before it becomes an image, and what images are."""

import base64
import math
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from forecast_assets.evaluation.comparison import Comparison, Said, Statement
from forecast_assets.forecast.records import Fan
from forecast_assets.report.plots import (
    BANDS,
    CONTEXT_SESSIONS,
    chance_band,
    coverage_plot,
    fan_chart,
    feature_plot,
    laid_over,
    newest_fan,
    past_fans,
    pit_histogram,
    price_plot,
    score_plot,
    skill_plot,
)
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history, with_features

PNG = b"\x89PNG\r\n\x1a\n"

FAN_LEGEND = ["close", "95 %", "80 %", "50 %", "median"]


@pytest.fixture
def drawn(pictures: None, monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were made into images, in order."""
    figures: list[Figure] = []
    save = Figure.savefig

    def savefig(figure: Figure, *args: Any, **keys: Any) -> None:
        figures.append(figure)
        save(figure, *args, **keys)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return figures


def image(markdown: str) -> bytes:
    found = re.fullmatch(r"!\[[^]]+\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found is not None
    plot = base64.b64decode(found[1])
    assert plot.startswith(PNG)
    return plot


def points(line: Line2D) -> tuple[list[Any], list[Any]]:
    """What a line was asked to go through, along each axis."""
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


def lines(axes: Axes) -> dict[str, tuple[list[Any], list[Any]]]:
    """The points of each line that has a name."""
    return {
        str(line.get_label()): points(line)
        for line in axes.get_lines()
        if not str(line.get_label()).startswith("_")
    }


def of_points(axes: Axes, count: int) -> list[tuple[list[Any], list[Any]]]:
    """The points of each line of so many points, with a name or without."""
    return [points(line) for line in axes.get_lines() if len(points(line)[0]) == count]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for each in figure.legends for text in each.get_texts()]


def rectangles(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def bands(axes: Axes) -> list[NDArray[np.float64]]:
    """The corners of each filled band, the widest first."""
    filled = [each for each in axes.collections if isinstance(each, PolyCollection)]
    return [np.asarray(band.get_paths()[0].vertices) for band in filled]


def tick(axis: Axis, value: float) -> str:
    """How a value is written along an axis."""
    return str(axis.get_major_formatter()(value))


def fan_of(history: History, place: int = -1, seed: int = 1) -> Fan:
    steps = np.random.default_rng(seed).normal(0, 0.05, (200, 14))
    cutoff: date = history.dates[place].item()
    paths = history.closes[place] * np.exp(steps)
    return Fan(cutoff, cutoff + timedelta(days=3), paths.astype(np.float32))


def test_prices_are_an_inline_image_of_modest_size_of_every_close(drawn: list[Figure]) -> None:
    history = make_history()
    assert len(image(price_plot(history, "USc/lb"))) < 15_000
    (figure,) = drawn
    (axes,) = figure.axes
    (line,) = axes.get_lines()
    assert points(line) == (history.dates.tolist(), history.closes.tolist())
    assert axes.get_ylabel() == "USc/lb"
    assert axes.get_title() == "Coffee: 700 closes up to 2020-09-04"


def test_covariates_are_one_inline_image_whatever_their_number_and_gaps(
    drawn: list[Figure],
) -> None:
    history = with_features(make_history())
    values = history.features[:, 0].copy()
    values[100:300] = np.nan
    for count in (1, 3):
        names = tuple(f"covariate {k}" for k in range(count))
        columns = np.column_stack([values + k for k in range(count)])
        known = replace(history, features=columns, feature_names=names)
        assert len(image(feature_plot(known, {"covariate 0": "mm"}))) < 30_000
        panels = drawn[-1].axes
        assert [axes.get_ylabel() for axes in panels] == ["covariate 0 (mm)", *names[1:]]
        assert panels[-1].get_xlabel() == "session"
        for k, axes in enumerate(panels):
            (line,) = axes.get_lines()
            sessions, known_values = points(line)
            assert sessions == history.dates.tolist()
            np.testing.assert_array_equal(known_values, values + k)


def assert_shows(axes: Axes, history: History, fan: Fan) -> None:
    """The last closes up to a cutoff, and from there the bands and median of the paths."""
    shown = lines(axes)
    known = history.known_at(fan.cutoff).closes[-CONTEXT_SESSIONS:].tolist()
    assert shown["close"] == (list(range(-len(known) + 1, 1)), known)
    sessions, median = shown["median"]
    assert sessions == list(range(15))
    assert median[0] == known[-1]
    np.testing.assert_allclose(median[1:], np.median(fan.paths, axis=0), rtol=1e-6)
    for (low, high, _, _), corners in zip(BANDS, bands(axes), strict=True):
        for session in (1, 14):
            edges = corners[corners[:, 0] == session][:, 1]
            expected = np.quantile(fan.paths[:, session - 1], [low, high])
            np.testing.assert_allclose([edges.min(), edges.max()], expected, rtol=1e-5)


def test_covariates_are_also_drawn_on_the_blank_paper_of_tests() -> None:
    history = with_features(make_history(), ("vix", "rain"))
    assert len(image(feature_plot(history, {}))) < 100


def test_fans_of_any_number_of_models_are_one_inline_image(drawn: list[Figure]) -> None:
    history = make_history(100)
    for count in (1, 3, 4):
        fans = {f"model {k}": fan_of(history, -1 - k, seed=k) for k in range(count)}
        assert len(image(fan_chart(history, fans, "USc/lb"))) < 30_000
        figure = drawn[-1]
        panels = [axes for axes in figure.axes if axes.get_visible()]
        for (name, fan), axes in zip(fans.items(), panels, strict=True):
            assert axes.get_title() == f"{name}, from {fan.start}"
            assert axes.get_ylabel() == "USc/lb"
            assert axes.get_xlabel() == "sessions after the cutoff"
            assert_shows(axes, history, fan)
        assert legend(figure) == FAN_LEGEND


def test_the_newest_fan_of_a_page_opens_at_the_close_it_was_drawn_from(
    drawn: list[Figure],
) -> None:
    history = make_history(100)
    fan = fan_of(history, -3)
    picture = newest_fan(history, fan, "USD/t")
    (figure,) = drawn
    (axes,) = figure.axes
    assert_shows(axes, history, fan)
    assert axes.get_ylabel() == "USD/t"
    assert axes.get_xlabel() == f"sessions after {fan.cutoff:%d %B %Y}"
    assert legend(figure) == FAN_LEGEND
    assert picture.text.endswith("in USD/t")


def test_past_fans_lie_where_their_cutoffs_are_over_what_happened(drawn: list[Figure]) -> None:
    history = make_history(200)
    places = [160, 175, 190]
    past_fans(history, [fan_of(history, place) for place in places], "USD/t")
    (figure,) = drawn
    (axes,) = figure.axes
    assert axes.get_ylabel() == "USD/t"
    shown = lines(axes)
    assert shown["what happened"] == (list(range(80, 200)), history.closes[80:].tolist())
    medians = of_points(axes, 15)
    assert [sessions[0] for sessions, _ in medians] == places
    assert [closes[0] for _, closes in medians] == history.closes[places].tolist()
    assert [place for place, _ in of_points(axes, 2)] == [[place, place] for place in places]
    assert len(bands(axes)) == len(places) * len(BANDS)
    named = dict(zip(axes.get_xticks(), axes.get_xticklabels(), strict=True))
    months = history.dates.astype("datetime64[M]")
    assert all(months[place] != months[place - 1] for place in named)
    assert [label.get_text() for label in named.values()] == [
        f"{history.dates[place].item():%b %y}" for place in named
    ]


def statement_of(history: History, place: int, ahead: list[date]) -> Statement:
    close = float(history.closes[place])
    said = [Said(x, k, close + k, close - k, close + 2 * k, None) for k, x in enumerate(ahead, 1)]
    cutoff: date = history.dates[place].item()
    return Statement("garch", "v1.0", cutoff, close, cutoff, "sha", said)


def test_two_forecasts_lie_over_each_other_on_the_days_that_they_are_of(
    drawn: list[Figure],
) -> None:
    history = make_history(100)
    sessions = history.dates.tolist()
    coming = np.busday_offset(history.dates[-1], [1, 2, 3], roll="forward").tolist()
    earlier = statement_of(history, 97, [*sessions[98:], *coming[:1]])
    newest = statement_of(history, 99, coming)
    picture = laid_over(history, Comparison(earlier, newest), "USD/t")
    (figure,) = drawn
    (axes,) = figure.axes
    shown = lines(axes)
    began = 97 - CONTEXT_SESSIONS
    assert shown["close"] == (list(range(100 - began)), history.closes[began:].tolist())
    for place, each in ((97, earlier), (99, newest)):
        at, medians = shown[f"median from {each.cutoff:%d %b %Y}"]
        assert at == [place - began + k for k in range(4)]
        assert medians == [each.close, *(said.median for said in each.ahead)]
    for each, corners in zip((earlier, newest), bands(axes), strict=True):
        last = corners[corners[:, 0] == corners[:, 0].max()][:, 1]
        assert (last.min(), last.max()) == (each.ahead[-1].lower_80, each.ahead[-1].upper_80)
    days = [*sessions[began:], *coming]
    named = dict(zip(axes.get_xticks(), axes.get_xticklabels(), strict=True))
    assert all(f"{days[int(at)]:%d %b}" == text.get_text() for at, text in named.items())
    assert axes.get_xlabel() == "session of 2018"
    assert axes.get_ylabel() == "USD/t"
    assert len(legend(figure)) == 5
    assert picture.png.startswith(PNG)
    assert picture.text.endswith("in USD/t")


def test_the_band_of_chance_holds_what_a_binomial_count_does() -> None:
    # Of n values each is in a given tenth with probability 1/10; the band ends where the
    # cumulative probability first reaches 2.5 % and 97.5 %.
    n = 40
    mass = [math.comb(n, k) * 0.1**k * 0.9 ** (n - k) for k in range(n + 1)]
    ends = [int(np.searchsorted(np.cumsum(mass), level)) / n for level in (0.025, 0.975)]
    assert chance_band(n) == tuple(ends)


@pytest.mark.usefixtures("pictures")
def test_a_picture_says_its_size_and_what_it_shows() -> None:
    shares = np.array([0.9, np.nan])
    for picture in (
        pit_histogram("Coffee", np.array([0.0, 0.5, 1.0]), 1),
        coverage_plot("Coffee", shares, shares),
    ):
        plot = image(picture.markdown)
        assert int.from_bytes(plot[16:20]) == picture.width
        assert int.from_bytes(plot[20:24]) == picture.height
        assert "Coffee" in picture.text


def test_a_histogram_has_a_bar_a_tenth_whose_heights_are_shares(drawn: list[Figure]) -> None:
    pit_histogram("Coffee", np.array([0.0, 0.05, 0.55, 0.95]), 40)
    (figure,) = drawn
    (axes,) = figure.axes
    *bars, chance = rectangles(axes)
    assert [bar.get_height() for bar in bars] == [0.5, 0, 0, 0, 0, 0.25, 0, 0, 0, 0.25]
    np.testing.assert_allclose([bar.get_x() for bar in bars], np.arange(10) / 10)
    assert lines(axes)["uniform"][1] == [0.1, 0.1]
    low, high = chance_band(40)
    assert (chance.get_y(), chance.get_y() + chance.get_height()) == pytest.approx((low, high))
    assert axes.get_xlabel() == "share of paths below what happened"
    assert axes.get_ylabel() == "share of forecasts"
    assert tick(axes.yaxis, 0.25) == "25 %"
    assert sorted(legend(figure)) == ["95 % of chance", "forecasts", "uniform"]


def test_coverage_is_drawn_beside_what_was_promised(drawn: list[Figure]) -> None:
    held_80, held_95 = np.array([0.5, 0.75, np.nan]), np.array([0.9, 1.0, np.nan])
    coverage_plot("Coffee", held_80, held_95)
    (figure,) = drawn
    (axes,) = figure.axes
    shown = lines(axes)
    for name, level, held in (("80 %", 0.8, held_80), ("95 %", 0.95, held_95)):
        sessions, shares = shown[f"{name} held"]
        assert sessions == [1, 2, 3]
        np.testing.assert_array_equal(shares, held)
        assert shown[f"{name} promised"][1] == [level, level]
    assert axes.get_ylim() == pytest.approx((0.45, 1.02))
    assert axes.get_xlabel() == "sessions ahead"
    assert axes.get_ylabel() == "share of outcomes inside"
    assert tick(axes.yaxis, 0.95) == "95 %"


def scores(*rows: tuple[str, str, int, float, bool]) -> pd.DataFrame:
    """Rows of a model, a cutoff, sessions ahead, CRPS, and whether the 80 % interval held it."""
    columns = ["model_name", "data_cutoff_date", "day_ahead", "crps", "covered_80"]
    held = pd.DataFrame(rows, columns=columns)
    return held.assign(data_cutoff_date=pd.to_datetime(held.data_cutoff_date))


def test_scores_are_one_inline_image_with_the_unit_on_its_axis(drawn: list[Figure]) -> None:
    held = scores(
        ("garch", "2019-01-02", 1, 1.0, True),
        ("garch", "2019-01-02", 2, 2.0, False),
        ("garch", "2019-01-03", 1, 3.0, False),
        ("garch", "2019-01-03", 2, 5.0, False),
        ("garch", "2019-01-04", 1, 99.0, False),  # naive has no forecast of this cutoff
        ("naive", "2019-01-02", 1, 1.5, True),
        ("naive", "2019-01-02", 2, 2.5, True),
        ("naive", "2019-01-03", 1, 1.5, True),
        ("naive", "2019-01-03", 2, 4.5, False),
    )
    markdown = score_plot(held, "$/bbl")
    assert markdown.startswith("![scores by session ahead](data:image/png")
    (figure,) = drawn
    left, right = figure.axes
    assert lines(left) == {"garch": ([1, 2], [2.0, 3.5]), "naive": ([1, 2], [1.5, 3.5])}
    assert [points(line) for line in right.get_lines()] == [
        ([1, 2], [0.5, 0.0]),
        ([1, 2], [1.0, 0.5]),
        ([0, 1], [0.8, 0.8]),  # what was promised, from one side to the other
    ]
    assert left.get_ylabel() == "mean CRPS, $/bbl"
    assert not left.yaxis.label.get_parse_math()  # a unit is no formula
    assert right.get_ylabel() == "coverage of 80 %"
    assert tick(right.yaxis, 0.8) == "80 %"
    assert [axes.get_xlabel() for axes in (left, right)] == ["sessions ahead"] * 2
    assert legend(figure) == ["garch", "naive"]


def test_dollars_are_drawn_as_dollars_wherever_a_text_comes_from_outside(
    drawn: list[Figure],
) -> None:
    formula = "$\\frac{1$ and $x^$"  # matplotlib raises for it where it takes it for a formula
    price_plot(make_history(60), formula)
    score_plot(scores((formula, "2019-01-02", 1, 1.0, True)), formula)
    for figure in drawn:
        texts = [text for text in figure.findobj(Text) if text.get_text() == formula]
        assert texts
        assert not any(text.get_parse_math() for text in texts)


def test_models_without_a_common_cutoff_say_how_many_forecasts_they_have(
    drawn: list[Figure],
) -> None:
    score_plot(
        scores(
            ("garch", "2019-01-02", 1, 1.0, True),
            ("garch", "2019-01-03", 1, 2.0, True),
            ("naive", "2019-01-04", 1, 4.0, True),
        ),
        "$/bbl",
    )
    (figure,) = drawn
    assert lines(figure.axes[0]) == {
        "garch (2 forecasts)": ([1], [1.5]),
        "naive (1 forecasts)": ([1], [4.0]),
    }


def test_skill_is_one_inline_image_and_a_model_without_it_has_no_bar(drawn: list[Figure]) -> None:
    rows = pd.DataFrame(
        {
            "commodity": ["(all)", "WTI", "WTI", "WTI"],
            "model_name": ["garch", "garch", "naive", "ets"],
            "calibration": ["calibrated for 1 of 1", "calibrated", "too narrow", "too wide"],
            "skill": [0.04, 0.05, np.nan, -0.02],
        }
    )
    assert skill_plot(rows).startswith("![skill by commodity](data:image/png;base64,")
    (figure,) = drawn
    everywhere, wti = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["(all)", "WTI"]
    assert [bar.get_width() for bar in rectangles(everywhere)] == [0.04]
    assert [bar.get_width() for bar in rectangles(wti)] == [0.05, 0.0, -0.02]
    assert [label.get_text() for label in wti.get_yticklabels()] == ["garch", "naive", "ets"]
    colours = [bar.get_facecolor() for bar in rectangles(wti)]
    assert colours == [to_rgba("tab:blue"), to_rgba("lightgray"), to_rgba("lightgray")]
    assert wti.get_xlabel() == "skill against naive (blue: calibrated)"
    assert tick(wti.xaxis, 0.05) == "5.0 %"
    assert wti.yaxis_inverted()  # the first row is at the top

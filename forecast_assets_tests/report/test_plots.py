import base64
import math
import re
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from forecast_assets.forecast.records import Fan
from forecast_assets.report.plots import (
    chance_band,
    coverage_plot,
    fan_chart,
    feature_plot,
    pit_histogram,
    price_plot,
    score_plot,
    skill_plot,
)
from forecast_assets_tests.histories import make_history, with_features

PNG = b"\x89PNG\r\n\x1a\n"


def image(markdown: str) -> bytes:
    found = re.fullmatch(r"!\[[^]]+\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found is not None
    return base64.b64decode(found[1])


def test_prices_are_an_inline_image_of_modest_size() -> None:
    plot = image(price_plot(make_history(), "USc/lb"))
    assert plot.startswith(PNG)
    assert len(plot) < 15_000


def test_covariates_are_one_inline_image_whatever_their_number_and_gaps() -> None:
    history = with_features(make_history())
    values = history.features[:, 0].copy()
    values[100:300] = np.nan
    for count in (1, 3):
        names = tuple(f"covariate {k}" for k in range(count))
        columns = np.column_stack([values] * count)
        known = replace(history, features=columns, feature_names=names)
        plot = image(feature_plot(known, {"covariate 0": "mm"}))
        assert plot.startswith(PNG)
        assert len(plot) < 30_000


def test_fans_of_any_number_of_models_are_one_inline_image() -> None:
    history = make_history(100)
    paths = history.closes[-1] * np.exp(np.random.default_rng(1).normal(0, 0.05, (200, 14)))
    fan = Fan(history.newest, date(2018, 5, 21), paths.astype(np.float32))
    for count in (1, 3, 4):
        chart = image(fan_chart(history, {f"model {k}": fan for k in range(count)}, "USc/lb"))
        assert chart.startswith(PNG)
        assert len(chart) < 30_000


def test_the_band_of_chance_holds_what_a_binomial_count_does() -> None:
    # Of n values each is in a given tenth with probability 1/10; the band ends where the
    # cumulative probability first reaches 2.5 % and 97.5 %.
    n = 40
    mass = [math.comb(n, k) * 0.1**k * 0.9 ** (n - k) for k in range(n + 1)]
    ends = [int(np.searchsorted(np.cumsum(mass), level)) / n for level in (0.025, 0.975)]
    assert chance_band(n) == tuple(ends)


def test_a_picture_says_its_size_and_what_it_shows() -> None:
    shares = np.array([0.9, np.nan])
    for picture in (
        pit_histogram("Coffee", np.array([0.0, 0.5, 1.0]), 1),
        coverage_plot("Coffee", shares, shares),
    ):
        plot = image(picture.markdown)
        assert plot.startswith(PNG)
        assert int.from_bytes(plot[16:20]) == picture.width
        assert int.from_bytes(plot[20:24]) == picture.height
        assert "Coffee" in picture.text


def test_scores_are_one_inline_image_with_the_unit_on_its_axis() -> None:
    held = pd.DataFrame(
        {
            "model_name": ["garch", "garch", "naive", "naive"],
            "day_ahead": [1, 2, 1, 2],
            "data_cutoff_date": pd.to_datetime(["2019-01-02"] * 4),
            "crps": [1.0, 2.0, 1.5, 2.5],
            "covered_80": [True, False, True, True],
        }
    )
    assert score_plot(held, "$/bbl").startswith("![scores by session ahead](data:image/png")


def test_skill_is_one_inline_image_and_a_model_without_it_has_no_bar() -> None:
    rows = pd.DataFrame(
        {
            "commodity": ["(all)", "WTI", "WTI"],
            "model_name": ["garch", "garch", "naive"],
            "calibration": ["calibrated for 1 of 1", "calibrated", "too narrow"],
            "skill": [0.04, 0.04, np.nan],
        }
    )
    assert skill_plot(rows).startswith("![skill by commodity](data:image/png;base64,")

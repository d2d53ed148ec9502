"""Features: nothing from the future, nothing older than allowed."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecast_assets.configuration.commodities import Commodity, Covariate
from forecast_assets.market.covariates import CovariateSeries
from forecast_assets.market.features import Feature, known_at, read_features
from forecast_assets_tests.histories import make_history, write_covariate

SESSIONS = make_history(60).dates


def source(delay_days: int, fill_days: int) -> Covariate:
    return Covariate(path="x.csv", column="close", delay_days=delay_days, fill_days=fill_days)


def sparse(seed: int) -> CovariateSeries:
    """Observations on some calendar days, weekends among them, from before the first session."""
    generator = np.random.default_rng(seed)
    days = SESSIONS[0] - 5 + np.flatnonzero(generator.random(95) < 0.3)
    return CovariateSeries("rain", days, generator.standard_normal(len(days)))


def slowly(series: CovariateSeries, delay: int, fill: int) -> list[tuple[float, date | None]]:
    """For each session the newest observation in its allowed days, one by one."""
    found: list[tuple[float, date | None]] = []
    for session in SESSIONS.tolist():
        newest: tuple[float, date | None] = (float("nan"), None)
        for day, value in zip(series.dates.tolist(), series.values.tolist(), strict=True):
            oldest = session - timedelta(days=delay + fill)
            if oldest <= day <= session - timedelta(days=delay):
                newest = (value, day)
        found.append(newest)
    return found


@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("fill", [0, 2, 10])
def test_the_join_equals_a_slow_loop(delay: int, fill: int) -> None:
    for seed in range(5):
        series = sparse(seed)
        feature = known_at(SESSIONS, series, source(delay, fill))
        expected = slowly(series, delay, fill)
        np.testing.assert_array_equal(feature.values, [value for value, _ in expected])
        assert feature.observed_on.tolist() == [day for _, day in expected]


@pytest.mark.parametrize("delay", [0, 2])
def test_no_session_knows_what_came_later(delay: int) -> None:
    series = sparse(1)
    whole = known_at(SESSIONS, series, source(delay, 5))
    for place, session in enumerate(SESSIONS):
        known = series.dates <= session - delay
        past = CovariateSeries("rain", series.dates[known], series.values[known])
        if len(past.dates):
            alone = known_at(SESSIONS[: place + 1], past, source(delay, 5))
            assert alone.values.tobytes() == whole.values[: place + 1].tobytes()
    assert np.all(whole.observed_on[whole.known] <= SESSIONS[whole.known] - delay)


def test_what_is_carried_forward_is_counted() -> None:
    days = np.array(["2018-01-01", "2018-01-03"], dtype="datetime64[D]")
    series = CovariateSeries("rain", days, np.array([1.0, 2.0]))
    feature: Feature = known_at(SESSIONS[:7], series, source(0, 2))
    assert feature.values[:5].tolist() == [1.0, 1.0, 2.0, 2.0, 2.0]
    assert feature.known.tolist() == [True] * 5 + [False] * 2
    assert feature.carried.tolist() == [False, True, False, True, True, False, False]


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_a_price_known_ahead_was_fixed_without_the_days_before_it(
    tmp_path: Path, ahead: int
) -> None:
    days = [str(day) for day in SESSIONS[:10]]
    (tmp_path / "load.csv").write_text(
        "\n".join(["date,close", *(f"{day},{place}" for place, day in enumerate(days)), ""])
    )
    load = {"path": "load.csv", "column": "close", "delay_days": 0, "fill_days": 9}
    source = {"type": "file", "path": "power.csv", "known_ahead": ahead}
    commodity = Commodity.model_validate(
        {"unit": "EUR/MWh", "source": source, "covariates": {"load": load}}
    )
    (feature,) = read_features(
        "Power", commodity, SESSIONS[:10], tmp_path, date(2024, 1, 1)
    ).present
    assert np.all(feature.observed_on[feature.known] <= SESSIONS[:10][feature.known] - ahead)
    assert feature.observed_on[-1] == SESSIONS[:10][SESSIONS[:10] <= SESSIONS[9] - ahead][-1]


def test_a_missing_file_is_absent_by_name_and_the_others_are_there(tmp_path: Path) -> None:
    history = make_history(60)
    from forecast_assets_tests.histories import with_features

    write_covariate(tmp_path / "vix.csv", with_features(history), "vix")
    covariates = {name: {"path": f"{name}.csv", "column": "close"} for name in ("vix", "rain")}
    commodity = Commodity.model_validate(
        {
            "unit": "USc/lb",
            "source": {"type": "sample", "name": "wti"},
            "covariates": covariates,
        }
    )
    features = read_features("Coffee", commodity, SESSIONS, tmp_path, date(2024, 1, 1))
    assert [feature.name for feature in features.present] == ["vix"]
    assert "Coffee, covariate rain: no file at" in features.missing["rain"]
    assert not features.present[0].known[0]  # a day's delay
    assert features.present[0].known[1:].all()


def regional(tmp_path: Path, spans: dict[str, tuple[str, int]], **keys: Any) -> Commodity:
    """A commodity whose covariate has weekly rows of each region, from a day on."""
    rows = [
        f"{np.datetime64(first) + 7 * week},{region},{week}"
        for region, (first, weeks) in spans.items()
        for week in range(weeks)
    ]
    (tmp_path / "r.csv").write_text("\n".join(["date,region,rain", *rows]))
    covariate = {"path": "r.csv", "column": "rain", "region": "region", "fill_days": 7} | keys
    source = {"type": "sample", "name": "wti"}
    return Commodity.model_validate(
        {"unit": "USD/bbl", "source": source, "covariates": {"rain": covariate}}
    )


LONG = make_history(200).dates  # 2018-01-01 to 2018-10-05
WHOLE = ("2018-01-01", 45)
WEIGHTS: dict[str, Any] = {"aggregate": "weighted", "weights": {"Iowa": 2, "Ohio": 1}}
FIRST: dict[str, Any] = {"aggregate": "first", "regions": ["Iowa", "Ohio"]}


@pytest.mark.parametrize(
    ("ohio", "keys", "said"),
    [
        (("2019-06-03", 20), WEIGHTS, "rain, region Ohio: no value at any of the 200 sessions"),
        (("2011-01-03", 20), FIRST, "rain, region Ohio: no value at any of the 200 sessions"),
        (("2018-01-01", 10), FIRST, "rain, region Ohio: no value at any of the newest 60 sessions"),
    ],
)
def test_a_region_that_never_matches_is_told_beside_one_that_does(
    tmp_path: Path, ohio: tuple[str, int], keys: dict[str, Any], said: str
) -> None:
    commodity = regional(tmp_path, {"Iowa": WHOLE, "Ohio": ohio}, **keys)
    (line,) = read_features("WTI", commodity, LONG, tmp_path, date(2026, 1, 1)).unmatched
    assert line.startswith(f"WTI: covariate {said}")
    assert f"{ohio[1]} days, {ohio[0]} to" in line


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (("2011-01-03", 20), "no value at any of the 200 sessions, 2018-01-01 to 2018-10-05"),
        (("2019-06-03", 20), "no value at any of the 200 sessions, 2018-01-01 to 2018-10-05"),
        (("2018-01-01", 10), "no value at any of the newest 60 sessions, up to 2018-10-05"),
    ],
)
def test_dates_that_never_match_are_told_once_for_all_regions(
    tmp_path: Path, days: tuple[str, int], said: str
) -> None:
    commodity = regional(tmp_path, {"Iowa": days, "Ohio": days}, **WEIGHTS)
    (line,) = read_features("WTI", commodity, LONG, tmp_path, date(2026, 1, 1)).unmatched
    assert line.startswith(f"WTI: covariate rain: {said}")


@pytest.mark.parametrize("keys", [WEIGHTS, FIRST, {}])
def test_a_covariate_that_matches_is_not_told_of(tmp_path: Path, keys: dict[str, Any]) -> None:
    commodity = regional(tmp_path, {"Iowa": WHOLE, "Ohio": WHOLE}, **keys)
    assert read_features("WTI", commodity, LONG, tmp_path, date(2026, 1, 1)).unmatched == []


def test_a_region_that_no_configuration_names_may_end(tmp_path: Path) -> None:
    commodity = regional(tmp_path, {"Iowa": WHOLE, "Ohio": ("2011-01-03", 20)})
    assert read_features("WTI", commodity, LONG, tmp_path, date(2026, 1, 1)).unmatched == []

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from forecast_assets.models.elements.projection import late, projected
from forecast_assets_tests.histories import make_history, with_features

HISTORY = with_features(make_history(1200))
POSITIONS = [700, 701, 900, 1100]
ORIGINS: list[date] = HISTORY.dates[POSITIONS].tolist()
HORIZON = 14


def weekdays_after(day: date, count: int) -> list[date]:
    days = [day + timedelta(days=step) for step in range(1, 2 * count + 5)]
    return [later for later in days if later.weekday() < 5][:count]


def slow_seasonal_mean(origin: date, day: date, column: int) -> float:
    """By hand: whole years of 365.25 days before, give or take 10 days."""
    found = []
    for session, value in zip(HISTORY.dates.tolist(), HISTORY.features[:, column], strict=True):
        age = (day - session).days
        years = round(age / 365.25)
        if session <= origin and years >= 1 and abs(age - years * 365.25) <= 10:
            found.append(value)
    return float(np.mean(found))


def test_persist_repeats_the_value_at_the_origin() -> None:
    ahead = projected("persist", HISTORY, ORIGINS, HORIZON, 0)
    for place, position in enumerate(POSITIONS):
        for step in range(HORIZON):
            assert ahead[place, step].tolist() == HISTORY.features[position].tolist()


def test_seasonal_mean_equals_a_slow_loop() -> None:
    ahead = projected("seasonal_mean", HISTORY, ORIGINS, HORIZON, 0)
    assert ahead.shape == (4, HORIZON, 2)
    for place, origin in enumerate(ORIGINS):
        for step, day in enumerate(weekdays_after(origin, HORIZON)):
            for column in (0, 1):
                expected = slow_seasonal_mean(origin, day, column)
                assert ahead[place, step, column] == pytest.approx(expected, rel=1e-12)


def test_none_takes_what_was_known_as_many_sessions_before() -> None:
    ahead = projected("none", HISTORY, ORIGINS, HORIZON, 20)
    entering = late(HISTORY, 20)
    for place, position in enumerate(POSITIONS):
        for step in range(HORIZON):
            known = HISTORY.features[position + step + 1 - 20]
            assert ahead[place, step].tolist() == known.tolist()
            assert entering.features[position + step + 1].tolist() == known.tolist()
    assert np.isnan(entering.features[:20]).all()
    assert np.isnan(projected("none", HISTORY, [HISTORY.dates[3].item()], 14, 14)[0, :10]).all()


def test_none_refuses_a_horizon_beyond_its_lag() -> None:
    with pytest.raises(ValueError, match="a horizon of 14 sessions needs a lag as long, not 13"):
        projected("none", HISTORY, ORIGINS, 14, 13)


@pytest.mark.parametrize(
    ("projection", "lag"), [("persist", 0), ("seasonal_mean", 0), ("none", 14)]
)
def test_nothing_after_the_origin_is_used(projection: str, lag: int) -> None:
    for origin, position in zip(ORIGINS, POSITIONS, strict=True):
        features = HISTORY.features.copy()
        features[position + 1 :] = -1e9
        revised = replace(HISTORY, features=features)
        whole = projected(projection, HISTORY, [origin], HORIZON, lag)  # type: ignore[arg-type]
        other = projected(projection, revised, [origin], HORIZON, lag)  # type: ignore[arg-type]
        assert whole.tobytes() == other.tobytes()


def test_a_seasonal_mean_leaves_out_what_is_missing_and_has_none_without_an_earlier_year() -> None:
    features = HISTORY.features.copy()
    features[:600, 0] = np.nan
    ahead = projected("seasonal_mean", replace(HISTORY, features=features), ORIGINS[:1], HORIZON, 0)
    assert np.isnan(ahead[0, :, 0]).all()
    assert np.isfinite(ahead[0, :, 1]).all()

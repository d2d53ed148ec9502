import numpy as np
import pytest

from forecast_assets.models.elements.regressors import LAG_NAMES, LOOKBACK, Regressors, outcomes
from forecast_assets_tests.histories import closes

CLOSES = closes(400)
RETURNS = np.diff(np.log(CLOSES))
COVARIATES = np.random.default_rng(2).standard_normal((400, 2))
COVARIATES[300, 1] = np.nan
POSITIONS = np.array([LOOKBACK, 300, 399])


def slow(position: int) -> dict[str, float]:
    """The lags of one origin, one number at a time."""
    past = [
        float(np.log(CLOSES[t] / CLOSES[t - 1]))
        for t in range(position - LOOKBACK + 1, position + 1)
    ]
    weights = [0.97**age for age in range(LOOKBACK)]
    squares = sum(w * move**2 for w, move in zip(weights, reversed(past), strict=True))
    sigma = float(np.sqrt(squares / sum(weights)))
    lags = {"volatility": sigma}
    for span in (5, 21, 63, 250):
        mean_square = sum(move**2 for move in past[-span:]) / span
        lags[f"volatility_{span}"] = mean_square**0.5 / sigma
    return lags


def test_regressors_equal_a_slow_loop() -> None:
    found = Regressors.at(RETURNS, COVARIATES, POSITIONS)
    for row, position in enumerate(POSITIONS):
        expected = slow(int(position))
        assert found.volatility[row] == pytest.approx(expected["volatility"])
        lags = [expected[name] for name in LAG_NAMES]
        assert found.values[row, : len(lags)] == pytest.approx(lags)
        assert found.values[row, len(lags) :] == pytest.approx(COVARIATES[position], nan_ok=True)


def test_an_origin_sees_nothing_after_it() -> None:
    whole = Regressors.at(RETURNS, COVARIATES, POSITIONS[:2])
    cut = Regressors.at(RETURNS[:300], COVARIATES[:301], POSITIONS[:2])
    assert whole.values.tobytes() == cut.values.tobytes()
    assert whole.volatility.tobytes() == cut.volatility.tobytes()


def test_an_origin_alone_equals_the_one_in_a_batch() -> None:
    batch = Regressors.at(RETURNS, COVARIATES, np.arange(LOOKBACK, 400))
    for row, position in enumerate(POSITIONS):
        alone = Regressors.at(RETURNS, COVARIATES, POSITIONS[row : row + 1])
        assert alone.values[0].tobytes() == batch.values[position - LOOKBACK].tobytes()


def test_a_price_that_did_not_move_has_no_lags() -> None:
    found = Regressors.at(np.zeros(399), COVARIATES, POSITIONS)
    assert (found.volatility == 0).all()
    assert np.isnan(found.values[:, : len(LAG_NAMES)]).all()


def test_rows_are_every_origin_and_session_ahead() -> None:
    known = Regressors.at(RETURNS, COVARIATES, POSITIONS)
    rows = known.rows(3)
    for origin in range(3):
        for ahead in range(3):
            assert rows[3 * origin + ahead, 0] == ahead + 1
            assert np.array_equal(rows[3 * origin + ahead, 1:], known.values[origin], True)
            expected = known.volatility[origin] * (ahead + 1) ** 0.5
            assert known.scale(3)[origin, ahead] == pytest.approx(expected)


def test_outcomes_equal_a_slow_loop_and_none_is_past_the_end() -> None:
    found = outcomes(RETURNS, np.array([300, 397, 398]), 4)
    for row, position in enumerate((300, 397, 398)):
        for ahead in range(1, 5):
            if position + ahead < len(CLOSES):
                expected = np.log(CLOSES[position + ahead] / CLOSES[position])
                assert found[row, ahead - 1] == pytest.approx(expected)
            else:
                assert np.isnan(found[row, ahead - 1])

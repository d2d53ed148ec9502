"""Ticks: a price is rounded to the nearest multiple, and is the float32 nearest to that."""

import hashlib
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from forecast_assets.models.naive import Naive
from forecast_assets.models.roster import ROSTER
from forecast_assets.models.simulation import seed_of
from forecast_assets.models.tick import TICK, Tick, in_ticks, with_tick
from forecast_assets_tests.histories import make_history

TICKS = (0.01, 0.05, 0.1, 0.25, 0.0001, 1.0, 25.0, 0.015625, 0.03, 1e-8, 0.00000125)
REACH = 2**22
"""So many ticks are told apart by float32."""


def rounded(*prices: float, tick: float) -> np.ndarray:
    """These prices in ticks, as one path of one origin."""
    path: np.ndarray = in_ticks(np.array([[prices]], dtype=np.float32), tick)[0, 0]
    return path


@pytest.mark.parametrize(
    ("price", "tick", "expected"),
    [
        (13.3712, 0.01, 13.37),
        (13.375, 0.01, 13.38),  # two are equally near: the even count of ticks, 1338
        (13.365, 0.25, 13.25),
        (13.375, 0.25, 13.5),  # 53.5 ticks
        (1234.56, 0.1, 1234.6),
        (1234.56, 0.05, 1234.55),
        (0.004, 0.01, 0.01),  # what was above zero stays there
        (1e-30, 0.01, 0.01),
        (0.0, 0.01, 0.0),
        (-0.004, 0.01, 0.0),
        (-36.983, 0.01, -36.98),
        (12345678.0, 0.01, 12345678.0),  # float32 is coarser than the tick
        (3e38, 0.01, 3e38),
        (1.0, 1e6, 1e6),
    ],
)
def test_a_price_becomes_the_nearest_number_of_ticks(
    price: float, tick: float, expected: float
) -> None:
    (found,) = rounded(price, tick=tick)
    assert found == np.float32(expected)
    assert not np.signbit(found) or expected < 0


def test_every_price_is_the_float32_nearest_to_its_decimal() -> None:
    """All cents from 0.01 to 200.00, from prices that are off by a third of a cent."""
    cents = np.arange(1, 20_001)
    off = (cents + np.resize([-1 / 3, 0, 1 / 3], len(cents))) / 100
    decimals = np.array([float(Decimal(int(each)) / 100) for each in cents]).astype(np.float32)
    assert rounded(*off, tick=0.01).tobytes() == decimals.tobytes()


counts = st.floats(-REACH, REACH, allow_nan=False)


@given(st.lists(counts, min_size=1, max_size=20), st.sampled_from(TICKS))
def test_rounding_is_exact_and_once_is_enough(counts: list[float], tick: float) -> None:
    prices = (np.array(counts) * tick).astype(np.float32)
    found, step = rounded(*prices, tick=tick), Fraction(repr(tick))
    for price, near in zip(prices.tolist(), found.tolist(), strict=True):
        multiple = round(Fraction(price) / step)  # of two equally near ones the even one
        if price > 0:
            multiple = max(multiple, 1)
            assert near > 0
            assert abs(multiple * step - Fraction(price)) < step
        if price <= 0 or Fraction(price) >= step / 2:
            assert abs(multiple * step - Fraction(price)) <= step / 2
        assert near == nearest_float32(multiple * step)
    assert rounded(*found, tick=tick).tobytes() == found.tobytes()


def nearest_float32(exact: Fraction) -> float:
    """By comparing neighbours as fractions; of two equally near ones the one with an even end."""
    about = np.float32(float(exact))
    near = [
        np.nextafter(about, np.float32(-np.inf)),
        about,
        np.nextafter(about, np.float32(np.inf)),
    ]
    return float(min(near, key=lambda x: (abs(Fraction(float(x)) - exact), x.view(np.uint32) % 2)))


def test_the_bytes_are_the_same_on_every_machine() -> None:
    prices = np.linspace(0.001, 4000, 28_000).astype(np.float32).reshape(2, 1000, 14)
    found = {tick: hashlib.sha256(in_ticks(prices.copy(), tick).tobytes()) for tick in (0.01, 0.03)}
    assert {tick: each.hexdigest()[:16] for tick, each in found.items()} == {
        0.01: "8d03f8210d806b6d",
        0.03: "83196d01ca03cfa2",
    }


def test_no_number_stays_none() -> None:
    odd = rounded(np.nan, np.inf, -np.inf, 1.004, 0.001, tick=0.01)
    assert odd.tobytes() == np.array([np.nan, np.inf, -np.inf, 1.0, 0.01], np.float32).tobytes()


def test_origins_in_any_layout_are_rounded_alike() -> None:
    prices = np.random.default_rng(1).normal(1, 1, (3, 5, 40)).astype(np.float32)
    apart = in_ticks(np.ascontiguousarray(prices.transpose(0, 2, 1)).copy(), 0.05)
    assert in_ticks(prices.copy().transpose(0, 2, 1), 0.05).tobytes() == apart.tobytes()


@pytest.mark.parametrize("tick", [0.01, 1, 25.0, 1e-8, 1e6, 1 / 256])
def test_ticks_that_are_taken(tick: float) -> None:
    assert TypeAdapter(Tick).validate_python(tick) == tick


@pytest.mark.parametrize(
    "tick", [0, -0.01, 1e-9, 1 / 3, 2e6, float("nan"), float("inf"), True, "0.01", None, 10**400]
)
def test_ticks_that_are_refused(tick: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Tick).validate_python(tick)


def test_no_option_of_a_model_is_called_like_a_tick_among_them() -> None:
    assert not [name for name, model in ROSTER.items() if TICK in model.model_fields]
    assert with_tick({"decay": 0.9}, 0.01) == {"decay": 0.9, TICK: 0.01}
    assert with_tick({"decay": 0.9}, None) == {"decay": 0.9}


def test_a_stretched_model_is_rounded_after_it_is_stretched() -> None:
    history = make_history()
    model = replace(Naive().fit(history), stretch=(1.3,))
    days, seeds = [history.newest], [seed_of("stretched")]
    fine, coarse = (
        replace(model, tick=tick).simulate(history, days, horizon=5, n_paths=50, seeds=seeds)
        for tick in (None, 0.25)
    )
    assert (coarse % 0.25 == 0).all()
    assert coarse.tobytes() == in_ticks(fine, 0.25).tobytes()

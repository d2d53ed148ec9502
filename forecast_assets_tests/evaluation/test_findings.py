"""Every finding fires on a crafted draw, and none on a sound one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.evaluation.findings import BLOCKING, WARNING, Finding, of_forecasting
from forecast_assets.forecast.forecasting import Forecasting
from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import Draw, ModelFailure
from forecast_assets.timeline.history import History
from forecast_assets_tests.graphs import MakeGraph
from forecast_assets_tests.records import model

HISTORY = History(
    "Coffee",
    np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[D]"),
    np.array([50.0, 60.0, -40.0]),
)
CUTOFFS = HISTORY.dates.tolist()
STARTS = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]

Look = Callable[..., dict[str, Finding]]


@pytest.fixture
def settings(make_graph: MakeGraph) -> Settings:
    configured: Settings = make_graph(horizon=3, paths=100).settings
    return configured


@pytest.fixture
def look(settings: Settings) -> Look:
    def found(*draws: Draw, failures: tuple[ModelFailure, ...] = ()) -> dict[str, Finding]:
        outcome = Forecasting([], settings.paths, draws=list(draws), failures=list(failures))
        findings = of_forecasting(settings, HISTORY, outcome)
        assert [each.check for each in findings] == [*BLOCKING, *WARNING]
        return {each.check: each for each in findings}

    return found


def sound(spreads: tuple[float, ...] = (1.0, 2.0, 3.0), n_paths: int = 100) -> Draw:
    """Paths about each close, whose spread grows: a draw of the window of 2024-01-01."""
    steps = np.linspace(-1, 1, n_paths)[None, :, None] * np.array(spreads)
    return of_paths((HISTORY.closes[:, None, None] + steps).astype(np.float32))


def of_paths(paths: np.ndarray) -> Draw:
    points = points_of(in_order(paths))
    return Draw(model(), CUTOFFS, STARTS, ["print"] * 3, [70.0] * 3, paths, points)


def failed(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: each.found for name, each in findings.items() if not each.passed}


def test_a_sound_draw_passes_every_check_and_says_how_much_was_drawn(look: Look) -> None:
    findings = look(sound(), sound())
    assert failed(findings) == {}
    assert {each.found for each in findings.values()} == {"6 forecasts drawn"}
    assert not any(each.blocks for each in findings.values())
    assert {each.found for each in look().values()} == {"0 forecasts drawn"}


@pytest.mark.parametrize("draw", [sound(n_paths=99), sound((1.0, 2.0)), sound((1, 2, 3, 4))])
def test_too_few_paths_or_sessions_block(look: Look, draw: Draw) -> None:
    findings = look(sound(), draw)
    assert failed(findings) == {"path_count": "naive"}
    assert findings["path_count"].blocks


def test_a_forecast_too_few_blocks(look: Look) -> None:
    short = replace(sound(), paths=sound().paths[:2])
    assert failed(look(short)) == {"path_count": "naive"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_price_that_is_no_number_blocks(look: Look, bad: float) -> None:
    draw = sound()
    draw.paths[1, 7, 2] = bad
    findings = look(draw)
    assert failed(findings) == {"no_null": "naive"}
    assert findings["no_null"].blocks


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"starts": [STARTS[0], CUTOFFS[1], STARTS[2]]}, ["2024-01-02 from 2024-01-02"]),
        ({"starts": [STARTS[0], CUTOFFS[0], STARTS[2]]}, ["2024-01-01 from 2024-01-02"]),
        ({"model": replace(model(), training_date=date(2024, 1, 3))}, ["2024-01-02 from"]),
        (
            {"model": replace(model(), training_end_date=date(2024, 1, 1))},
            ["2024-01-02 from 2024-01-01", "2024-01-03 from", "2024-01-04 from"],
        ),
    ],
)
def test_what_knows_the_future_blocks_and_is_told_by_date(
    look: Look, change: dict[str, object], told: list[str]
) -> None:
    findings = look(replace(sound(), **change))  # type: ignore[arg-type]
    assert list(failed(findings)) == ["no_leakage"]
    leaks = findings["no_leakage"].found.split("; ")
    assert len(leaks) == len(told)
    for leak, expected in zip(leaks, told, strict=True):
        assert leak.startswith(f"naive: {expected}")
    assert findings["no_leakage"].blocks


def test_a_training_on_the_day_of_the_first_start_is_no_leak(look: Look) -> None:
    assert failed(look(replace(sound(), model=replace(model(), training_date=STARTS[0])))) == {}


@pytest.mark.parametrize("spreads", [(3.0, 2.0, 1.0), (2.0, 3.0, 2.0), (2.0, 2.0, 2.0)])
def test_an_interval_that_is_no_wider_at_the_end_warns(
    look: Look, spreads: tuple[float, ...]
) -> None:
    findings = look(sound(), sound(spreads))
    assert failed(findings) == {"spread_grows": "naive: 3 forecasts, the first from 2024-01-01"}
    assert not findings["spread_grows"].blocks


def test_one_session_ahead_has_no_spread_to_grow(make_graph: MakeGraph) -> None:
    settings = make_graph(horizon=1, paths=100).settings
    outcome = Forecasting([], 100, draws=[sound((1.0,))])
    assert all(each.passed for each in of_forecasting(settings, HISTORY, outcome))


@pytest.mark.parametrize(("distance", "warns"), [(0.24, False), (0.26, True), (-0.26, True)])
def test_a_median_far_from_the_close_warns_by_share_of_its_size(
    look: Look, distance: float, warns: bool
) -> None:
    paths = sound().paths
    paths[1:, :, 1] += np.float32(distance) * np.abs(HISTORY.closes[1:, None]).astype(np.float32)
    findings = look(of_paths(paths))
    told = {"median_near_close": "naive: 2 forecasts, the first from 2024-01-02"}
    assert failed(findings) == (told if warns else {})
    assert not findings["median_near_close"].blocks


def test_the_bound_is_the_configurations(make_graph: MakeGraph) -> None:
    paths = sound().paths
    paths[:, :, 1] += np.float32(0.2) * np.abs(HISTORY.closes[:, None]).astype(np.float32)
    outcome = Forecasting([], 100, draws=[of_paths(paths)])
    for bound, passes in ((0.19, False), (0.21, True)):
        settings = make_graph(horizon=3, paths=100, checks={"median_bound": bound}).settings
        found = {each.check: each for each in of_forecasting(settings, HISTORY, outcome)}
        assert found["median_near_close"].passed is passes


def test_a_model_that_broke_warns_and_one_that_declined_does_not(look: Look) -> None:
    declined = ModelFailure("garch", "no logarithm", declined=True, origins=3)
    assert failed(look(sound(), failures=(declined,))) == {}
    broke = ModelFailure("ets", "Coffee|2024-01-01: ets broke down", origins=3)
    findings = look(sound(), failures=(declined, broke))
    assert failed(findings) == {"models_failed": "Coffee|2024-01-01: ets broke down"}
    assert not findings["models_failed"].blocks


def test_of_many_wrong_things_the_first_five_are_told(look: Look) -> None:
    findings = look(*[sound((3.0, 2.0, 1.0))] * 6)
    assert findings["spread_grows"].found.count("; ") == 4

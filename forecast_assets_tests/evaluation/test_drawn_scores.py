"""Scores of forecasts that were scored when they were drawn."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from forecast_assets.evaluation import drawn_scores
from forecast_assets.evaluation.drawn_scores import DrawnScores
from forecast_assets.evaluation.scoring import Scores, score
from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import Draw, IssuedForecast, Written
from forecast_assets.timeline.outcomes import Outcomes
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.records import model

AT = datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001 - the tables keep UTC without a zone
HISTORY = make_history(60)
CUTOFFS: list[date] = HISTORY.dates[40:50].tolist()
TRAINED = date(2018, 2, 1)
WRITTEN = Written("Coffee", "v1.0", TRAINED, AT, "run")
HORIZON = 3
HAPPENED = Outcomes.after(HISTORY, CUTOFFS, HORIZON)


def draw_of(name: str = "naive") -> Draw:
    random = np.random.default_rng(len(name))
    paths = random.normal(50, 2, (len(CUTOFFS), 5, HORIZON)).astype(np.float32)
    return Draw(model(name), CUTOFFS, CUTOFFS, [], [], paths, points_of(in_order(paths)))


def scores_of(draw: Draw) -> Scores:
    return score(draw.paths, HAPPENED.cutoff_closes, HAPPENED.closes)


def issued(name: str = "naive", at: datetime = AT, n_paths: int = 5) -> list[IssuedForecast]:
    return [
        IssuedForecast(name, "id", TRAINED, day, day, "sha", "print", n_paths, at, None)
        for day in CUTOFFS
    ]


def kept() -> DrawnScores:
    drawn = DrawnScores()
    for name in ("naive", "garch"):
        draw = draw_of(name)
        drawn.keep(WRITTEN, draw, HAPPENED, scores_of(draw))
    return drawn


def same(found: Scores | None, expected: Scores, rows: slice = slice(None)) -> None:
    assert found is not None
    assert found.horizons == expected.horizons
    for mine, theirs in ((found.sessions, expected.sessions), (found.paths, expected.paths)):
        assert list(mine) == list(theirs)
        for name, values in mine.items():
            np.testing.assert_array_equal(values, theirs[name][rows])


def test_what_was_drawn_and_stored_has_the_scores_of_its_paths_once() -> None:
    drawn = kept()
    for name in ("garch", "naive"):
        same(drawn.take("Coffee", "v1.0", issued(name), HAPPENED), scores_of(draw_of(name)))
        assert drawn.take("Coffee", "v1.0", issued(name), HAPPENED) is None


def test_some_of_the_forecasts_of_a_draw_have_theirs() -> None:
    some = Outcomes.after(HISTORY, CUTOFFS[3:7], HORIZON)
    found = kept().take("Coffee", "v1.0", issued()[3:7], some)
    same(found, scores_of(draw_of()), slice(3, 7))


@pytest.mark.parametrize("other", [issued(at=AT + timedelta(microseconds=1)), issued(n_paths=4)])
def test_another_drawing_has_other_scores(other: list[IssuedForecast]) -> None:
    assert kept().take("Coffee", "v1.0", other, HAPPENED) is None


@pytest.mark.parametrize(
    ("commodity", "version", "name"),
    [("Sugar", "v1.0", "naive"), ("Coffee", "v2.0", "naive"), ("Coffee", "v1.0", "ets")],
)
def test_another_forecast_has_none(commodity: str, version: str, name: str) -> None:
    assert kept().take(commodity, version, issued(name), HAPPENED) is None


@pytest.mark.parametrize("place", [40, 49, 51], ids=["cutoff", "last cutoff", "outcome"])
def test_scores_of_other_closes_are_not_given(place: int) -> None:
    closes = HISTORY.closes.copy()
    closes[place] += 0.01
    revised = Outcomes.after(replace(HISTORY, closes=closes), CUTOFFS, HORIZON)
    assert kept().take("Coffee", "v1.0", issued(), revised) is None


def test_one_forecast_that_was_not_kept_sends_all_to_the_tables() -> None:
    later = [*issued(), replace(issued()[0], data_cutoff_date=HISTORY.dates[50].item())]
    happened = Outcomes.after(HISTORY, [x.data_cutoff_date for x in later], HORIZON)
    assert kept().take("Coffee", "v1.0", later, happened) is None


def test_no_more_are_kept_than_memory_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn_scores, "MOST", 2 * len(CUTOFFS) - 1)
    drawn = kept()
    assert drawn.take("Coffee", "v1.0", issued("garch"), HAPPENED) is None
    assert drawn.take("Coffee", "v1.0", issued("naive"), HAPPENED) is not None
    drawn = kept()
    drawn.clear()
    assert drawn.take("Coffee", "v1.0", issued("naive"), HAPPENED) is None

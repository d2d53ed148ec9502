"""Paths: each forecast is there once, with what happened beside it, and none looks ahead."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.contract import Store
from forecast_assets.timeline.outcomes import Outcomes
from forecast_assets_tests.engines import Engine
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.records import AT, DAYS, WRITTEN, draw, model


def test_versions_and_dates_never_touch_each_other(store: Store) -> None:
    store.models.append(WRITTEN, [model()], [])
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    other = replace(WRITTEN, model_version="experiment_gdelt_v1")
    twin = replace(model(), model_id="another", model_version="experiment_gdelt_v1")
    store.models.append(other, [twin], [])
    store.paths.apply(other, WindowChange([draw(value=100.0)]))
    assert [row.is_active for row in store.models.find()] == [True, True]
    assert store.models.find(model_version="v1.0") == [model()]
    ours = store.paths.read("Coffee", [date(2024, 1, 1)], "v1.0")
    assert ours.column("day_1").to_pylist()[:3] == [None, 1.0, 4.0]
    assert len(store.paths.read("Coffee", [date(2024, 1, 1)])) == 2 * (12 + 3)


def test_paths_land_in_their_columns(store: Store) -> None:
    assert store.paths.apply(WRITTEN, WindowChange([draw()])) == 12
    rows = store.paths.read("Coffee", [date(2024, 1, 1)]).to_pylist()
    assert len(rows) == 12 + 3  # and what happened beside each forecast
    assert rows[7] == {
        "path_id": 2,
        "commodity": "Coffee",
        "model_name": "naive",
        "model_version": "v1.0",
        "model_id": "Coffee_naive_2024-01-01_v1.0",
        "training_date": date(2024, 1, 1),
        "forecast_start_date": date(2024, 1, 3),
        "data_cutoff_date": date(2024, 1, 2),
        "generation_timestamp": AT,
        "day_1": 16.0,  # forecast 1, path 1, session 0: (1 * 4 + 1) * 3 + 0, and 1
        "day_2": 17.0,
        "day_3": 18.0,
        "is_actuals": False,
        "has_data_leakage": False,
    }
    nothing_yet = {"path_id": 0, "is_actuals": True, "day_1": None, "day_2": None, "day_3": None}
    assert rows[5] == rows[7] | nothing_yet


def test_drawing_again_replaces_and_never_duplicates(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS[1:], value=50.0)]))
    table = store.paths.read("Coffee", [date(2024, 1, 1)])
    assert len(table) == 12 + 3
    assert table.column("day_1").to_pylist()[4:7] == [10.0, None, 50.0]
    assert len(store.paths.issued("Coffee", "v1.0")) == 3


@pytest.mark.parametrize(("first", "last"), [(1, 2), (0, 0), (1, 1)])
def test_forecasts_from_some_cutoffs_are_read_as_all_are(
    store: Store, first: int, last: int
) -> None:
    happened = Outcomes.after(make_history(40), make_history(40).dates[:3].tolist(), 3)
    happened = replace(happened, cutoffs=DAYS)
    store.paths.apply(WRITTEN, WindowChange([draw()], happened=happened))
    whole = store.paths.issued("Coffee", "v1.0")
    assert whole[0].outcome is not None
    some = store.paths.issued("Coffee", "v1.0", (DAYS[first], DAYS[last]))
    assert some == whole[first : last + 1]


def test_the_newest_forecast_of_each_model_is_a_fan(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    fans = store.paths.newest("Coffee", date(2024, 1, 1), "v1.0")
    assert list(fans) == ["naive"]
    assert (fans["naive"].cutoff, fans["naive"].start) == (DAYS[2], date(2024, 1, 4))
    assert fans["naive"].paths.tolist() == draw().paths[2].tolist()


def test_a_forecast_moves_to_the_session_that_came(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    store.paths.apply(WRITTEN, WindowChange(moved=[(DAYS[2], date(2024, 1, 8))]))
    assert store.paths.issued("Coffee", "v1.0")[2].forecast_start_date == date(2024, 1, 8)
    starts = store.paths.read("Coffee", [date(2024, 1, 1)]).column("forecast_start_date")
    assert starts.to_pylist()[-6:] == [date(2024, 1, 3)] + [date(2024, 1, 8)] * 5


def test_a_forecast_from_a_withdrawn_session_goes(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    store.paths.apply(WRITTEN, WindowChange(withdrawn=[DAYS[1]]))
    cutoffs = [issued.data_cutoff_date for issued in store.paths.issued("Coffee", "v1.0")]
    assert cutoffs == [DAYS[0], DAYS[2]]
    assert len(store.paths.read("Coffee", [date(2024, 1, 1)])) == 2 * (4 + 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_paths_that_are_not_finite_are_refused_whole(store: Store, bad: float) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    broken = draw(value=7.0)
    broken.paths[1, 2, 0] = bad
    with pytest.raises(StoreError, match="finite"):
        store.paths.apply(WRITTEN, WindowChange([draw(value=9.0), broken]))
    assert store.paths.read("Coffee", [date(2024, 1, 1)]).column("day_1").to_pylist()[1] == 1.0


def test_a_start_that_is_not_after_its_cutoff_cannot_be_written(store: Store) -> None:
    leaking = replace(draw(), starts=DAYS)
    with pytest.raises(StoreError):
        store.paths.apply(WRITTEN, WindowChange([leaking]))
    assert store.paths.issued("Coffee", "v1.0") == []


def test_another_horizon_than_the_tables_is_refused_by_name(
    engine: Engine, store: Store, tmp_path: Path
) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    longer = engine.opened(tmp_path, 14)
    with pytest.raises(StoreError, match=r"has 3 sessions .* configured 14"):
        longer.paths.apply(WRITTEN, WindowChange())
    with pytest.raises(StoreError, match="another horizon"):
        longer.paths.issued("Coffee", "v1.0")


def test_a_window_of_more_rows_than_a_row_group_is_kept_whole(store: Store) -> None:
    days = [DAYS[0] + timedelta(days=number) for number in range(70)]
    store.paths.apply(WRITTEN, WindowChange([draw(days, n_paths=2_000)]))
    with store.reading() as tables:
        rows = tables.read("commodity.forecast.distributions", ["data_cutoff_date", "path_id"])
    assert len(rows) == 70 * 2_001
    assert set(rows.column(0).to_pylist()) == set(days)

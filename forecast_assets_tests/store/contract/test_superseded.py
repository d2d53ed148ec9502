"""What was said and then said otherwise: kept, by every write that replaces a forecast."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.forecast.forecasting import (
    LATER_MODEL,
    OTHER_CODE,
    OTHER_PATHS,
    RETRAINED,
    REVISED,
)
from forecast_assets.forecast.records import Draw, WindowChange
from forecast_assets.store.contract import Store
from forecast_assets_tests.observed import said
from forecast_assets_tests.records import DAYS, WRITTEN, draw, model
from forecast_assets_tests.rows import rows

KEPT = (
    "data_cutoff_date",
    "revision",
    "model_name",
    "payload_sha256",
    "history_fingerprint",
    "cutoff_close",
    "generation_timestamp",
    "created_by",
    "superseded_at",
    "superseded_by",
    "reason",
)
POINTS = ("data_cutoff_date", "revision", "day_ahead", "mean", "upper_95")

LATER = replace(WRITTEN, at=WRITTEN.at + timedelta(hours=1), by="another run")


def moments(store: Store, name: str = "forecasts") -> list[datetime]:
    """When each forecast was issued, in order of models, cutoffs and revisions."""
    order = ["revision"] if name == "superseded_forecasts" else []
    columns = ("model_name", "data_cutoff_date", *order, "issued_at")
    return [row[-1] for row in rows(store, f"forecast.{name}", *columns)]


def kept(store: Store) -> list[tuple[Any, ...]]:
    return rows(store, "forecast.superseded_forecasts", *KEPT)


def points_kept(store: Store) -> list[tuple[Any, ...]]:
    return rows(store, "forecast.superseded_point_forecasts", *POINTS)


def of(name: str, days: list[date], value: float, **keys: Any) -> Draw:
    made = draw(days, value)
    return replace(made, model=model(name), **keys)


def test_what_is_issued_first_replaces_nothing(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    assert kept(store) == points_kept(store) == []
    assert store.paths.superseded("Coffee", "v1.0") == {}


def test_what_is_replaced_is_kept_with_its_time_its_numbers_and_why(store: Store) -> None:
    first = of("naive", DAYS, 1.0, closes=[70.0, 71.0, 72.0])
    store.paths.apply(WRITTEN, WindowChange([first, of("garch", DAYS, 4.0)]))
    again = of("naive", DAYS[1:], 9.0, fingerprints=["new"] * 2, why={DAYS[2]: "revised history"})
    store.paths.apply(LATER, WindowChange([again]))
    said = ("naive", "one", "print")
    first_at, replaced_at, the_same = moments(store)[3:]
    assert first_at < replaced_at == the_same
    assert moments(store, "superseded_forecasts") == [first_at] * 2
    when = (WRITTEN.at, "a run", replaced_at, "another run")
    assert kept(store) == [
        (DAYS[1], 1, *said, 71.0, *when, "drawn again"),
        (DAYS[2], 1, *said, 72.0, *when, "revised history"),
    ]
    points = first.points
    assert points_kept(store) == [
        (DAYS[row], 1, day + 1, points.mean[row, day], points.bounds(0.95)[1][row, day])
        for row in (1, 2)
        for day in range(3)
    ]
    assert store.paths.superseded("Coffee", "v1.0") == {WRITTEN.training_date: 2}
    assert store.paths.superseded("Coffee", "v2.0") == {}


def test_what_two_runs_drew_at_the_same_time_is_one_forecast(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS[:2])]))
    assert store.paths.apply(LATER, WindowChange([draw(DAYS[:2])])) == 0
    assert store.paths.apply(LATER, WindowChange([draw()])) == 4  # of the third day
    assert kept(store) == points_kept(store) == []
    issued = rows(store, "forecast.forecasts", "data_cutoff_date", "created_by")
    assert [by for _, by in issued] == [WRITTEN.by, WRITTEN.by, LATER.by]
    other = replace(draw(), fingerprints=["other"] * 3)
    store.paths.apply(LATER, WindowChange([other]))
    assert len(kept(store)) == 3


@pytest.mark.parametrize("before", ["", "rewrite, "])
@pytest.mark.parametrize(
    ("reason", "unlike"),
    [
        (REVISED, {"fingerprints": ["older"] * 3}),
        (RETRAINED, {"model": model(sha256="older")}),
        (OTHER_PATHS, {"paths": draw(n_paths=2).paths}),
        (LATER_MODEL, {"model": replace(model(), training_date=date(2024, 2, 1))}),
    ],
)
def test_what_two_runs_drew_again_at_the_same_time_replaces_one_forecast(
    store: Store, reason: str, unlike: dict[str, Any], before: str
) -> None:
    old = replace(draw(), **unlike)
    written = replace(WRITTEN, training_date=old.model.training_date)
    store.paths.apply(written, WindowChange([old]))
    why = before + reason
    again = replace(draw(), why=dict.fromkeys(DAYS, why))
    assert store.paths.apply(LATER, WindowChange([again])) == 12
    assert store.paths.apply(replace(LATER, by="a third run"), WindowChange([again])) == 0
    assert [(row[0], row[1], row[-1]) for row in kept(store)] == [(day, 1, why) for day in DAYS]
    assert (
        rows(store, "forecast.forecasts", "training_date", "created_by")
        == [(WRITTEN.training_date, LATER.by)] * 3
    )


@pytest.mark.parametrize("why", [OTHER_CODE, f"rewrite, {OTHER_CODE}", f"{REVISED}, {OTHER_CODE}"])
def test_what_other_code_draws_alike_is_a_forecast_of_its_own(store: Store, why: str) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    store.paths.apply(LATER, WindowChange([replace(draw(), why={DAYS[0]: why})]))
    assert [(row[0], row[-1]) for row in kept(store)] == [(DAYS[0], why)]


def test_each_time_it_is_said_otherwise_is_kept(store: Store) -> None:
    for place in range(4):
        at = WRITTEN.at + timedelta(hours=place)
        made = of("naive", DAYS[:1], float(place), closes=[70.0 + place])
        store.paths.apply(replace(WRITTEN, at=at), WindowChange([made]))
    found = [(row[1], row[5], row[6]) for row in kept(store)]
    hour = timedelta(hours=1)
    assert found == [(k + 1, 70.0 + k, WRITTEN.at + k * hour) for k in range(3)]
    ends = [row[8] for row in kept(store)]
    assert [*moments(store, "superseded_forecasts")[1:], *moments(store)] == ends == sorted(ends)
    assert [row[:3] for row in points_kept(store)] == [
        (DAYS[0], revision, day) for revision in (1, 2, 3) for day in (1, 2, 3)
    ]


def test_what_is_withdrawn_is_kept_of_every_model(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([of("naive", DAYS, 1.0), of("garch", DAYS, 2.0)]))
    store.paths.apply(LATER, WindowChange(withdrawn=[DAYS[1], date(2019, 1, 1)]))
    assert [(row[0], row[2], row[-1]) for row in kept(store)] == [
        (DAYS[1], name, "session withdrawn") for name in ("garch", "naive")
    ]
    assert [row.data_cutoff_date for row in store.paths.issued("Coffee", "v1.0")] == [
        DAYS[0],
        DAYS[2],
    ] * 2
    store.paths.apply(LATER, WindowChange([of("naive", [DAYS[1]], 5.0)]))  # it came back
    assert len(kept(store)) == 2


def test_a_session_that_has_come_meanwhile_is_not_withdrawn(store: Store) -> None:
    """A run that read its history before took what another one drew from it for withdrawn."""
    store.paths.apply(WRITTEN, WindowChange([of("naive", DAYS, 1.0)]))
    store.prices.write(said(dict.fromkeys(DAYS[:2], 50.0)), WRITTEN.at, "run")
    store.paths.apply(LATER, WindowChange(withdrawn=DAYS[1:]))
    assert [row.data_cutoff_date for row in store.paths.issued("Coffee", "v1.0")] == DAYS[:2]
    assert [row[0] for row in kept(store)] == DAYS[2:]


def test_a_moved_start_is_kept_as_it_was_said_and_paths_stay(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([of("naive", DAYS, 1.0), of("garch", DAYS, 2.0)]))
    monday, said = date(2024, 1, 8), date(2024, 1, 4)
    again = replace(of("garch", DAYS[2:], 5.0), starts=[monday])
    store.paths.apply(LATER, WindowChange([again], moved=[(DAYS[2], monday)]))
    columns = ("model_name", "forecast_start_date", "generation_timestamp", "superseded_by")
    assert rows(store, "forecast.superseded_forecasts", *columns, "reason") == [
        ("garch", said, WRITTEN.at, "another run", "drawn again"),
        ("naive", said, WRITTEN.at, "another run", "moved start"),
    ]
    now = rows(store, "forecast.forecasts", "model_name", *columns[1:3], "created_by")
    assert now[2] == ("garch", monday, LATER.at, "another run")
    assert now[5] == ("naive", monday, WRITTEN.at, "another run")
    assert len(points_kept(store)) == 6
    assert moments(store)[-1] == max(moments(store)) > moments(store)[0]
    store.paths.apply(LATER, WindowChange(moved=[(DAYS[2], monday)]))  # as they are already
    assert len(kept(store)) == 2


def test_a_write_that_fails_keeps_no_record_either(store: Store) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    broken = draw(value=2.0)
    broken.paths[-1, -1, -1] = np.inf
    with pytest.raises(StoreError, match="must be finite"):
        store.paths.apply(LATER, WindowChange([draw(DAYS[:1], 3.0), broken]))
    assert kept(store) == points_kept(store) == []

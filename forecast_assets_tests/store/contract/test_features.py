"""Features: what was known at each session, with only the rows that differ written."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.market.features import Feature, Features
from forecast_assets.market.records import FeatureChanges
from forecast_assets.store.contract import Store
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history, with_features
from forecast_assets_tests.rows import rows

AT, LATER = datetime.fromisoformat("2024-01-02 03:04:05"), datetime.fromisoformat("2024-01-03")
HISTORY = with_features(make_history(50))


def features(
    history: History = HISTORY, missing: Sequence[str] = (), names: Sequence[str] | None = None
) -> Features:
    """What a history holds, as the asset gives it: observed on the sessions themselves."""
    present = []
    for name in history.feature_names if names is None else names:
        values = history.features[:, history.feature_names.index(name)]
        days = np.where(np.isnan(values), np.datetime64("NaT"), history.dates)
        present.append(Feature(name, values, days))
    return Features("Coffee", history.dates, present, dict.fromkeys(missing, "no file"))


def held(store: Store) -> list[tuple[Any, ...]]:
    return rows(store, "market.features")


def changed(position: int, value: float) -> History:
    values = HISTORY.features.copy()
    values[position, 0] = value
    return replace(HISTORY, features=values)


def test_what_is_written_is_read_back_beside_the_closes(store: Store) -> None:
    gap = changed(3, float("nan"))
    assert store.features.write(features(gap), AT, "me") == FeatureChanges(100, 0, 0, 0)
    read = store.features.read(make_history(50))
    assert read.feature_names == ("rain", "vix")
    np.testing.assert_array_equal(read.features, gap.features)
    assert read.fingerprint == gap.fingerprint
    assert held(store)[6][3:5] == (None, None)


def test_the_same_again_writes_nothing_and_a_change_only_its_rows(store: Store) -> None:
    store.features.write(features(), AT, "me")
    before = held(store)
    assert store.features.write(features(), LATER, "you") == FeatureChanges(0, 0, 0, 100)
    assert held(store) == before
    changes = store.features.write(features(changed(7, -1.0)), LATER, "you")
    assert changes == FeatureChanges(0, 1, 0, 99)
    assert [row for row in held(store) if row[6] == "you"] == [
        ("Coffee", HISTORY.dates[7].item(), "rain", -1.0, HISTORY.dates[7].item(), LATER, "you")
    ]


def test_sessions_and_covariates_that_are_gone_are_deleted(store: Store) -> None:
    store.features.write(features(), AT, "me")
    shorter = HISTORY.known_at(HISTORY.dates[47].item())
    changes = store.features.write(features(shorter, names=["vix"]), LATER, "you")
    assert changes == FeatureChanges(0, 0, 50 + 2, 0 + 48)
    assert store.features.read(make_history(50)).feature_names == ("vix",)
    none = Features("Coffee", HISTORY.dates, [])
    assert store.features.write(none, LATER, "you") == FeatureChanges(0, 0, 48, 0)
    assert store.features.read(make_history(50)).feature_names == ()


def test_a_covariate_that_cannot_be_read_keeps_its_rows(store: Store) -> None:
    store.features.write(features(), AT, "me")
    kept = [row for row in held(store) if row[2] == "rain"]
    store.features.write(features(missing=["rain"], names=["vix"]), LATER, "you")
    assert [row for row in held(store) if row[2] == "rain"] == kept


def test_commodities_do_not_touch_each_other(store: Store) -> None:
    store.features.write(features(), AT, "me")
    other = replace(features(), commodity="Sugar")
    store.features.write(other, AT, "me")
    store.features.write(Features("Sugar", HISTORY.dates, []), AT, "me")
    assert store.features.read(make_history(50)).feature_names == ("rain", "vix")
    assert store.features.read(make_history(50, commodity="Sugar")).feature_names == ()


def test_a_value_from_after_its_session_is_refused(store: Store) -> None:
    late = features(names=["vix"])
    ahead = replace(late.present[0], observed_on=late.present[0].observed_on + 1)
    with pytest.raises(StoreError):
        store.features.write(replace(late, present=[ahead]), AT, "me")
    assert held(store) == []


def test_how_covariates_were_read_is_kept_until_they_are_read_otherwise(store: Store) -> None:
    first, second = {"delay_days": 1, "weights": {"a": 2.0}}, {"delay_days": 2, "weights": None}
    both = replace(features(), read_as={"rain": first, "vix": first})
    store.features.write(both, AT, "me")
    assert store.features.read_as("Coffee") == {"rain": first, "vix": first}
    assert store.features.read_as("Sugar") == {}
    again = replace(features(), read_as={"rain": second, "vix": first})
    store.features.write(again, LATER, "another")
    assert store.features.read_as("Coffee") == {"rain": second, "vix": first}
    assert rows(store, "market.covariates", "covariate", "read_by") == [
        ("rain", "another"),
        ("vix", "me"),
    ]
    unread = replace(features(names=["vix"]), kept=["rain"], read_as={"vix": first})
    store.features.write(unread, LATER, "me")
    assert store.features.read_as("Coffee") == {"rain": second, "vix": first}
    store.names.rename("Coffee", "Beans", {})
    assert store.features.read_as("Beans") == {"rain": second, "vix": first}
    store.features.write(Features("Beans", HISTORY.dates, []), LATER, "me")
    assert store.features.read_as("Beans") == {}

"""Histories as they were known at any moment, with their covariates."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from forecast_assets.market.features import Feature, Features
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.store.contract import Store
from forecast_assets.store.past_histories import PastHistories
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history, with_features

HOUR = timedelta(hours=1)


def observed(history: History) -> Observations:
    prices = pd.DataFrame({"date": history.dates.astype("datetime64[s]"), "close": history.closes})
    return Observations(history.commodity, "file:a.csv", prices.reindex(columns=list(COLUMNS)))


def features(history: History, names: tuple[str, ...]) -> Features:
    columns = [history.features[:, history.feature_names.index(name)] for name in names]
    days = [np.where(np.isnan(values), np.datetime64("NaT"), history.dates) for values in columns]
    present = [Feature(*each) for each in zip(names, columns, days, strict=True)]
    return Features(history.commodity, history.dates, present)


@pytest.mark.parametrize("seed", range(3))
def test_each_moment_has_the_history_of_then(store: Store, seed: int) -> None:
    """Closes and covariates are corrected, withdrawn and added at random, a dozen times."""
    generator = np.random.default_rng(seed)
    truth, then = with_features(make_history(40)), []
    start = now()
    for step in range(12):
        closes, values = truth.closes.copy(), truth.features.copy()
        closes[generator.integers(len(closes), size=2)] += 1.0
        values[generator.integers(len(closes), size=3), generator.integers(2)] = step or np.nan
        kept = np.sort(generator.permutation(len(closes))[: 40 - step % 3])
        seen = History("Coffee", truth.dates[kept], closes[kept], values[kept], truth.feature_names)
        at = start + step * HOUR
        store.prices.write(observed(seen), at, "me", allow_withdrawals=True)
        names = ("rain", "vix") if step % 4 else ("vix",)
        store.features.write(features(seen, names), at, "me")
        then.append((at, store.features.read(store.prices.history("Coffee"))))
    with store.reading() as tables:
        past = PastHistories.of(tables, "Coffee")
    for at, history in then:
        for moment in (at, at + HOUR / 2):
            found = past.at(moment)
            assert found.feature_names == history.feature_names
            assert found.fingerprint == history.fingerprint
    assert len({history.fingerprint for _, history in then}) == 12
    assert len(past.at(start - HOUR)) == 0


def test_a_commodity_has_the_name_that_it_had(store: Store) -> None:
    first = now()
    store.prices.write(observed(make_history(5)), first, "me")
    store.names.rename("Coffee", "Arabica", {})
    between = now()
    store.names.rename("Arabica", "Robusta", {})
    with store.reading() as tables:
        past = PastHistories.of(tables, "Robusta")
    assert [past.name_at(each) for each in (first, between, now())] == [
        "Coffee",
        "Arabica",
        "Robusta",
    ]
    assert replace(make_history(5), commodity="Robusta").fingerprint == past.at(first).fingerprint

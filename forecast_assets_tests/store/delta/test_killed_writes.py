"""A write that ends before any of its commits: what is seen then, and what the next one leaves."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast_assets.evaluation.outlook import Outlook
from forecast_assets.evaluation.records import Publication
from forecast_assets.forecast.records import ModelFailure, WindowChange
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.store.delta.store import DeltaStore
from forecast_assets.store.delta.workbench import Bench
from forecast_assets.timeline.outcomes import Outcomes
from forecast_assets_tests.engines import open_delta
from forecast_assets_tests.records import AT, DAYS, WRITTEN, draw, model

pytestmark = pytest.mark.engine

Step = Callable[[DeltaStore], object]

LATER = replace(WRITTEN, at=WRITTEN.at + timedelta(hours=1), by="another run")

MOMENTS = {"issued_at", "superseded_at", "left_at", "since", "mark"}
"""The columns that tell when a write was made, or that are drawn at random."""


class Killed(BaseException):
    """What ends a write."""


def prices(*closes: float) -> Step:
    days = pd.to_datetime([day.isoformat() for day in DAYS[: len(closes)]])
    said = pd.DataFrame({"date": days, "close": list(closes)}).reindex(columns=list(COLUMNS))
    observed = Observations("Coffee", "file:a.csv", said, [])
    return lambda store: store.prices.write(observed, AT, "a run", allow_withdrawals=True)


def change(written: Any = WRITTEN, **keys: Any) -> Step:
    return lambda store: store.paths.apply(written, WindowChange(**keys))


def happened() -> Outcomes:
    sessions = np.array([[day.toordinal() + k for k in (1, 2, 3)] for day in DAYS[:1]])
    days = (sessions - DAYS[0].toordinal()).astype("timedelta64[D]") + np.datetime64(DAYS[0])
    return Outcomes(DAYS[:1], np.array([70.0]), days, np.array([[1.0, np.nan, np.nan]]))


PUBLISHED = Publication(DAYS[0], "naive", "first")
NUMBERS = {("naive", DAYS[0]): [Outlook(1, *range(1, 9))]}

STEPS: dict[str, Step] = {
    "prices": prices(1.0, 2.0, 3.0),
    "a revision and a withdrawal": prices(1.0, 2.5),
    "a model": lambda store: store.models.append(WRITTEN, [model()], []),
    "another model": lambda store: store.models.append(
        LATER, [model(sha256="two", second=1)], [ModelFailure("garch", "it failed")]
    ),
    "forecasts": change(draws=[draw(DAYS[:2])]),
    "one more": change(LATER, draws=[draw(DAYS[2:])], expected=[DAYS[2]]),
    "drawn again": change(LATER, draws=[draw(DAYS[:2], 5.0)]),
    "what happened": change(LATER, happened=happened()),
    "moved": change(LATER, moved=[(DAYS[0], DAYS[2])]),
    "published": lambda store: store.publications.replace(
        "Coffee", "v1.0", [PUBLISHED], AT, "a run", NUMBERS
    ),
    "withdrawn": change(LATER, withdrawn=[DAYS[2]]),
    "no longer published": lambda store: store.publications.replace(
        "Coffee", "v1.0", [], AT, "a run"
    ),
}
"""Writes, each upon those before."""


def seen(store: DeltaStore) -> dict[str, list[str]]:
    """All rows that are seen, without moments."""
    found = {}
    with store.reading() as tables:
        for name, table in store.lake.declared.items():
            columns = [each.name for each in table.columns if each.name not in MOMENTS]
            rows = tables.read(f"commodity.{name}", columns).to_pylist()
            found[name] = sorted(map(str, rows))
    return found


def stored(store: DeltaStore) -> dict[str, int]:
    """How many rows are stored, whether they are seen or not."""
    shown = store.lake.stored.at_one_moment().rows
    return {name: rows.count_rows() for name, rows in shown.items()}


def killed_before(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have a write end before its commit with this number, counted from 0."""
    commit, made = Bench._commit, list[str]()

    def counted(bench: Bench, *rest: Any) -> None:
        if len(made) == number:
            raise Killed
        commit(bench, *rest)
        made.append(bench.declared_name)

    monkeypatch.setattr(Bench, "_commit", counted)


def test_whatever_commit_a_write_ends_before_the_next_one_makes_it_whole(tmp_path: Path) -> None:
    before = tmp_path / "0"
    before.mkdir()
    for number, (name, step) in enumerate(STEPS.items(), start=1):
        after = shutil.copytree(before, tmp_path / str(number))
        store = open_delta(after, 3)
        step(store)
        wanted, commits = seen(store), 0
        while killed(victim := shutil.copytree(before, after / f"killed {commits}"), step, commits):
            store = open_delta(victim, 3)
            require_named(seen(store))
            step(store)
            found, counted = seen(store), stored(store)
            said = f"{name}, killed before commit {commits}"
            assert [each for each in found if found[each] != wanted[each]] == [], said
            assert counted == {each: len(found[each]) for each in counted}, said
            shutil.rmtree(victim)
            commits += 1
        assert commits >= 1, name
        shutil.rmtree(victim)
        before = after


def killed(folder: Path, step: Step, commits: int) -> bool:
    """Whether a write to the tables in a folder ends before its commit with this number."""
    with pytest.MonkeyPatch.context() as patch:
        killed_before(patch, commits)
        try:
            step(open_delta(folder, 3))
        except Killed:
            return True
    return False


def require_named(found: dict[str, list[str]]) -> None:
    """No paths and numbers are seen but those of forecasts that the ledger has."""
    forecasts = len(found["forecast.forecasts"])
    assert len(found["forecast.distributions"]) == 5 * forecasts
    assert len(found["forecast.point_estimates"]) == 3 * forecasts

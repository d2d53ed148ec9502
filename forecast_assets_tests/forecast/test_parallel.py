"""Training in processes: the same outcome in any number of them, and what fails by name."""

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from forecast_assets.configuration.sections import Parallel
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.partitions import Partitions
from forecast_assets.errors import ConfigurationError, PartitionsFailed
from forecast_assets.forecast.parallel import Processes
from forecast_assets.forecast.tasks import TryOut, inline
from forecast_assets.forecast.training import Spread, Training, WindowToTrain, train
from forecast_assets.models.hold_out import HoldOut
from forecast_assets.models.naive import Naive
from forecast_assets.models.roster import ROSTER, dump
from forecast_assets.timeline.history import History
from forecast_assets_tests.graphs import MakeGraph, Run
from forecast_assets_tests.histories import make_history

pytestmark = pytest.mark.long

HISTORY = make_history(900)
ROSTER_ALONE = [name for name in ROSTER if name != "sarimax"]
"""Every model that needs no covariates."""
DATES = [f"{year}-{month:02d}-01" for year in (2020, 2021) for month in (1, 4, 7, 10)][3:6]
"""The last window of one chain and the first two of the next."""

BACKEND = """
from joblib import register_parallel_backend
from joblib._parallel_backends import SequentialBackend

used = []


class Counting(SequentialBackend):
    def configure(self, n_jobs=1, parallel=None, **rest):
        used.append(n_jobs)
        return super().configure(n_jobs=n_jobs, parallel=parallel, **rest)


register_parallel_backend("counting", Counting)
"""


def trained(
    settings: Settings, history: History, spread: Spread, dates: list[str]
) -> dict[str, Training]:
    windows = [Partitions(settings).window(history.commodity, day) for day in dates]
    requests = [WindowToTrain(window, history) for window in windows]
    return {window.key: training for window, training in train(settings, requests, spread)}


def payloads(trainings: dict[str, Training]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (key, fit.model.name): dump(fit.model)
        for key, training in trainings.items()
        for fit in training.fits
    }


def test_two_processes_give_what_one_gives(make_graph: MakeGraph) -> None:
    models = ["naive", "ets", {"garch": {"recalibrate": True}}, "arima_111", "ensemble"]
    settings = make_graph(HISTORY, models=models).settings
    one, two = (
        payloads(trained(settings, HISTORY, Processes(Parallel(processes=count)), DATES))
        for count in (1, 2)
    )
    assert len(one) == len(DATES) * len(models)
    assert one == two


def test_a_run_in_two_processes_stores_the_payloads_of_a_run_in_one(
    make_graph: MakeGraph,
) -> None:
    hashes = []
    for version, count in (("one", 1), ("two", 2)):
        graph = make_graph(HISTORY, models=["naive", "ets"], parallel={"processes": count})
        graph.run("load_prices", "Coffee")
        keys = [f"Coffee|{day}" for day in DATES]
        graph.run("train", keys[0], keys[-1], {"model_version": version})
        rows = graph.store.models.find("Coffee", model_version=version)
        hashes.append({(row.training_date, row.model_name): row.payload_sha256 for row in rows})
    assert len(hashes[0]) == 6
    assert hashes[0] == hashes[1]


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that registers the joblib backend ``counting``."""
    from joblib.parallel import BACKENDS

    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "our_grid.py").write_text(BACKEND)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    yield "our_grid"
    del sys.modules["our_grid"]
    BACKENDS.pop("counting")


def test_a_backend_that_a_module_registers_is_used(make_graph: MakeGraph, counting: str) -> None:
    settings = make_graph(HISTORY, models=["naive", "ets"]).settings
    parallel = Parallel(backend="counting", processes=2, module=counting)
    found = payloads(trained(settings, HISTORY, Processes(parallel), DATES))
    assert sys.modules[counting].used == [2]
    assert found == payloads(trained(settings, HISTORY, inline, DATES))


@pytest.mark.parametrize(
    ("keys", "reason"),
    [({"backend": "slurm"}, "slurm"), ({"module": "no_such_module"}, "No module named")],
)
def test_an_unknown_backend_is_an_error_with_its_key(
    make_graph: MakeGraph, keys: dict[str, Any], reason: str
) -> None:
    settings = make_graph(HISTORY, models=["naive", "ets"]).settings
    with pytest.raises(ConfigurationError, match=r"parallel\.backend: found") as caught:
        trained(settings, HISTORY, Processes(Parallel(processes=2, **keys)), DATES)
    assert reason in str(caught.value)


def test_an_unknown_backend_fails_every_partition_of_a_run_in_words(make_graph: MakeGraph) -> None:
    parallel = {"backend": "slurm", "processes": 2}
    graph = make_graph(HISTORY, models=["naive", "ets"], parallel=parallel)
    graph.run("load_prices", "Coffee")
    keys = [f"Coffee|{day}" for day in DATES]
    with pytest.raises(PartitionsFailed) as caught:
        graph.run("train", keys[0], keys[-1])
    first, *others = str(caught.value).splitlines()
    assert first.startswith(f"{keys[0]}: parallel.backend: found 'slurm'")
    assert others == [
        f"{key}: not trained: an earlier partition's error ended it" for key in keys[1:]
    ]


def test_a_model_that_fails_in_a_process_is_reported_by_name(make_graph: MakeGraph) -> None:
    closes = HISTORY.closes.copy()
    closes[100:110] = -1.0
    history = History("Coffee", HISTORY.dates, closes)
    settings = make_graph(history, models=["naive", "ets", "garch"]).settings
    found = trained(settings, history, Processes(Parallel(processes=2)), DATES)
    for key, training in found.items():
        assert [fit.model.name for fit in training.fits] == ["naive"]
        assert [(each.model_name, each.declined) for each in training.failures] == [
            ("ets", True),
            ("garch", True),
        ]
        assert training.failures[0].reason.startswith(f"{key}: Coffee: ets works on logarithms")


def test_absent_processes_are_as_many_as_the_backend_has(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    class Pool:
        def __init__(self, **options: object) -> None:
            asked.update(options)

        def __call__(self, calls: object) -> list[object]:
            return list(calls)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr("joblib.Parallel", Pool)
    held = HoldOut.of(HISTORY)
    assert held is not None
    tasks = [TryOut(Naive(), held, (), date(2021, 1, 1))] * 2
    Processes(Parallel())(tasks)
    assert asked == {"n_jobs": -1, "return_as": "generator_unordered", "max_nbytes": None}


def test_windows_of_two_commodities_in_one_run_are_fitted_on_their_own_prices(
    make_graph: MakeGraph,
) -> None:
    sugar = make_history(900, seed=2, commodity="Sugar")
    made = make_graph(HISTORY, models=["naive", "ets"])
    coffee = made.settings.commodities["Coffee"].model_dump()
    both = {"Coffee": coffee, "Sugar": coffee}
    settings = make_graph(HISTORY, models=["naive", "ets"], commodities=both).settings
    histories = {"Coffee": HISTORY, "Sugar": sugar}
    windows = [Partitions(settings).window(name, DATES[0]) for name in histories]
    requests = [WindowToTrain(window, histories[window.commodity]) for window in windows]
    together = {window.key: training for window, training in train(settings, requests, inline)}
    for name, history in histories.items():
        alone = trained(settings, history, inline, DATES[:1])
        key = f"{name}|{DATES[0]}"
        assert payloads({key: together[key]}) == payloads(alone)
        assert together[key].history.fingerprint == alone[key].history.fingerprint


@pytest.mark.parametrize(
    ("year", "held_out"), [(2020, False), (2021, True)], ids=["no hold-out", "hold-out"]
)
def test_a_window_gives_the_same_alone_and_in_a_range_after_others(
    make_graph: MakeGraph, year: int, held_out: bool
) -> None:
    history = make_history(1000)
    day = date(year, 7, 1)
    assert (HoldOut.of(history.known_before(day)) is not None) == held_out
    keys = [f"Coffee|{year}-{month:02d}-01" for month in (1, 4, 7)]
    graph = make_graph(history, after=[Run("load_prices", "Coffee")], models=ROSTER_ALONE)
    fresh = graph.settings.database_path.read_bytes()

    def hashes(version: str) -> dict[str, str]:
        rows = graph.store.models.find("Coffee", training_date=day, model_version=version)
        return {row.model_name: row.payload_sha256 for row in rows}

    graph.run("train", keys[0], config={"model_version": "parts"})
    graph.run("train", keys[1], keys[2], {"model_version": "parts"})
    found = hashes("parts")
    graph.settings.database_path.write_bytes(fresh)
    graph.run("train", keys[2])
    alone = hashes("v1.0")
    assert sorted(alone) == sorted(ROSTER_ALONE)
    assert found == alone

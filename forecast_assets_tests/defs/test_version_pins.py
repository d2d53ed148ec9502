"""A version is a promise: no edit of the configuration rewrites what was issued under it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dagster import AssetKey

from forecast_assets.automation.version_differences import version_lines
from forecast_assets.defs.build import build_definitions
from forecast_assets.errors import ConfigurationError
from forecast_assets.models.naive import Naive
from forecast_assets.record.verification import verify
from forecast_assets.store.contract import Condition
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.clock import now
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import (
    Caretaker,
    caretaker,
    draw_all,
    draw_due,
    drawn,
    landed,
    utc,
)
from forecast_assets_tests.graphs import QUIET
from forecast_assets_tests.histories import make_history, with_features, write_covariate
from forecast_assets_tests.rows import framed, keep, rows

ALL = ["naive", {"random_walk": {"lookback": 60}}, "ensemble"]
KEYS: dict[str, Any] = {"models": ALL}
COFFEE = make_history(570)


@pytest.fixture
def keeper(beginnings: Beginnings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Caretaker:
    """A home with forecasts of two models and of their pool."""
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))
    return drawn(beginnings, tmp_path, {"coffee.csv": [COFFEE]}, **KEYS)


def edited(keeper: Caretaker, **keys: Any) -> Caretaker:
    """The same home with an edited configuration."""
    return caretaker(keeper.settings.folder, **(KEYS | keys))


def version(keeper: Caretaker) -> PinnedVersion:
    return PinnedVersion.of(keeper.settings, keeper.store)


def lines(keeper: Caretaker) -> str:
    return "\n".join(version_lines(version(keeper), utc("2030-01-01")))


def issued(keeper: Caretaker) -> dict[tuple[str, Any], Any]:
    """When each forecast was drawn."""
    columns = ("model_name", "data_cutoff_date", "generation_timestamp")
    mine: list[Condition] = [("model_version", "=", "v1.0"), ("commodity", "=", "Coffee")]
    found = rows(keeper.store, "forecast.forecasts", *columns, where=mine)
    return {row[:2]: row[2] for row in found}


def test_the_first_training_pins_what_the_version_means(keeper: Caretaker) -> None:
    (pin,) = keeper.store.pins.find("v1.0")
    assert (pin.revision, pin.kind, pin.reason) == (1, "first", "first training")
    assert (pin.meaning.paths, pin.meaning.horizon) == (20, 3)
    assert pin.meaning.models["random_walk"]["lookback"] == 60
    assert sorted(pin.meaning.models["ensemble"]["members"]) == ["naive", "random_walk"]
    (first,) = {row.created_by for row in keeper.store.models.find()}
    assert pin.pinned_by == first


def test_one_more_name_with_an_ensemble_of_all_draws_only_the_new_model(keeper: Caretaker) -> None:
    before = issued(keeper)
    more = edited(keeper, models=[*ALL, "reverting_volatility"])
    assert lines(more) == ""
    draw_all(more)
    after = issued(more)
    assert {name: after[name] for name in before} == before
    assert {name for name, _ in after.keys() - before.keys()} == {"reverting_volatility"}
    assert not rows(more.store, "forecast.superseded_forecasts")
    first, second = more.store.pins.find("v1.0")
    assert (second.kind, second.reason) == ("added", "added: reverting_volatility")
    assert second.meaning.models["ensemble"] == first.meaning.models["ensemble"]
    pooled = [row.options for row in more.store.models.find() if row.model_name == "ensemble"]
    assert not any("reverting_volatility" in options for options in pooled)
    both = edited(keeper, models=[{"naive": {"decay": 0.9}}, *ALL[1:], "reverting_volatility"])
    assert "ensemble.members: was naive, random_walk, is naive, random_walk, rev" in lines(both)
    version(more).rewrite("all of them", now(), "a test")
    third = more.store.pins.find("v1.0")[-1].meaning
    assert first.meaning.models_unlike(third, "Coffee") == {"ensemble"}


def test_an_edit_waits_for_a_decision_and_a_rewrite_draws_again_with_its_reason(
    keeper: Caretaker,
) -> None:
    before = issued(keeper)
    walks = [name for name in before if name[0] != "naive"]
    other = edited(keeper, models=["naive", {"random_walk": {"lookback": 30}}, "ensemble"])
    said = lines(other)
    assert "model_version v1.0: random_walk.lookback: was 60, is 30" in said
    assert f"{len(walks)} past forecasts would be drawn again" in said
    assert draw_all(other) == []
    assert issued(other) == before
    other.drop("next.csv", make_history(571))
    draw_all(other)
    after = issued(other)
    assert {name: after[name] for name in before} == before
    assert Counter(name for name, _ in after.keys() - before.keys()) == dict.fromkeys(
        ("naive", "random_walk", "ensemble"), 1
    )
    options = {row.options for row in other.store.models.find() if row.model_name == "random_walk"}
    assert {json.loads(each)["lookback"] for each in options} == {60}
    event = other.instance.get_latest_materialization_event(AssetKey("distributions"))
    assert event is not None
    assert event.asset_materialization is not None
    told = event.asset_materialization.metadata["configured_otherwise"].value
    assert "random_walk.lookback: was 60, is 30" in str(told)

    version(other).rewrite("the desk's choice", now(), "a test")
    assert lines(other) == ""
    draw_all(other)
    replaced = rows(other.store, "forecast.superseded_forecasts", "model_name", "reason")
    names = Counter(name for name, _ in after if name != "naive")
    assert Counter(replaced) == {
        (name, "rewrite, retrained model"): count for name, count in names.items()
    }
    last = issued(other)
    assert {x: last[x] for x in last if x[0] == "naive"} == {
        x: after[x] for x in after if x[0] == "naive"
    }
    assert [(pin.kind, pin.reason) for pin in other.store.pins.find("v1.0")] == [
        ("first", "first training"),
        ("rewrite", "the desk's choice"),
    ]
    assert draw_all(other) == []


def test_models_of_before_pins_are_taken_over_although_the_configuration_was_edited(
    keeper: Caretaker,
) -> None:
    before, found = issued(keeper), version(keeper).meaning
    keep(keeper.store, "forecast.versions", lambda _: False)
    models = [{"naive": {"decay": 0.9}}, "random_walk", "ensemble", "reverting_volatility"]
    other = edited(keeper, models=models, paths=30)
    assert version(other).meaning == found
    assert {"paths: was 20, is 30", "naive.decay: was 0.94, is 0.9"} <= {
        line.removeprefix("model_version v1.0: ") for line in lines(other).splitlines()
    }
    assert all(success for _, success in draw_all(other))
    after = issued(other)
    assert {name: after[name] for name in before} == before
    assert {name for name, _ in after.keys() - before.keys()} == {"reverting_volatility"}
    assert set(rows(other.store, "forecast.forecasts", "n_paths")) == {(20,)}
    assert [(pin.kind, pin.reason) for pin in other.store.pins.find("v1.0")] == [
        ("taken over", "taken over from stored models"),
        ("added", "added: reverting_volatility"),
    ]


def train(keeper: Caretaker, **config: Any) -> str:
    """Why a run of the job with this configuration of its asset fails; empty if it does not."""
    job = build_definitions(keeper.settings).resolve_job_def("train")
    result = job.execute_in_process(
        instance=keeper.instance,
        partition_key="Coffee|2020-01-01",
        run_config={"ops": {"trained_models": {"config": config}}, "loggers": QUIET},
        raise_on_error=False,
    )
    return "" if result.success else str(result.failure_data_for_node("trained_models"))


def test_models_of_a_run_that_differ_from_its_version_are_refused(keeper: Caretaker) -> None:
    assert not train(keeper, model_version="trial", models=[{"naive": {"decay": 0.9}}])
    before = keeper.store.models.find(), keeper.store.pins.find("trial")
    more = keeper.settings.of_run("trial", ["random_walk", {"naive": {"decay": 0.9}}])
    PinnedVersion.of(more, keeper.store).require_same()
    said = train(keeper, model_version="trial", models=["naive"])
    assert "under model_version trial there are models that mean something else" in said
    assert "naive.decay: was 0.9, is 0.94" in said
    assert "allowed: a model_version that is not used yet" in said
    assert (keeper.store.models.find(), keeper.store.pins.find("trial")) == before
    assert [pin.reason for pin in before[1]] == ["first training"]


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 201, "\x1b[31m"])
def test_a_rewrite_needs_a_reason_that_can_be_read(keeper: Caretaker, reason: str) -> None:
    other = edited(keeper, paths=30)
    with pytest.raises(ConfigurationError, match="reason: found"):
        version(other).rewrite(reason, now(), "a test")
    assert len(keeper.store.pins.find("v1.0")) == 1


def test_another_horizon_cannot_be_rewritten(keeper: Caretaker) -> None:
    other = edited(keeper, horizon=5)
    with pytest.raises(ConfigurationError, match="horizon: found 5, allowed: 3"):
        PinnedVersion.of(other.settings, keeper.store).rewrite("longer", now(), "a test")


def of_ticks(coffee: float | None, **others: float) -> dict[str, Any]:
    """The configuration of commodities with ticks."""
    named = {"Coffee": coffee, **others}
    return {
        name: {"unit": "USc/lb", "source": {"type": "landing"}}
        | ({} if tick is None else {"tick": tick})
        for name, tick in named.items()
    }


def in_ticks(keeper: Caretaker, commodity: str, tick: float) -> dict[tuple[str, Any], bool]:
    """Whether all prices of each forecast are multiples of a tick."""
    paths = framed(keeper.store, "forecast.distributions")
    mine = paths[(paths.commodity == commodity) & ~paths.is_actuals]
    whole = (mine.filter(regex="^day_") % tick == 0).all(axis=1)
    forecasts = whole.groupby([mine.model_name, mine.data_cutoff_date.dt.date]).all()
    return {(str(name), day): bool(is_whole) for (name, day), is_whole in forecasts.items()}


def test_a_tick_waits_for_a_decision_and_a_rewrite_draws_all_that_is_told_in_it(
    keeper: Caretaker,
) -> None:
    before = issued(keeper)
    assert not any(in_ticks(keeper, "Coffee", 0.5).values())
    other = edited(keeper, commodities=of_ticks(0.5))
    said = lines(other)
    assert "model_version v1.0: commodities.Coffee.tick: was not set, is 0.5" in said
    assert f"{len(before)} past forecasts would be drawn again" in said
    assert draw_all(other) == []
    other.drop("next.csv", make_history(571))
    draw_all(other)
    after = issued(other)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 3
    assert not any(in_ticks(other, "Coffee", 0.5).values())

    version(other).rewrite("less disk", now(), "a test")
    assert lines(other) == ""
    assert all(success for _, success in other.settle())
    found = in_ticks(other, "Coffee", 0.5)
    assert found.keys() == after.keys()
    assert all(found.values())
    replaced = rows(other.store, "forecast.superseded_forecasts", "reason")
    assert Counter(replaced) == {("rewrite, retrained model",): len(after)}
    assert verify(other.settings, other.store, redraw=None).damages == []
    paths = framed(other.store, "forecast.distributions")
    happened = paths[paths.is_actuals].filter(regex="^day_").to_numpy()
    assert np.isin(happened[np.isfinite(happened)], make_history(571).closes.astype("f4")).all()
    assert draw_all(other) == []


def test_a_new_commodity_has_its_tick_and_the_others_go_on_without(keeper: Caretaker) -> None:
    before = issued(keeper)
    both = edited(keeper, commodities=of_ticks(None, Sugar=0.5))
    both.drop("sugar.csv", make_history(570, commodity="Sugar"))
    assert lines(both) == ""
    assert all(success for _, success in draw_all(both))
    assert {name: issued(both)[name] for name in before} == before
    assert not rows(both.store, "forecast.superseded_forecasts")
    assert all(in_ticks(both, "Sugar", 0.5).values())
    assert not any(in_ticks(both, "Coffee", 0.5).values())
    first, second = both.store.pins.find("v1.0")
    assert (second.kind, second.reason) == ("added", "added: Sugar")
    assert (first.meaning.ticks, second.meaning.ticks) == ({}, {"Sugar": 0.5})
    otherwise = edited(keeper, commodities=of_ticks(None, Sugar=0.25))
    count = len(in_ticks(both, "Sugar", 0.5))
    assert "commodities.Sugar.tick: was 0.5, is 0.25" in lines(otherwise)
    assert f"{count} past forecasts would be drawn again" in lines(otherwise)


def test_the_tick_of_a_commodity_without_a_model_may_still_be_set_otherwise(
    keeper: Caretaker,
) -> None:
    more = edited(keeper, commodities=of_ticks(None, Sugar=0.5))
    pin = version(more).due(now(), "a run")
    assert pin is not None
    assert pin.meaning.ticks == {"Sugar": 0.5}
    keeper.store.pins.append(pin)
    other = edited(keeper, commodities=of_ticks(None, Sugar=0.25))
    assert lines(other) == ""
    assert version(other).settings.commodity("Sugar").tick == 0.25
    assert version(more).due(now(), "a run") is None


def test_ticks_of_models_without_a_pin_are_taken_over(
    beginnings: Beginnings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))
    keys = KEYS | {"commodities": of_ticks(0.5)}
    keeper = drawn(beginnings, tmp_path, {"coffee.csv": [COFFEE]}, **keys)
    found = version(keeper).meaning
    keep(keeper.store, "forecast.versions", lambda _: False)
    other = edited(keeper, commodities=of_ticks(None))
    assert version(other).meaning == found
    assert "commodities.Coffee.tick: was 0.5, is not set" in lines(other)
    assert draw_all(other) == []


def test_a_training_without_a_model_pins_nothing(
    beginnings: Beginnings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise FloatingPointError("overflow")

    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))
    keeper = landed(beginnings, tmp_path, {"coffee.csv": [COFFEE]}, models=["naive"])
    monkeypatch.setattr(Naive, "estimate", broken)
    assert [success for _, success in draw_due(keeper)] == [False]
    assert keeper.store.failures.find("Coffee", "v1.0")
    assert keeper.store.pins.find("v1.0") == []


def test_a_model_that_could_never_be_fitted_may_still_be_set_otherwise(keeper: Caretaker) -> None:
    more = edited(keeper, models=[*ALL, {"garch": {"news_bound": 3.0}}])
    pin = version(more).due(now(), "a run")
    assert pin is not None
    keeper.store.pins.append(pin)
    other = edited(keeper, models=[*ALL, {"garch": {"news_bound": 5.0}}])
    assert lines(other) == ""
    assert version(other).settings.models["garch"].model_dump()["news_bound"] == 5.0
    again = version(other).due(now(), "a run")
    assert again is not None
    assert (again.revision, again.reason) == (3, "added: garch")
    keeper.store.pins.append(again)
    assert version(other).due(now(), "a run") is None
    removed = edited(keeper)
    assert version(removed).due(now(), "a run") is None


def test_a_run_may_rewrite_by_its_configuration(keeper: Caretaker) -> None:
    other = edited(keeper, models=[{"naive": {"decay": 0.9}}, *ALL[1:]])
    assert "reason: found" in train(other, rewrite="")
    assert not train(other, rewrite="slower")
    assert [pin.reason for pin in other.store.pins.find("v1.0")] == ["first training", "slower"]
    found = {
        row.model_name: row for row in other.store.models.find() if row.training_date.month == 1
    }
    assert json.loads(found["naive"].options)["decay"] == 0.9


def rained(delay: int) -> dict[str, Any]:
    """A configuration whose model uses the rain of some days before."""
    rain = {"path": "rain.csv", "column": "close", "delay_days": delay}
    source = {"type": "landing"}
    return {
        "commodities": {"Coffee": {"unit": "kg", "source": source, "covariates": {"rain": rain}}},
        "feature_sets": {"weather": ["rain"]},
        "models": [{"sarimax": {"features": "weather", "p": 1, "q": 0}}],
    }


def test_a_version_whose_covariates_are_read_otherwise_is_refused(keeper: Caretaker) -> None:
    in_use = version(edited(keeper, **rained(1)))
    version(edited(keeper, **rained(1), model_version="trial")).require_covariates(in_use)
    other = edited(keeper, **rained(2), model_version="trial")
    with pytest.raises(ConfigurationError, match=r"trial uses rain of Coffee otherwise than v1.0"):
        version(other).require_covariates(in_use)


def read_covariates(keeper: Caretaker) -> None:
    """Execute what the sensor asks for, which is to read covariates and nothing else."""
    (request,) = keeper.due().run_requests or []
    assert [key.to_user_string() for key in request.asset_selection or []] == ["features"]
    assert keeper.execute(request).success


def test_each_version_has_its_covariates_read_before_it_is_worked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))
    first = caretaker(tmp_path, **rained(1))
    write_covariate(tmp_path / "rain.csv", with_features(COFFEE, ("rain",)), "rain")
    first.drop("coffee.csv", COFFEE)
    draw_all(first)
    before = issued(first)
    assert before
    edit = caretaker(tmp_path, **rained(3))
    assert "covariates.rain.delay_days: was 1, is 3" in lines(edit)
    assert draw_all(edit) == []
    second = caretaker(tmp_path, **rained(3), model_version="v2.0")
    read_covariates(second)
    (request,) = second.due().run_requests or []
    assert "trained_models" in {key.to_user_string() for key in request.asset_selection or []}
    back = caretaker(tmp_path, **rained(3))
    read_covariates(back)
    assert draw_all(back) == []
    after = issued(back)
    assert {name: after[name] for name in before} == before

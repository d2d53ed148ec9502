"""The settings in force: what was pinned stays, additions are taken, differences are told."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from forecast_assets.configuration.in_force import InForce, in_force
from forecast_assets.configuration.settings import Settings
from forecast_assets.configuration.version_meaning import VersionMeaning
from forecast_assets.errors import ConfigurationError

FILE = {"path": "rain.csv", "column": "mm"}
SARIMAX: dict[str, Any] = {"sarimax": {"features": "weather"}}


def commodity(tick: float | None = None, **covariates: Any) -> dict[str, Any]:
    own = {"unit": "USc/lb", "source": {"type": "landing"}, "covariates": covariates}
    return own | ({} if tick is None else {"tick": tick})


BEGINNING: dict[str, Any] = {
    "model_version": "v1.0",
    "paths": 20,
    "training": {"start": "2020-01-01"},
    "commodities": {"Coffee": commodity(rain=FILE), "Sugar": commodity()},
    "feature_sets": {"weather": ["rain"]},
    "models": ["naive", {"random_walk": {"lookback": 60}}, SARIMAX, "ensemble"],
}


def settings(**keys: Any) -> Settings:
    return Settings.model_validate(BEGINNING | keys)


def stored(meaning: VersionMeaning) -> VersionMeaning:
    """As it comes back from the tables."""
    return VersionMeaning(**json.loads(json.dumps(vars(meaning))))


def edited(**keys: Any) -> InForce:
    """What is in force when the configuration of the beginning was pinned and then edited."""
    return in_force(settings(**keys), stored(VersionMeaning.of(settings())))


def test_a_version_without_models_means_what_the_configuration_says() -> None:
    found = in_force(settings(), None)
    assert found.settings == settings()
    assert (found.differences, found.additions) == ([], [])


def test_an_unchanged_configuration_is_in_force_as_it_is() -> None:
    found = edited()
    assert found.settings == settings()
    assert found.meaning == stored(VersionMeaning.of(settings()))
    assert (found.differences, found.additions) == ([], [])


def test_an_order_in_the_configuration_means_nothing() -> None:
    models = ["ensemble", SARIMAX, {"random_walk": {"lookback": 60}}, "naive"]
    assert not edited(models=models).differences


def test_one_model_more_is_added_and_the_ensemble_of_all_keeps_its_members() -> None:
    found = edited(models=[*BEGINNING["models"], "garch"])
    assert found.differences == []
    assert found.left_out == [
        "ensemble.members: was naive, random_walk, sarimax, is garch, naive, random_walk, sarimax"
    ]
    assert found.additions == ["garch"]
    assert list(found.settings.models) == ["naive", "random_walk", "sarimax", "ensemble", "garch"]
    assert found.settings.models["ensemble"] == settings().models["ensemble"]
    again = in_force(settings(models=[*BEGINNING["models"], "garch"]), stored(found.meaning))
    assert (again.differences, again.additions) == ([], [])
    assert again.settings == found.settings


ENSEMBLE = {"members": ["naive", "garch"]}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"paths": 30}, ["paths: was 20, is 30"]),
        (
            {"models": ["naive", {"random_walk": {"lookback": 90}}, SARIMAX, "ensemble"]},
            [
                "random_walk.lookback: was 60, is 90",
                "ensemble.members.random_walk.lookback: was 60, is 90",
            ],
        ),
        (
            {"models": ["naive", {"ensemble": ENSEMBLE}]},
            ["ensemble.members: was naive, random_walk, sarimax, is garch, naive"],
        ),
        (
            {"models": ["naive", SARIMAX, "ensemble"]},
            ["ensemble.members: was naive, random_walk, sarimax, is naive, sarimax"],
        ),
        (
            {"models": [{"naive": {"recalibrate": True}}]},
            ["naive.recalibrate: was false, is true"],
        ),
        (
            {
                "feature_sets": {"weather": ["rain", "snow"]},
                "commodities": {"Coffee": commodity(rain=FILE, snow=FILE), "Sugar": commodity()},
            },
            ["feature_sets.weather: was rain, is rain, snow"],
        ),
        (
            {
                "commodities": {
                    "Coffee": commodity(rain=FILE | {"delay_days": 3, "fill_days": 9}),
                    "Sugar": commodity(),
                }
            },
            [
                "commodities.Coffee.covariates.rain.delay_days: was 1, is 3",
                "commodities.Coffee.covariates.rain.fill_days: was 5, is 9",
            ],
        ),
        (
            {"commodities": {"Coffee": commodity(rain=FILE), "Sugar": commodity(rain=FILE)}},
            ["commodities.Sugar.covariates.rain: was absent, is there for ensemble to use"],
        ),
    ],
)
def test_what_means_something_else_is_told_and_is_not_in_force(
    keys: dict[str, Any], says: list[str]
) -> None:
    found = edited(**keys)
    assert found.differences == says
    held, named = settings(), settings(**keys).models
    assert found.settings.models == {name: held.models[name] for name in named}
    assert found.settings.paths == held.paths
    assert found.settings.feature_sets == held.feature_sets
    for name, each in held.commodities.items():
        now = found.settings.commodities[name].covariates
        assert {x: source for x, source in now.items() if x != "snow"} == each.covariates
    pinned = VersionMeaning.of(held)
    assert {name: found.meaning.models[name] for name in pinned.models} == pinned.models


def test_a_covariate_is_held_back_from_an_ensemble_that_is_away_for_a_while() -> None:
    sugar = {"commodities": {"Coffee": commodity(rain=FILE), "Sugar": commodity(rain=FILE)}}
    away = edited(models=["naive", SARIMAX], **sugar)
    assert away.additions == []
    back = in_force(settings(**sugar), away.meaning)
    assert not back.settings.commodity("Sugar").covariates


def test_where_a_file_is_and_how_it_is_written_may_change() -> None:
    moved = FILE | {"path": "elsewhere/rain.csv", "delimiter": ";", "unit": "mm"}
    found = edited(commodities={"Coffee": commodity(rain=moved), "Sugar": commodity()})
    assert not found.differences
    assert found.settings.commodity("Coffee").covariates["rain"].path == "elsewhere/rain.csv"


def test_a_removed_model_is_not_worked_on_and_comes_back_as_it_was() -> None:
    found = edited(models=["naive"])
    assert list(found.settings.models) == ["naive"]
    assert (found.differences, found.additions) == ([], [])
    assert found.meaning.models == VersionMeaning.of(settings()).models
    back = in_force(settings(models=["naive", "random_walk"]), found.meaning)
    assert back.settings.models["random_walk"] == settings().models["random_walk"]
    assert back.differences == ["random_walk.lookback: was 60, is 30"]


def test_a_new_commodity_is_added_with_its_covariates() -> None:
    wool = {"Wool": commodity(rain=FILE | {"delay_days": 7})}
    found = edited(commodities=BEGINNING["commodities"] | wool)
    assert (found.differences, found.additions) == ([], ["Wool"])
    assert found.meaning.covariates["Wool"]["rain"]["delay_days"] == 7
    assert found.settings.commodity("Wool").covariates["rain"].delay_days == 7


def test_a_new_model_may_use_a_new_covariate_by_a_set_of_a_new_name() -> None:
    found = edited(
        commodities={"Coffee": commodity(rain=FILE, snow=FILE), "Sugar": commodity()},
        feature_sets={"weather": ["rain"], "winter": ["rain", "snow"]},
        models=[*BEGINNING["models"], {"boosted_quantiles": {"features": "winter"}}],
    )
    assert (found.differences, found.additions) == ([], ["boosted_quantiles", "snow of Coffee"])
    available = found.settings.commodity("Coffee").covariates
    used = {
        name: found.settings.covariates_of(model, list(available))
        for name, model in found.settings.models.items()
    }
    assert used["boosted_quantiles"] == ("rain", "snow")
    assert used["sarimax"] == used["ensemble"] == ("rain",)


def test_a_covariate_that_nothing_uses_changes_nothing() -> None:
    commodities = {"Coffee": commodity(rain=FILE, snow=FILE), "Sugar": commodity(snow=FILE)}
    found = edited(commodities=commodities)
    assert (found.differences, found.additions) == ([], [])
    assert "snow" in found.settings.commodity("Sugar").covariates


def test_a_covariate_that_is_gone_keeps_what_is_stored_of_it() -> None:
    gone: dict[str, Any] = {"Coffee": commodity(), "Sugar": commodity(rain=FILE)}
    found = edited(commodities=gone)
    assert "commodities.Coffee.covariates.rain: was used, is absent" in found.differences
    assert found.kept == {"Coffee": ["rain"]}
    assert "rain" in found.meaning.covariates["Coffee"]


def test_a_new_ensemble_is_one_of_the_models_in_force() -> None:
    before = settings(models=["naive", {"random_walk": {"lookback": 60}}])
    said = settings(models=["naive", {"random_walk": {"lookback": 90}}, "ensemble"])
    found = in_force(said, VersionMeaning.of(before))
    pool = found.settings.models["ensemble"].model_dump()
    assert pool["members"]["random_walk"]["lookback"] == 60
    assert found.additions == ["ensemble"]
    assert in_force(said, found.meaning).settings == found.settings


def test_a_model_that_this_release_cannot_make_is_named_with_the_way_out() -> None:
    meaning = VersionMeaning.of(settings())
    strange = {**meaning.models, "naive": {"half_life": 3}}
    with pytest.raises(ConfigurationError, match=r"v1.0 was pinned .*half_life.*new model_version"):
        in_force(settings(), VersionMeaning(20, 14, strange, {}, {}))


def test_another_default_of_a_release_changes_nothing_that_is_pinned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meaning = stored(VersionMeaning.of(settings()))
    naive = type(settings().models["naive"])
    monkeypatch.setattr(naive.model_fields["decay"], "default", 0.9)
    naive.model_rebuild(force=True)
    try:
        found = in_force(settings(), meaning)
    finally:
        monkeypatch.undo()
        naive.model_rebuild(force=True)
    assert found.settings.models["naive"].model_dump()["decay"] == 0.94
    assert "naive.decay: was 0.94, is 0.9" in found.differences


def ticks(coffee: float | None, sugar: float | None) -> dict[str, Any]:
    return {"commodities": {"Coffee": commodity(coffee, rain=FILE), "Sugar": commodity(sugar)}}


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (None, 0.05, "commodities.Coffee.tick: was not set, is 0.05"),
        (0.05, None, "commodities.Coffee.tick: was 0.05, is not set"),
        (0.05, 0.1, "commodities.Coffee.tick: was 0.05, is 0.1"),
    ],
)
def test_another_tick_is_told_and_is_not_in_force(
    was: float | None, now: float | None, said: str
) -> None:
    pinned = stored(VersionMeaning.of(settings(**ticks(was, 0.01))))
    found = in_force(settings(**ticks(now, 0.01)), pinned)
    assert (found.differences, found.additions) == ([said], [])
    assert found.meaning == pinned
    in_use = {name: each.tick for name, each in found.settings.commodities.items()}
    assert in_use == {"Coffee": was, "Sugar": 0.01}
    rewritten = VersionMeaning.of(settings(**ticks(now, 0.01))).with_the_rest_of(pinned)
    assert rewritten.ticks.get("Coffee") == now
    assert pinned.models_unlike(rewritten, "Coffee") == set(pinned.models)
    assert pinned.models_unlike(rewritten, "Sugar") == set()


def test_a_new_commodity_has_its_own_tick_and_one_that_is_gone_keeps_it() -> None:
    pinned = stored(VersionMeaning.of(settings(**ticks(0.05, None))))
    said = settings(commodities={"Sugar": commodity(), "Wool": commodity(0.5, rain=FILE)})
    found = in_force(said, pinned)
    assert (found.differences, found.additions) == ([], ["Wool"])
    assert found.settings.commodity("Wool").tick == 0.5
    assert found.meaning.ticks == {"Coffee": 0.05, "Wool": 0.5}
    assert in_force(settings(**ticks(0.05, None)), found.meaning).differences == []


def test_models_that_mean_something_else_after_a_rewrite() -> None:
    before = VersionMeaning.of(settings())
    for keys, changed in (
        ({}, set()),
        ({"paths": 30}, {"naive", "random_walk", "sarimax", "ensemble"}),
        ({"models": [{"naive": {"decay": 0.9}}, {"random_walk": {"lookback": 60}}]}, {"naive"}),
        (
            {"commodities": {"Coffee": commodity(rain=FILE | {"delay_days": 3})}},
            {"sarimax", "ensemble"},
        ),
        ({"commodities": BEGINNING["commodities"] | {"Wool": commodity(rain=FILE)}}, set()),
    ):
        after = VersionMeaning.of(settings(**keys)).with_the_rest_of(before)
        assert before.models_unlike(after, "Coffee") == changed, keys


def test_a_configuration_stays_frozen() -> None:
    with pytest.raises(ValidationError):
        edited().settings.paths = 3  # type: ignore[misc]

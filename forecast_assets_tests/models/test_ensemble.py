"""The ensemble: its weights, its paths as those of its members, and what it says of failures."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.partitions import Partitions
from forecast_assets.errors import CannotFit, ConfigurationError
from forecast_assets.forecast.training import Training, train_window
from forecast_assets.models.base import FittedForecaster, Forecaster
from forecast_assets.models.elements.pool import pooled, slots
from forecast_assets.models.ensemble import EQUAL, LEAST_KNOWN, Ensemble, FittedEnsemble, by_name
from forecast_assets.models.ets import Ets
from forecast_assets.models.hold_out import HoldOut
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.models.random_walk import RandomWalk
from forecast_assets.models.roster import dump, load
from forecast_assets.models.sarimax import Sarimax
from forecast_assets.models.simulation import Seeds, seed_of
from forecast_assets.models.theta import Theta
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window
from forecast_assets_tests.graphs import MakeGraph
from forecast_assets_tests.histories import make_history, with_features

HISTORY = make_history(1100)
WINDOW = Window("Coffee", date(2022, 1, 3), date(2022, 7, 1))
KNOWN = HISTORY.known_before(WINDOW.training_date)
MEMBERS = by_name(Naive(), RandomWalk(), Ets())


class Mistaken(Naive):
    """Sure that prices double at once."""

    name: ClassVar[str] = "mistaken"

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedNaive:
        fitted = super().estimate(history, start)
        return FittedMistaken(lookback=fitted.lookback, form=fitted.form, decay=fitted.decay)


class FittedMistaken(FittedNaive):
    """The naive model's paths, doubled."""

    def draw(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> Any:
        return 2 * super().draw(history, origins, horizon=horizon, n_paths=n_paths, seeds=seeds)


def fitted(model: Forecaster, history: History = KNOWN) -> FittedEnsemble:
    ensemble = model.fit(history)
    assert isinstance(ensemble, FittedEnsemble)
    return ensemble


def seeds(days: list[date]) -> Seeds:
    return [seed_of(str(day)) for day in days]


def ensemble_of(training: Training) -> FittedEnsemble:
    (model,) = (fit.model for fit in training.fits if fit.model.name == "ensemble")
    assert isinstance(model, FittedEnsemble)
    return model


def test_weights_are_its_parameters_and_add_up() -> None:
    ensemble = fitted(Ensemble(members=MEMBERS))
    assert set(ensemble.parameters) == {"weight_naive", "weight_random_walk", "weight_ets"}
    assert sum(ensemble.parameters.values()) == pytest.approx(1)
    assert len(ensemble.stretch) == 14
    assert ensemble.metrics.warnings == ()


def test_a_member_that_is_wrong_leaves_its_weight_to_a_good_one() -> None:
    weights = fitted(Ensemble(members=by_name(Mistaken(), Naive()))).weights
    assert weights["mistaken"] < 0.05
    assert weights["naive"] > 0.95


@pytest.mark.parametrize(("sessions", "equal"), [(749, True), (760, False)])
def test_weights_are_equal_and_nothing_is_stretched_without_750_sessions(
    sessions: int, equal: bool
) -> None:
    ensemble = fitted(Ensemble(members=by_name(Mistaken(), Naive())), make_history(sessions))
    assert (ensemble.weights == {"mistaken": 0.5, "naive": 0.5}) == equal
    assert (ensemble.stretch == ()) == equal


def test_it_is_recalibrated_unless_it_is_told_not_to() -> None:
    assert fitted(Ensemble(members=MEMBERS, recalibrate=False)).stretch == ()
    assert Ensemble().recalibrate


def test_its_stretch_is_that_of_the_pool_and_of_no_member() -> None:
    held = HoldOut.of(KNOWN)
    assert held is not None
    ensemble = fitted(Ensemble(members=MEMBERS))
    trials = {name: MEMBERS[name].trial(held) for name in ensemble.weights}
    weights = np.array(list(ensemble.weights.values()))
    assert ensemble.stretch == pytest.approx(pooled(list(trials.values()), weights).stretch())
    for trial in trials.values():
        assert ensemble.stretch != pytest.approx(trial.stretch())


def test_to_estimate_it_is_to_fit_it() -> None:
    model = Ensemble(members=MEMBERS)
    assert dump(model.estimate(KNOWN, None)) == dump(model.fit(KNOWN))


def test_its_members_are_not_recalibrated_themselves() -> None:
    model = Ensemble(members=by_name(Naive(recalibrate=True)))
    assert model.members["naive"] == Naive()
    assert all(member.stretch == () for member in fitted(model).members.values())


def test_an_ensemble_in_an_ensemble_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed: other models"):
        Ensemble(members=by_name(Naive(), Ensemble()))


def fails_on(newest: date) -> Callable[..., FittedForecaster]:
    """An estimate that fails on the history up to ``newest`` alone."""
    estimate = Ets.estimate

    def fails(self: Ets, history: History, start: FittedForecaster | None) -> FittedForecaster:
        if history.newest == newest:
            raise CannotFit(f"{history.commodity}: ets did not converge")
        return estimate(self, history, start)

    return fails


def settings_of(make_graph: MakeGraph, models: list[Any], **keys: Any) -> Settings:
    return make_graph(HISTORY, models=models, **keys).settings


@pytest.mark.parametrize("stage", ["fit", "trial"])
def test_a_member_that_fails_is_named_and_has_no_weight(
    stage: str, make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = HoldOut.of(KNOWN)
    assert held is not None
    newest = KNOWN.newest if stage == "fit" else held.older.newest
    monkeypatch.setattr(Ets, "estimate", fails_on(newest))
    settings = settings_of(make_graph, ["naive", "random_walk", {"ets": {}}, "ensemble"])
    training = train_window(settings, WINDOW, HISTORY, [])
    ensemble = ensemble_of(training)
    assert ensemble.metrics.warnings[0] == "no weight: ets failed"
    assert ("ets held out: Coffee: ets did not converge" in ensemble.metrics.warnings) == (
        stage == "trial"
    )
    assert ensemble.weights.get("ets", 0.0) == 0.0
    assert sum(ensemble.weights.values()) == pytest.approx(1)
    failed = [failure.model_name for failure in training.failures]
    assert failed == (["ets"] if stage == "fit" else [])


def test_a_member_that_fails_is_named_without_a_hold_out_too(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = make_history(700)
    window = Window("Coffee", date(2020, 4, 1), date(2020, 7, 1))
    monkeypatch.setattr(
        Ets, "estimate", fails_on(history.known_before(window.training_date).newest)
    )
    settings = settings_of(make_graph, ["naive", "random_walk", "ets", "ensemble"])
    ensemble = ensemble_of(train_window(settings, window, history, []))
    assert ensemble.metrics.warnings == (EQUAL, "no weight: ets failed")
    assert ensemble.weights == {"naive": 0.5, "random_walk": 0.5}


def test_where_every_member_fails_it_fails_with_a_reason(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ets, "estimate", fails_on(KNOWN.newest))
    settings = settings_of(make_graph, ["naive", {"ensemble": {"members": ["ets"]}}])
    training = train_window(settings, WINDOW, HISTORY, [])
    assert [fit.model.name for fit in training.fits] == ["naive"]
    (failure,) = training.failures
    assert failure.reason == "Coffee|2022-01-03: Coffee: ets did not converge"


def test_a_member_that_forecast_too_little_of_the_hold_out_has_no_weight() -> None:
    naive: Forecaster = Naive()
    ets: Forecaster = Ets()
    held = HoldOut.of(KNOWN)
    assert held is not None
    trials = {model: model.trial(held) for model in (naive, ets)}
    whole = Ensemble(members=by_name(naive, ets))
    estimated = {model: model.estimate(KNOWN, None) for model in (naive, ets)}
    few = int(LEAST_KNOWN * len(held.origins))
    trials[ets].quantiles[few:] = np.nan
    assert whole.assemble(estimated, trials).weights["ets"] == 0.0
    assert whole.assemble(estimated, trials).weights["naive"] == 1.0


def test_members_of_shorter_reach_are_weighed_over_what_all_reach() -> None:
    naive: Forecaster = Naive()
    short: Forecaster = Sarimax(features="market", projection="none", lag=5)
    held = HoldOut.of(with_features(KNOWN, ("vix",)))
    assert held is not None
    members = (naive, short)
    trials = {model: model.trial(held) for model in members}
    assert [trials[model].outcomes.shape[1] for model in members] == [14, 5]
    estimated = {model: model.estimate(held.history, None) for model in members}
    ensemble = Ensemble(members=by_name(*members)).assemble(estimated, trials)
    assert len(ensemble.stretch) == 5
    assert sum(ensemble.weights.values()) == pytest.approx(1)


def test_a_member_that_forecast_nothing_of_the_hold_out_has_no_weight() -> None:
    naive: Forecaster = Naive()
    ets: Forecaster = Ets()
    held = HoldOut.of(KNOWN)
    assert held is not None
    trials = {model: model.trial(held) for model in (naive, ets)}
    trials[ets].quantiles[:] = np.inf
    estimated = {model: model.estimate(KNOWN, None) for model in (naive, ets)}
    ensemble = Ensemble(members=by_name(naive, ets)).assemble(estimated, trials)
    assert ensemble.weights == {"naive": 1.0, "ets": 0.0}
    assert ensemble.metrics.warnings == ("no weight: ets failed",)


def a_pool(**weights: float) -> FittedEnsemble:
    models = {model.name: model.fit(KNOWN) for model in (Ets(), Naive(), RandomWalk())}
    return FittedEnsemble(members={name: models[name] for name in sorted(weights)}, weights=weights)


def test_its_paths_are_its_members_paths_by_weight() -> None:
    pool = a_pool(ets=0.25, naive=0.6, random_walk=0.15)
    days = HISTORY.dates[-3:].tolist()
    drawn = pool.simulate(HISTORY, days, horizon=7, n_paths=40, seeds=seeds(days))
    places = slots(np.array([0.25, 0.6, 0.15]), 40)
    assert [len(share) for share in places] == [10, 24, 6]
    for share, (name, member) in zip(places, pool.members.items(), strict=True):
        own = member.simulate(
            HISTORY,
            days,
            horizon=7,
            n_paths=len(share),
            seeds=[seed_of(name, str(seed.entropy)) for seed in seeds(days)],
        )
        assert np.array_equal(drawn[:, share], own)


def test_each_members_share_is_distributed_as_the_members_own_paths() -> None:
    pool = a_pool(naive=0.5, random_walk=0.5)
    days = HISTORY.dates[-1:].tolist()
    drawn = pool.simulate(HISTORY, days, horizon=5, n_paths=20_000, seeds=seeds(days))
    levels = np.linspace(0.05, 0.95, 19)
    for share, member in zip(slots(np.ones(2), 20_000), pool.members.values(), strict=True):
        own = member.simulate(HISTORY, days, horizon=5, n_paths=20_000, seeds=[seed_of("other")])
        found, wanted = (
            np.quantile(np.log(paths[0, :, 4]), levels) for paths in (drawn[:, share], own)
        )
        assert found == pytest.approx(wanted, abs=0.1 * float(np.log(own[0, :, 4]).std()))


def test_an_origins_paths_do_not_depend_on_the_other_origins() -> None:
    ensemble = fitted(Ensemble(members=MEMBERS))
    days = HISTORY.dates[-4:].tolist()
    together = ensemble.simulate(HISTORY, days, horizon=5, n_paths=30, seeds=seeds(days))
    alone = ensemble.simulate(HISTORY, days[2:3], horizon=5, n_paths=30, seeds=seeds(days[2:3]))
    assert np.array_equal(together[2:3], alone)


def negative_at(place: int) -> History:
    closes = HISTORY.closes.copy()
    closes[place] = -5.0
    return History("Coffee", HISTORY.dates, closes)


def test_where_a_member_declines_an_origin_the_others_share_its_paths() -> None:
    pool = a_pool(ets=0.5, naive=0.3, random_walk=0.2)
    history = negative_at(-2)
    days = history.dates[-3:].tolist()
    drawn = pool.simulate(history, days, horizon=4, n_paths=50, seeds=seeds(days))
    assert pool.declined(history, days) == {}
    for row, weights in ((0, {"ets": 0.5, "naive": 0.3, "random_walk": 0.2}),
                         (1, {"naive": 0.3, "random_walk": 0.2})):  # fmt: skip
        places = slots(np.array(list(weights.values())), 50)
        for share, name in zip(places, weights, strict=True):
            own = pool.members[name].simulate(
                history,
                days[row : row + 1],
                horizon=4,
                n_paths=len(share),
                seeds=[seed_of(name, str(seeds(days)[row].entropy))],
            )
            assert np.array_equal(drawn[row, share], own[0])


def test_where_only_members_without_weight_are_able_they_share_alike() -> None:
    pool = a_pool(ets=1.0, naive=0.0, random_walk=0.0)
    history = negative_at(-1)
    days = history.dates[-1:].tolist()
    drawn = pool.simulate(history, days, horizon=4, n_paths=50, seeds=seeds(days))
    naive = pool.members["naive"].simulate(
        history,
        days,
        horizon=4,
        n_paths=25,
        seeds=[seed_of("naive", str(seeds(days)[0].entropy))],
    )
    assert np.array_equal(drawn[:, slots(np.ones(2), 50)[0]], naive)


def test_an_origin_that_every_member_declines_is_declined() -> None:
    pool = a_pool(ets=1.0)
    days = HISTORY.dates[-2:].tolist()
    ((day, reason),) = pool.declined(negative_at(-1), days).items()
    assert day == days[1]
    assert "every member declined it: the close of -5" in reason


def test_it_draws_the_same_from_its_payload(make_graph: MakeGraph) -> None:
    models = ["theta", "naive", "random_walk", "ensemble"]
    graph = make_graph(HISTORY, models=models, training={"start": date(2022, 1, 1)})
    graph.run("load_prices", "Coffee")
    graph.run("train", "Coffee|2022-01-01")
    (row,) = graph.store.models.find("Coffee", "ensemble")
    assert '"weight_naive":' in row.parameters
    members = by_name(*(model() for model in (Theta, Naive, RandomWalk)))
    before = fitted(Ensemble(members=members), HISTORY.known_before(row.training_date))
    after = ModelStore.of(graph.settings).rebuild(row)
    assert after == before
    assert dump(after) == dump(load(dump(after)))
    days = HISTORY.dates[-3:].tolist()
    drawn = [
        model.simulate(HISTORY, days, horizon=14, n_paths=33, seeds=seeds(days))
        for model in (before, after)
    ]
    assert np.array_equal(drawn[0], drawn[1])


def test_nothing_at_or_after_the_training_date_matters(make_graph: MakeGraph) -> None:
    settings = settings_of(make_graph, ["naive", "random_walk", "ets", "ensemble"])
    closes = HISTORY.closes.copy()
    closes[HISTORY.dates >= np.datetime64(WINDOW.training_date)] *= 3
    other = History("Coffee", HISTORY.dates, closes)
    one, two = (ensemble_of(train_window(settings, WINDOW, each, [])) for each in (HISTORY, other))
    assert one.weights == two.weights
    assert one.stretch == two.stretch
    assert one.members == two.members
    assert dump(one) == dump(two)


def test_an_origins_paths_know_nothing_after_it() -> None:
    ensemble = fitted(Ensemble(members=MEMBERS))
    days = HISTORY.dates[-30:-28].tolist()
    closes = HISTORY.closes.copy()
    closes[-28:] *= 3
    other = History("Coffee", HISTORY.dates, closes)
    one, two = (
        ensemble.simulate(each, days, horizon=14, n_paths=20, seeds=seeds(days))
        for each in (HISTORY, other)
    )
    assert np.array_equal(one, two)


def configured(tmp_path: Path, models: str) -> Settings:
    path = tmp_path / "forecast.yaml"
    path.write_text(
        "model_version: v1.0\ntraining: {start: 2012-01-01}\nfeature_sets: {market: [vix]}\n"
        "commodities: {WTI: {unit: x, source: {type: sample, name: wti},"
        " covariates: {vix: {path: v.csv, column: c}}}}\n"
        f"models: {models}\n"
    )
    return Settings.load(path)


def members_of(settings: Settings) -> dict[str, Forecaster]:
    ensemble = settings.models["ensemble"]
    assert isinstance(ensemble, Ensemble)
    return ensemble.members


def test_members_are_all_other_models_of_the_file_wherever_it_stands(tmp_path: Path) -> None:
    settings = configured(tmp_path, "[naive, ensemble, {random_walk: {lookback: 40}}]")
    assert list(settings.models) == ["naive", "ensemble", "random_walk"]
    assert members_of(settings) == by_name(Naive(), RandomWalk(lookback=40))


def test_members_may_be_told_with_options_of_their_own(tmp_path: Path) -> None:
    models = (
        "[garch, {ensemble: {members: [{naive: {decay: 0.9}}, {sarimax: {features: market}}]}}]"
    )
    settings = configured(tmp_path, models)
    assert members_of(settings) == by_name(Naive(decay=0.9), Sarimax(features="market"))
    assert settings.covariates_of(settings.models["ensemble"], ["vix"]) == ("vix",)


def test_alone_it_has_members_of_its_own(tmp_path: Path) -> None:
    assert members_of(configured(tmp_path, "[ensemble]")) == Ensemble().members


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ("[grach]", "ensemble.members: found ['grach']; no model is called 'grach'"),
        ("[{naive: {decay: 2}}]", "naive.decay: found 2; Input should be less than 1"),
        ("[{sarimax: {features: no}}]", "sarimax.features: found False"),
        (
            "[{sarimax: {features: macro}}]",
            "found 'macro', allowed: a name of feature_sets: market",
        ),
        ("[]", "ensemble.members: found []; allowed: at least 1 item"),
        ("naive", "ensemble.members: found 'naive'; allowed: a list of model names"),
        ("[naive, naive]", "naive is listed twice"),
        ("[naive, ensemble]", "allowed: models other than ensemble"),
        ("[naive, {ensemble: {members: [garch]}}]", "allowed: models other than ensemble"),
    ],
)
def test_wrong_members_are_told_with_their_key(tmp_path: Path, members: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(tmp_path, f"[naive, {{ensemble: {{members: {members}}}}}]")
    assert "ensemble.members: found" in str(caught.value)
    assert message in str(caught.value)


COVARIATES: dict[str, Any] = {"feature_sets": {"market": ["vix"]}}


def test_a_member_with_covariates_makes_them_its_own(make_graph: MakeGraph) -> None:
    history = with_features(HISTORY, ("vix",))
    models = ["naive", {"ensemble": {"members": ["naive", {"sarimax": {"features": "market"}}]}}]
    settings = make_graph(history, models=models, **COVARIATES).settings
    ensemble = ensemble_of(train_window(settings, WINDOW, history, []))
    assert ensemble.covariates == ("vix",)
    assert set(ensemble.weights) == {"naive", "sarimax"}
    days = history.dates[-2:].tolist()
    drawn = ensemble.simulate(history, days, horizon=14, n_paths=10, seeds=seeds(days))
    assert np.isfinite(drawn).all()


def test_a_member_that_lacks_its_covariate_leaves_the_others(make_graph: MakeGraph) -> None:
    history = with_features(HISTORY, ("vix",))
    models = ["naive", {"sarimax": {"features": "market"}}, "ensemble"]
    settings = make_graph(history, models=models, **COVARIATES).settings
    training = train_window(settings, WINDOW, HISTORY, [])
    assert ensemble_of(training).weights == {"naive": 1.0}
    first, second = ensemble_of(training).metrics.warnings
    assert first == "no weight: sarimax failed"
    assert second.startswith("sarimax held out: sarimax: Coffee: no covariate 'vix'")
    assert ["sarimax" in failure.reason for failure in training.failures] == [True]


def test_a_member_without_its_covariate_at_an_origin_leaves_it_to_the_others() -> None:
    history = with_features(HISTORY, ("vix",))
    members = by_name(Naive(), Sarimax(features="market"))
    ensemble = fitted(Ensemble(members=members), history.known_before(WINDOW.training_date))
    features = history.features.copy()
    features[-1] = np.nan
    lacking = replace(history, features=features)
    days = history.dates[-2:].tolist()
    assert ensemble.members["sarimax"].declined(lacking, days).keys() == {days[1]}
    assert ensemble.declined(lacking, days) == {}
    drawn = ensemble.simulate(lacking, days, horizon=5, n_paths=10, seeds=seeds(days))
    assert np.isfinite(drawn).all()


def test_a_window_of_the_graph_has_an_ensemble_of_the_windows_models(make_graph: MakeGraph) -> None:
    settings = settings_of(make_graph, ["naive", "random_walk", "ensemble"])
    window = Partitions(settings).window("Coffee", "2022-01-01")
    training = train_window(settings, window, HISTORY, [])
    models = {fit.model.name: fit.model for fit in training.fits}
    members = ensemble_of(training).members
    assert members == {name: models[name] for name in ("naive", "random_walk")}

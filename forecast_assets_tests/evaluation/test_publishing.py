"""What is published: the rule on crafted forecasts, and no knowledge of the future in the graph."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dagster import AssetKey, ExecuteInProcessResult, TableMetadataValue

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.after_commit import AfterCommit
from forecast_assets.defs.assets.published_distributions import published
from forecast_assets.defs.build import build_definitions
from forecast_assets.evaluation.evaluation import Tolerance, standings
from forecast_assets.evaluation.publishing import publications, tolerance_of
from forecast_assets.evaluation.records import Publication
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.timeline.history import History
from forecast_assets_tests.graphs import QUIET, Graph, MakeGraph
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.panel import Panel, caught_up, panel
from forecast_assets_tests.raw import Raw

pytestmark = pytest.mark.long

MODELS = ["naive", "random_walk", "garch"]
FIRST = date(2024, 1, 1)
NOT_YET = "no model was known to be calibrated yet"


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def issued(names: Sequence[str], count: int, missing: Sequence[int] = ()) -> list[IssuedForecast]:
    """A forecast of each model from each day but those that are missing."""
    return [
        IssuedForecast(
            model_name=name,
            model_id=f"Coffee_{name}",
            training_date=FIRST,
            data_cutoff_date=day(number),
            forecast_start_date=day(number + 1),
            payload_sha256="one",
            history_fingerprint="print",
            n_paths=100,
            generation_timestamp=datetime(2024, 1, 1),  # noqa: DTZ001 - UTC without a zone
            outcome=[],
        )
        for name in names
        for number in range(count)
        if number not in missing
    ]


def records(crps: dict[str, float], count: int, **changes: object) -> pd.DataFrame:
    """Forecasts of one session, whose pit and coverage are as they should be."""
    cutoffs = np.array([day(number) for number in range(count)], dtype="datetime64[us]")
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "model_name": name,
                    "data_cutoff_date": cutoffs,
                    "first_session": cutoffs + np.timedelta64(1, "D"),
                    "last_session": cutoffs + np.timedelta64(1, "D"),
                    "crps": loss,
                    "covered_80": 0.8,
                    "covered_95": 0.95,
                    "pit": np.resize([0.1, 0.3, 0.5, 0.7, 0.9], count),
                }
            )
            for name, loss in crps.items()
        ],
        ignore_index=True,
    ).assign(**changes)


@pytest.fixture
def settings(make_graph: MakeGraph) -> Settings:
    configured: Settings = make_graph(models=MODELS).settings
    return configured


def names_of(published: Sequence[Publication]) -> list[str]:
    return [each.model_name for each in published]


def test_the_calibrated_model_of_the_best_skill_is_published_once_it_is_known(
    settings: Settings,
) -> None:
    scored = records({"naive": 2.0, "random_walk": 3.0, "garch": 1.0}, 50)
    published = publications(settings, issued(MODELS, 50), scored)
    # 30 forecasts of one session have ended on day 30, those from day 0 to day 29.
    assert names_of(published) == ["naive"] * 30 + ["garch"] * 20
    assert [each.data_cutoff_date for each in published] == [day(number) for number in range(50)]
    assert published[29].reason == NOT_YET
    assert published[30].reason == (
        "best skill of the calibrated models: 50.0 % over the 30 forecasts whose outcome was known"
    )


@pytest.mark.parametrize(
    "changes", [{"covered_80": 0.7}, {"covered_95": 1.0}, {"pit": 0.5}], ids=str
)
def test_a_model_that_is_not_calibrated_is_not_published_however_skilful(
    settings: Settings, changes: dict[str, float]
) -> None:
    scored = records({"naive": 2.0, "random_walk": 1.9}, 50)
    garch = records({"garch": 1.0}, 50, **changes)
    published = publications(settings, issued(MODELS, 50), pd.concat([scored, garch]))
    assert names_of(published) == ["naive"] * 30 + ["random_walk"] * 20
    alone = publications(settings, issued(MODELS, 50), pd.concat([scored[:1], garch]))
    assert names_of(alone) == ["naive"] * 50


def test_where_the_best_model_declined_the_next_is_published(settings: Settings) -> None:
    scored = records({"naive": 2.0, "random_walk": 1.9, "garch": 1.0}, 50)
    offered = issued(["naive", "random_walk"], 50) + issued(["garch"], 50, missing=[40, 41])
    published = names_of(publications(settings, offered, scored))
    assert published[39:43] == ["garch", "random_walk", "random_walk", "garch"]


def test_a_day_without_a_forecast_has_no_publication(settings: Settings) -> None:
    offered = issued(MODELS, 5, missing=[2])
    published = publications(settings, offered, records({"naive": 1.0}, 1))
    assert [each.data_cutoff_date for each in published] == [day(0), day(1), day(3), day(4)]
    assert publications(settings, [], records({"naive": 1.0}, 50)) == []
    assert publications(settings, [], records({"naive": 1.0}, 0)) == []


def test_before_anything_is_scored_the_fallback_is_published(settings: Settings) -> None:
    published = publications(settings, issued(MODELS, 2), records({"naive": 1.0}, 0))
    assert [(each.model_name, each.reason) for each in published] == [("naive", NOT_YET)] * 2


@pytest.mark.parametrize(
    ("publish", "offered", "expected"),
    [
        ({}, MODELS, "naive"),  # the first of the roster
        ({}, ["garch", "random_walk"], "random_walk"),  # the first of the roster that there is
        ({"fallback": "garch"}, MODELS, "garch"),
        ({"fallback": "garch"}, ["random_walk", "naive"], "naive"),  # then the roster's order
        ({"models": ["garch", "random_walk"]}, MODELS, "garch"),  # their order, not the roster's
        ({"models": ["garch", "random_walk"], "fallback": "random_walk"}, MODELS, "random_walk"),
        ({}, ["theta"], "theta"),  # of an earlier roster
    ],
)
def test_the_fallback_is_the_first_that_there_is(
    make_graph: MakeGraph, publish: dict[str, object], offered: list[str], expected: str
) -> None:
    settings = make_graph(models=MODELS, publish=publish).settings
    published = publications(settings, issued(offered, 1), records({"naive": 1.0}, 0))
    assert names_of(published) == [expected]


def test_only_candidates_are_chosen_and_skill_is_still_over_the_naive_model(
    make_graph: MakeGraph,
) -> None:
    settings = make_graph(models=MODELS, publish={"models": ["random_walk", "naive"]}).settings
    scored = records({"naive": 2.0, "random_walk": 1.5, "garch": 1.0}, 50)
    published = publications(settings, issued(MODELS, 50), scored)
    assert names_of(published) == ["random_walk"] * 50
    assert "best skill of the calibrated models: 25.0 %" in published[-1].reason
    without = make_graph(models=MODELS, publish={"models": ["random_walk"]}).settings
    assert names_of(publications(without, issued(MODELS, 50), scored)) == ["random_walk"] * 50
    assert publications(without, issued(["naive", "garch"], 50), scored) == []


def test_a_fixed_list_is_published_whole_where_there_is_a_forecast(make_graph: MakeGraph) -> None:
    rule = {"rule": "fixed", "models": ["random_walk", "garch"]}
    settings = make_graph(models=MODELS, publish=rule).settings
    offered = issued(["naive", "random_walk"], 3) + issued(["garch"], 3, missing=[1])
    published = publications(settings, offered, records({"naive": 1.0}, 0))
    assert [(each.data_cutoff_date, each.model_name) for each in published] == [
        (day(0), "garch"), (day(0), "random_walk"), (day(1), "random_walk"),
        (day(2), "garch"), (day(2), "random_walk"),
    ]  # fmt: skip
    assert {each.reason for each in published} == {"named in the configuration"}


def test_the_tolerance_is_the_configurations(make_graph: MakeGraph) -> None:
    given = {"coverage_80": 0.2, "coverage_95": 0.1, "pit_p_value": 0.02}
    assert tolerance_of(make_graph(calibration=given).settings) == Tolerance(0.2, 0.1, 0.02)
    assert tolerance_of(make_graph().settings) == Tolerance(0.05, 0.03, 0.01)
    scored = records({"naive": 2.0, "garch": 1.0}, 50, covered_80=0.65)
    wide = make_graph(models=MODELS, calibration=given).settings
    narrow = make_graph(models=MODELS).settings
    assert names_of(publications(wide, issued(MODELS, 50), scored))[-1] == "garch"
    assert names_of(publications(narrow, issued(MODELS, 50), scored))[-1] == "naive"


def wandering(count: int, seed: int) -> pd.DataFrame:
    """Forecasts of three sessions whose skill and coverage change over time."""
    rng = np.random.default_rng(seed)
    scored = records({"naive": 1.0, "random_walk": 1.0, "garch": 1.0}, count)
    last = scored.data_cutoff_date + pd.Timedelta(days=3)
    level = np.sin(np.arange(len(scored)) / 25) / 3
    return scored.assign(
        last_session=last,
        crps=rng.gamma(4, size=len(scored)) * (1 + level),
        covered_80=np.clip(0.8 + level / 2 + rng.normal(scale=0.1, size=len(scored)), 0, 1),
    )


@pytest.mark.parametrize("seed", range(3))
def test_every_choice_is_the_one_of_a_slow_loop_that_cuts_what_is_known_at_its_date(
    settings: Settings, seed: int
) -> None:
    count = 260
    scored = wandering(count, seed)
    offered = issued(["naive", "random_walk"], count)
    offered += issued(["garch"], count, missing=range(0, count, 9))
    chosen = publications(settings, offered, scored)
    assert len(chosen) == count
    names = names_of(chosen)
    turns = [number for number in range(1, count) if names[number] != names[number - 1]]
    # Each seed has its own tenth of the days, and those on both sides of each change.
    for number in sorted({*range(seed, count, 10), *turns, *(each - 1 for each in turns)}):
        known = scored[scored.last_session <= pd.Timestamp(day(number))]
        there = {x.model_name for x in offered if x.data_cutoff_date == day(number)}
        good = [
            standing
            for standing in standings(known, tolerance_of(settings))
            if standing.calibration == "calibrated" and standing.model_name in there
        ]
        best = max(good, key=lambda standing: standing.skill, default=None)
        assert names[number] == (best.model_name if best else "naive")
    assert len(set(names)) == 3


def test_what_ends_after_a_date_changes_no_choice_up_to_it(settings: Settings) -> None:
    scored, offered = wandering(260, seed=1), issued(MODELS, 260)
    before = publications(settings, offered, scored)
    for number in (60, 110, 170, 230):
        later = scored.last_session > pd.Timestamp(day(number))
        changed = scored.copy()
        changed.loc[later, ["crps", "covered_80", "covered_95", "pit"]] = [1e-9, 0.8, 0.95, 0.5]
        for other in (changed, scored[~later]):
            after = publications(settings, offered, other)
            assert after[: number + 1] == before[: number + 1], number
            assert after[number + 4 :] != before[number + 4 :], number


# Through the graph.

WIDER = {"coverage_80": 0.2, "coverage_95": 0.2, "pit_p_value": 0.001}
CUTS = [
    (date(2020, 5, 20), "2020-04-01"),
    (date(2020, 6, 30), "2020-07-01"),
    (date(2020, 8, 12), "2020-07-01"),
]
"""Dates, and the training date of the last window that begins in the sessions after them."""

AFTERWARDS = 25  # sessions, of which 17 are left after the last date

FEW = [make_history(560)]
TWO = ["naive", "random_walk"]
FIRST_WINDOW = "2020-01-01"

PUBLISHED = """
    SELECT data_cutoff_date, model_name, reason FROM commodity.forecast.publications
    WHERE commodity = 'Coffee' ORDER BY ALL
"""


def published_by(made: Panel) -> list[Publication]:
    rows = made.frame(PUBLISHED).itertuples(index=False)
    return [Publication(row[0].date(), row[1], row[2]) for row in rows]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    return caught_up(panel(tmp_path_factory.mktemp("made"), [make_history()], calibration=WIDER))


def test_publications_are_those_of_raw_paths_and_of_the_prices_known_then(made: Panel) -> None:
    raw = {name: Raw.of(made, "Coffee", name) for name in made.settings.models}
    crps = {name: each.crps.sum(axis=1) for name, each in raw.items()}
    chosen = published_by(made)
    assert len(chosen) == 179  # weekdays from 2019-12-31 to 2020-09-04
    for each in chosen[::6]:
        skills = {}
        for name, mine in raw.items():
            known = mine.until(each.data_cutoff_date)
            count = len(known.cutoffs)
            if count and known.calibration(Tolerance(**WIDER)) == "calibrated":
                skills[name] = 1 - crps[name][:count].sum() / crps["naive"][:count].sum()
        expected = max(skills, key=lambda name: skills[name]) if skills else "naive"
        assert each.model_name == expected
        if skills:
            assert f": {100 * skills[expected]:.1f} % over the " in each.reason
        else:
            assert each.reason == NOT_YET
    assert len({each.model_name for each in chosen}) > 1


@pytest.mark.parametrize(("cut", "window"), CUTS)
def test_prices_after_a_date_change_no_publication_up_to_it(
    made: Panel, tmp_path: Path, cut: date, window: str
) -> None:
    history = make_history()
    closes = history.closes.copy()
    after = history.dates > np.datetime64(cut)
    moves = np.random.default_rng(9).standard_normal(int(after.sum())) * 0.05
    closes[after] = 90 * np.exp(np.cumsum(moves))
    soon = int(np.argmax(after)) + AFTERWARDS
    revised = History("Coffee", history.dates[:soon], closes[:soon])
    other = caught_up(panel(tmp_path, [revised], calibration=WIDER), window, publish=False)
    with other.at_home() as graph:
        published(other.settings, graph.store, "a run", AfterCommit())
    ours, theirs = published_by(made), published_by(other)
    upto = sum(each.data_cutoff_date <= cut for each in ours)
    assert upto > 30
    assert theirs[:upto] == ours[:upto]
    assert len(theirs) == min(upto + AFTERWARDS, len(ours))
    assert theirs[upto:] != ours[upto : len(theirs)]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the 39 forecasts up to 2020-02-21 were published."""
    return caught_up(panel(tmp_path_factory.mktemp("few"), FEW, models=TWO), FIRST_WINDOW).folder


@pytest.fixture
def first(few: Path, tmp_path: Path) -> Panel:
    """The same, to write into."""
    shutil.copytree(few, tmp_path, dirs_exist_ok=True)
    return panel(tmp_path, FEW, models=TWO)


def test_switching_the_rule_rewrites_what_differs_and_says_so(first: Panel, tmp_path: Path) -> None:
    ours = first.frame("FROM commodity.forecast.publications ORDER BY data_cutoff_date")
    with first.at_home() as graph:
        again = publish(graph)
    kept = first.frame("FROM commodity.forecast.publications ORDER BY data_cutoff_date")
    fixed = {"rule": "fixed", "models": ["naive", "random_walk"]}
    second = panel(tmp_path, FEW, models=TWO, publish=fixed)
    with second.at_home() as graph:
        switched = publish(graph)
    pd.testing.assert_frame_equal(kept, ours)
    assert said(again) == {"published": 39, "added": 0, "withdrawn": 0}
    assert said(switched) == {"published": 78, "added": 78, "withdrawn": 39}
    rows = first.frame("FROM commodity.forecast.publications")
    assert set(rows.reason) == {"named in the configuration"}
    fewer = panel(tmp_path, FEW, models=TWO, publish=fixed | {"models": MODELS[:1]})
    with fewer.at_home() as graph:
        assert said(publish(graph)) == {"published": 39, "added": 0, "withdrawn": 39}
    last = first.frame("FROM commodity.forecast.publications")
    assert set(last.created_by) == {switched.run_id}


def publish(graph: Graph) -> ExecuteInProcessResult:
    """Choose what is published, and nothing else."""
    return (
        build_definitions(graph.settings)
        .resolve_job_def("publish")
        .execute_in_process(
            instance=graph.instance,
            asset_selection=[AssetKey("published_distributions")],
            run_config={"loggers": QUIET},
        )
    )


def said(result: ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node("published_distributions")
    shown = event.metadata["publications"]
    assert isinstance(shown, TableMetadataValue)
    (record,) = shown.records
    assert record.data["newest_cutoff"] == "2020-02-21"
    return {name: record.data[name] for name in ("published", "added", "withdrawn")}


def test_only_the_configurations_version_is_published(first: Panel, tmp_path: Path) -> None:
    before = first.frame("FROM commodity.forecast.publications ORDER BY ALL")
    second = caught_up(panel(tmp_path, FEW, models=TWO, model_version="v2.0"), FIRST_WINDOW)
    after = second.frame("FROM commodity.forecast.publications ORDER BY ALL")
    assert set(after.model_version) == {"v2.0"}
    columns = ["model_name", "data_cutoff_date", "reason"]
    pd.testing.assert_frame_equal(after[columns], before[columns])
    view = second.frame(
        "SELECT DISTINCT model_version FROM commodity.forecast.published_distributions"
    )
    assert all(name.endswith("_v2.0") for name in view.model_version)


def test_without_naive_the_reason_is_that_there_is_no_skill(settings: Settings) -> None:
    offered, scored = issued(["random_walk"], 60), records({"random_walk": 1.0}, 60)
    reasons = {each.reason for each in publications(settings, offered, scored)}
    assert reasons == {"no skill is known: the version has no forecasts of naive to compare with"}


def test_a_withdrawn_forecast_is_published_no_more(settings: Settings) -> None:
    offered = issued(MODELS, 4)
    kept = [each for each in offered if each.data_cutoff_date != day(2)]
    scored = records({"naive": 1.0}, 2)
    assert [x.data_cutoff_date for x in publications(settings, kept, scored)] == [
        day(0), day(1), day(3),
    ]  # fmt: skip
    moved = [replace(each, forecast_start_date=day(9)) for each in offered]
    assert publications(settings, moved, scored) == publications(settings, offered, scored)

"""The leaderboard, made by the graph, against a recomputation from raw paths and prices."""

import math
import re
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from dagster import TableMetadataValue
from scipy import stats

from forecast_assets.evaluation.evaluation import Tolerance
from forecast_assets.evaluation.leaderboard import ALL, MEANS, WITHOUT_UNIT, leaderboard, panel_test
from forecast_assets.report.figures import change
from forecast_assets.store.frames import frame
from forecast_assets_tests.graphs import MakeGraph
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.panel import FIRST, TOLERANCE, Panel, caught_up, panel, report
from forecast_assets_tests.raw import Raw, taken

COMMODITIES = ["Coffee", "Sugar"]
MODELS = ["naive", "random_walk", "reverting_volatility"]
WITHIN = Tolerance(**TOLERANCE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    histories = [make_history(), make_history(690, seed=2, commodity="Sugar")]
    return caught_up(panel(tmp_path_factory.mktemp("panel"), histories))


@pytest.fixture(scope="module")
def table(made: Panel) -> pd.DataFrame:
    rows = made.frame("FROM commodity.forecast.leaderboard")
    return rows.set_index(["commodity", "model_name"]).sort_index()


@pytest.fixture(scope="module")
def raw(made: Panel) -> dict[tuple[str, str], Raw]:
    return {(name, model): Raw.of(made, name, model) for name in COMMODITIES for model in MODELS}


def test_there_is_a_row_for_each_commodity_and_model_and_one_over_all(table: pd.DataFrame) -> None:
    assert table.index.tolist() == [(name, x) for name in [ALL, *COMMODITIES] for x in MODELS]
    assert set(table.model_version) == {"v1.0"}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("commodity", COMMODITIES)
def test_means_are_those_of_raw_paths_and_prices(
    table: pd.DataFrame, raw: dict[tuple[str, str], Raw], commodity: str, model: str
) -> None:
    row, mine = table.loc[(commodity, model)], raw[commodity, model]
    naive = raw[commodity, "naive"]
    assert row.forecasts == len(mine.cutoffs) > 100
    assert (row.first_forecast, row.last_forecast) == (mine.first.min(), mine.first.max())
    expected = {
        "crps": mine.crps.mean(),
        "absolute_error": mine.absolute_error.mean(),
        "squared_error": mine.squared_error.mean(),
        "absolute_percentage_error": mine.percentage_error.mean(),
        "coverage_80": mine.covered(0.8).mean(),
        "coverage_95": mine.covered(0.95).mean(),
        "coverage_error_80": mine.covered(0.8).mean() - 0.8,
        "coverage_error_95": mine.covered(0.95).mean() - 0.95,
        "width_80": mine.width(0.8).mean(),
        "width_95": mine.width(0.95).mean(),
        "directional_accuracy": mine.direction.mean(),
        "skill": 1 - mine.crps.sum() / naive.crps.sum(),
    }
    assert row[list(expected)].astype(float).to_dict() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("commodity", COMMODITIES)
def test_tests_are_over_forecasts_without_a_common_session(
    table: pd.DataFrame, raw: dict[tuple[str, str], Raw], commodity: str, model: str
) -> None:
    row, mine = table.loc[(commodity, model)], raw[commodity, model]
    apart = taken(mine.first, mine.last)
    assert row.effective_forecasts == len(apart) == math.ceil(len(mine.cutoffs) / 3)
    uniform = stats.cramervonmises(mine.pit[apart, -1], "uniform")
    assert row.pit_p_value == pytest.approx(uniform.pvalue, rel=1e-9)
    assert row.calibration == mine.calibration(WITHIN)
    differences = (mine.crps - raw[commodity, "naive"].crps).mean(axis=1)[apart]
    if model == "naive":
        assert np.isnan([row.dm_statistic, row.dm_p_value]).all()
        assert row.dm_verdict == "is naive"
    else:
        assert (row.dm_statistic, row.dm_p_value) == pytest.approx(students(differences), rel=1e-9)
        assert row.dm_verdict == verdict(*students(differences))


def students(differences: np.ndarray) -> tuple[float, float]:
    """Mean over standard error, and twice the tail of Student's t beyond it."""
    n = len(differences)
    mean = math.fsum(differences) / n
    variance = math.fsum((x - mean) ** 2 for x in differences) / (n - 1)
    statistic = mean / math.sqrt(variance / n)
    return statistic, float(2 * stats.t.sf(abs(statistic), n - 1))


def verdict(statistic: float, p_value: float) -> str:
    if p_value >= 0.05:
        return "no difference"
    return "better" if statistic < 0 else "worse"


@pytest.mark.parametrize("model", MODELS)
def test_over_all_commodities_each_of_them_counts_the_same(
    table: pd.DataFrame, raw: dict[tuple[str, str], Raw], model: str
) -> None:
    row, single = table.loc[(ALL, model)], [table.loc[(name, model)] for name in COMMODITIES]
    for name in (
        *WITHOUT_UNIT, "skill", "coverage_80", "coverage_95", "coverage_error_80",
        "coverage_error_95",
    ):  # fmt: skip
        assert row[name] == pytest.approx((single[0][name] + single[1][name]) / 2, rel=1e-12)
    for name in set(MEANS) - set(WITHOUT_UNIT):
        assert np.isnan(row[name])
    for name in ("forecasts", "models_trained", "training_seconds"):
        assert row[name] == pytest.approx(single[0][name] + single[1][name])
    calibrated = sum(raw[name, model].calibration(WITHIN) == "calibrated" for name in COMMODITIES)
    assert row.calibration == f"calibrated for {calibrated} of 2"
    assert row.first_forecast == min(each.first_forecast for each in single)
    assert row.last_forecast == max(each.last_forecast for each in single)


@pytest.mark.parametrize("model", MODELS)
def test_over_all_commodities_a_date_counts_once_in_the_test(
    table: pd.DataFrame, raw: dict[tuple[str, str], Raw], model: str
) -> None:
    by_date: dict[date, list[float]] = {}
    spans: dict[date, tuple[np.datetime64, np.datetime64]] = {}
    for name in COMMODITIES:
        mine, naive = raw[name, model], raw[name, "naive"]
        share = (mine.crps - naive.crps).mean(axis=1) / naive.crps.mean()
        for place, cutoff in enumerate(mine.cutoffs):
            by_date.setdefault(cutoff, []).append(float(share[place]))
            spans[cutoff] = (mine.first[place], mine.last[place])  # the same days in both
    dates = sorted(by_date)
    apart = taken(np.array([spans[x][0] for x in dates]), np.array([spans[x][1] for x in dates]))
    row = table.loc[(ALL, model)]
    assert row.effective_forecasts == len(apart)
    means = np.array([np.mean(by_date[dates[place]]) for place in apart])
    if model == "naive":
        assert row.dm_verdict == "is naive"
    else:
        assert (row.dm_statistic, row.dm_p_value) == pytest.approx(students(means), rel=1e-9)
        assert row.dm_verdict == verdict(*students(means))


def test_places_are_in_the_order_of_skill(table: pd.DataFrame) -> None:
    for _, rows in table.groupby(level="commodity"):
        best_first = rows.sort_values("skill", ascending=False)
        assert best_first.place.tolist() == [1, 2, 3]


def test_scores_that_are_not_recomputed_here_are_means_of_the_path_scores(
    made: Panel, table: pd.DataFrame
) -> None:
    names = ["pinball_loss", "log_score", "energy_score", "variogram_score"]
    stored = made.frame("FROM commodity.forecast.path_scores WHERE horizon = 3")
    means = stored.groupby(["commodity", "model_name"])[names].mean()
    pd.testing.assert_frame_equal(table.loc[means.index, names], means, rtol=1e-12)


def test_training_cost_is_that_of_the_models_in_use(made: Panel, table: pd.DataFrame) -> None:
    models = made.frame("FROM commodity.forecast.trained_models WHERE is_active")
    cost = models.groupby(["commodity", "model_name"]).fit_seconds.agg(["count", "sum"])
    singles = table.loc[cost.index]
    assert singles.models_trained.tolist() == cost["count"].tolist() == [3] * 6
    assert singles.training_seconds.tolist() == pytest.approx(cost["sum"].tolist())


def test_path_zero_is_the_price_that_came(made: Panel, raw: dict[tuple[str, str], Raw]) -> None:
    happened = made.frame(
        "SELECT commodity, model_name, data_cutoff_date, day_1, day_2, day_3"
        " FROM commodity.forecast.distributions WHERE path_id = 0 AND day_3 IS NOT NULL"
        " ORDER BY data_cutoff_date"
    )
    for (commodity, model), mine in raw.items():
        rows = happened[(happened.commodity == commodity) & (happened.model_name == model)]
        assert rows.data_cutoff_date.dt.date.tolist() == mine.cutoffs
        told = rows[["day_1", "day_2", "day_3"]].to_numpy()
        assert np.array_equal(told, mine.outcomes.astype(np.float32))


# The pure function, on records that are easy to count by hand.


def records_of(model: str, crps: list[float], first: str = "2024-01-01") -> pd.DataFrame:
    """A forecast of one session each day, with these scores."""
    cutoffs = np.datetime64(first, "us") + np.arange(len(crps)) * np.timedelta64(1, "D")
    names = [name for name in MEANS if name != "crps"]
    return pd.DataFrame(
        {
            "model_name": model,
            "data_cutoff_date": cutoffs,
            "first_session": cutoffs + np.timedelta64(1, "D"),
            "last_session": cutoffs + np.timedelta64(1, "D"),
            "crps": crps,
            "covered_80": 0.8,
            "covered_95": 0.95,
            "pit": 0.5,
            **dict.fromkeys(names, 1.0),
        }
    )


NO_TRAINING = pd.DataFrame(
    columns=["commodity", "model_version", "model_name", "models_trained", "training_seconds"]
)


def test_without_records_there_are_no_rows() -> None:
    assert len(leaderboard({}, NO_TRAINING, WITHIN, [])) == 0
    empty = records_of("naive", [])
    assert len(leaderboard({("Coffee", "v1.0"): empty}, NO_TRAINING, WITHIN, [])) == 0


def test_versions_are_ranked_apart_and_a_model_without_training_costs_nothing() -> None:
    both = pd.concat([records_of("naive", [2.0, 2.0]), records_of("theta", [1.0, 1.0])])
    records = {("Coffee", "v1"): both, ("Coffee", "v2"): records_of("theta", [9.0])}
    rows = leaderboard(records, NO_TRAINING, WITHIN, []).set_index(
        ["commodity", "model_version", "model_name"]
    )
    assert rows.loc[("Coffee", "v1", "theta"), "place"] == 1
    assert rows.loc[("Coffee", "v1", "theta"), "skill"] == pytest.approx(0.5)
    assert rows.loc[(ALL, "v1", "naive"), "place"] == 2
    assert rows.loc[("Coffee", "v2", "theta"), "place"] == 1
    assert np.isnan(rows.loc[(ALL, "v2", "theta"), "skill"])
    assert rows.models_trained.tolist() == [0] * len(rows) == [0] * 6


def test_a_model_without_skill_stands_after_those_that_have_one() -> None:
    early, late = records_of("naive", [2.0]), records_of("theta", [1.0], first="2024-02-01")
    worse = records_of("ets", [9.0])
    rows = leaderboard({("Coffee", "v1"): pd.concat([late, early, worse])}, NO_TRAINING, WITHIN, [])
    coffee = rows[rows.commodity == "Coffee"].sort_values("place")
    assert coffee.model_name.tolist() == ["naive", "ets", "theta"]


def test_log_scores_are_compared_where_every_models_is_defined() -> None:
    naive = records_of("naive", [1.0] * 4).assign(log_score=[1.0, 2.0, 3.0, 4.0])
    far = records_of("ets", [1.0] * 4).assign(log_score=[5.0, np.nan, 7.0, 8.0])
    training = pd.DataFrame(
        columns=["commodity", "model_version", "model_name", "models_trained", "training_seconds"]
    )
    rows = leaderboard({("Tea", "v1"): pd.concat([naive, far])}, training, WITHIN, [])
    means = rows[rows.commodity == "Tea"].set_index("model_name").log_score
    assert means["naive"] == pytest.approx((1 + 3 + 4) / 3)
    assert means["ets"] == pytest.approx((5 + 7 + 8) / 3)


def test_a_model_that_lacks_a_commodity_has_no_skill_over_all() -> None:
    easy = pd.concat([records_of("naive", [2.0] * 4), records_of("ets", [1.0] * 4)])
    hard = records_of("naive", [2.0] * 4)
    training = pd.DataFrame(
        columns=["commodity", "model_version", "model_name", "models_trained", "training_seconds"]
    )
    rows = leaderboard({("Tea", "v1"): easy, ("Oats", "v1"): hard}, training, WITHIN, [])
    overall = rows[rows.commodity == ALL].set_index("model_name")
    assert rows[(rows.commodity == "Tea") & (rows.model_name == "ets")].skill.tolist() == [0.5]
    assert math.isnan(overall.skill["ets"])
    assert overall.place["naive"] == 1


def test_the_panel_compares_dates_that_both_models_have_and_averages_over_commodities() -> None:
    # Coffee: 1/2 - 2/2 on each day; Sugar: 30/10 - 10/10, from the second day on.
    days = 30
    coffee = pd.concat([records_of("naive", [2.0] * days), records_of("theta", [1.0] * days)])
    sugar = pd.concat(
        [records_of("naive", [10.0] * days), records_of("theta", [30.0] * 29, "2024-01-02")]
    )
    records = {("Coffee", "v1"): coffee, ("Sugar", "v1"): sugar, ("Tin", "v2"): coffee}
    effective, statistic, p_value = panel_test(records, "v1", "theta")
    differences = np.array([-0.5, *[(-0.5 + 2.0) / 2] * 29])
    assert effective == 30
    assert (statistic, p_value) == pytest.approx(students(differences), rel=1e-9)
    assert panel_test(records, "v1", "garch")[0] == 0


# The table and the asset.


def test_a_rerun_replaces_every_row_and_the_metadata_show_them(
    made: Panel, table: pd.DataFrame
) -> None:
    with made.at_home() as graph:
        result = report(graph)
    again = made.frame("FROM commodity.forecast.leaderboard")
    assert set(again.created_by) == {result.run_id}
    assert set(table.created_by) != {result.run_id}
    ours = again.set_index(["commodity", "model_name"]).sort_index()
    said = ["created_at", "created_by"]
    pd.testing.assert_frame_equal(ours.drop(columns=said), table.drop(columns=said))
    (event,) = result.asset_materializations_for_node("leaderboard")
    assert event.metadata["dagster/row_count"].value == 9
    (published,) = result.asset_materializations_for_node("published_distributions")
    view = made.frame("SELECT count(*) AS rows FROM commodity.forecast.published_distributions")
    assert published.metadata["dagster/row_count"].value == view.rows.item() > 0
    shown = event.metadata["leaderboard"]
    assert isinstance(shown, TableMetadataValue)
    first = shown.records[0].data
    place, name = str(first["model"]).split("\N{NO-BREAK SPACE}")
    assert (first["commodity"], place, first["CRPS"]) == (ALL, "1.", "none")
    assert first["skill"] == change(float(table.loc[(ALL, name)].skill))
    other = shown.records[3].data
    assert re.fullmatch(r"[\d.]{4,5}\N{NO-BREAK SPACE}USc/lb", str(other["CRPS"]))
    assert str(other["of"]).count("\N{NON-BREAKING HYPHEN}") == 4


def test_before_anything_is_scored_the_leaderboard_is_empty(make_graph: MakeGraph) -> None:
    graph = make_graph()
    result = report(graph)
    (event,) = result.asset_materializations_for_node("leaderboard")
    assert event.metadata["dagster/row_count"].value == 0
    assert event.metadata["leaderboard"].value == "none"
    assert len(graph.store.leaderboard.read()) == 0


def test_forecasts_of_which_a_part_has_happened_are_in_no_standing(tmp_path: Path) -> None:
    young = panel(tmp_path, [make_history(524)], models=["naive"])
    early = caught_up(young, FIRST)  # two sessions of the first forecast have happened
    scored = early.frame("SELECT DISTINCT horizon FROM commodity.forecast.path_scores")
    assert scored.horizon.tolist() == [1]
    assert len(early.frame("FROM commodity.forecast.leaderboard")) == 0


def test_the_table_reads_in_the_order_of_places_and_is_replaced_whole(
    make_graph: MakeGraph,
) -> None:
    store = make_graph().store
    at = datetime(2024, 1, 2)  # noqa: DTZ001 - the tables keep UTC without a zone
    both = pd.concat([records_of("naive", [2.0] * 3), records_of("theta", [1.0] * 3)])
    ranked = leaderboard({("Tin", "v1"): both}, NO_TRAINING, WITHIN, [])
    store.leaderboard.replace(pa.Table.from_pandas(ranked), at, "one")
    held = frame(store.leaderboard.read())
    assert list(zip(held.commodity, held.place, held.model_name, strict=True)) == [
        (ALL, 1, "theta"), (ALL, 2, "naive"), ("Tin", 1, "theta"), ("Tin", 2, "naive"),
    ]  # fmt: skip
    store.leaderboard.replace(pa.table({}), at, "two")
    assert len(store.leaderboard.read()) == 0

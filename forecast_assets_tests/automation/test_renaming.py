"""A commodity taken out of the configuration, and its rows under a new name."""

import shutil
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from forecast_assets.automation.due import Ledger, missing_forecasts, missing_models
from forecast_assets.automation.renaming import departed, departures, rename, reprinted
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.store.opening import open_store
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.history import History
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.histories import make_history, with_features
from forecast_assets_tests.panel import Panel, panel


def configured(panel: Panel, *names: str) -> Settings:
    """The same configuration with the commodities of other names."""
    path = panel.folder / "forecast.yaml"
    document = yaml.safe_load(path.read_text())
    sources = list(document["commodities"].values())
    document["commodities"] = dict(zip(names, sources, strict=False))
    path.write_text(yaml.safe_dump(document))
    return Settings.load(path)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    """Two commodities, each with one window; copied by the tests."""
    histories = [make_history(560), make_history(560, seed=3, commodity="Tea")]
    models = ["naive", "reverting_volatility"]
    made = panel(tmp_path_factory.mktemp("template"), histories, models=models, paths=20)
    with made.at_home() as graph:
        graph.run("load_prices", "Coffee", "Tea")
        graph.run("catch_up", "Coffee|2020-01-01", "Tea|2020-01-01")
    return made


@pytest.fixture
def made(template: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Panel:
    """The same in a folder of its own, where the console script looks."""
    folder = tmp_path / "made"
    shutil.copytree(template.folder, folder)
    monkeypatch.setenv("FORECAST_HOME", str(folder / "home"))
    monkeypatch.setenv("FORECAST_CONFIG", str(folder / "forecast.yaml"))
    return Panel(folder, Graph(Settings.load(folder / "forecast.yaml"), template.graph.instance))


TABLES = "SELECT * FROM {} WHERE commodity = $name ORDER BY ALL"
KEPT = [
    "market.price_revisions",
    "forecast.trained_models",
    "forecast.distributions",
    "forecast.forecasts",
    "forecast.point_estimates",
    "forecast.scores",
    "forecast.path_scores",
]


def test_what_is_not_configured_any_more_is_withdrawn_told_and_kept(made: Panel) -> None:
    published = "SELECT DISTINCT commodity FROM forecast.published_distributions ORDER BY ALL"
    assert made.frame(published).commodity.tolist() == ["Coffee", "Tea"]
    kept = {table: len(made.frame(TABLES.format(table), name="Tea")) for table in KEPT}
    configured(made, "Coffee")
    done = forecast("report")
    assert done.exit_code == 0
    said = "Tea: not in the configuration: nothing of it is published, and its rows are kept"
    assert f"note: {said}" in done.output
    assert f"note: {said}" in forecast("status").output
    assert said in (made.folder / "home" / "report.html").read_text()
    assert made.frame(published).commodity.tolist() == ["Coffee"]
    ranked = made.frame("SELECT DISTINCT commodity FROM forecast.leaderboard ORDER BY ALL")
    assert ranked.commodity.tolist() == ["(all)", "Coffee"]
    assert {t: len(made.frame(TABLES.format(t), name="Tea")) for t in KEPT} == kept
    assert min(kept.values()) > 0


def test_renamed_rows_are_all_there_and_nothing_of_them_is_due_again(made: Panel) -> None:
    before = {table: made.frame(TABLES.format(table), name="Coffee") for table in KEPT}
    settings = configured(made, "Coffee_beans", "Tea")
    done = forecast("rename", "Coffee", "Coffee_beans")
    assert done.exit_code == 0, done.output
    assert f"forecast.distributions: {len(before['forecast.distributions']):,} rows" in done.output
    store = open_store(settings)
    assert store.names.known() == ["Coffee_beans", "Tea"]
    for table, rows in before.items():
        after = made.frame(TABLES.format(table), name="Coffee_beans")
        same = [name for name in rows if name not in CHANGED]
        assert after[same].equals(rows[same]), table
        if "model_id" in rows:
            assert after.model_id.str.startswith("Coffee_beans_").all()
    history = store.features.read(store.prices.history("Coffee_beans"))
    ledger = Ledger(
        history,
        ModelStore.over(store, settings).intact(store.models.find("Coffee_beans")),
        store.paths.issued("Coffee_beans", "v1.0"),
    )
    windows = [x for x in settings.windows.of("Coffee_beans") if x.key < "Coffee_beans|2020-03"]
    assert [missing_models(settings, window, ledger) for window in windows] == [[]]
    assert not any(missing_forecasts(settings, w, ledger, recompute=True) for w in windows)
    in_force = PinnedVersion.of(settings, store).in_force
    assert (in_force.differences, in_force.additions) == ([], [])
    assert forecast("report").exit_code == 0
    published = made.frame("SELECT DISTINCT commodity FROM forecast.published_distributions")
    assert sorted(published.commodity) == ["Coffee_beans", "Tea"]


CHANGED = ("commodity", "model_id", "data_fingerprint", "history_fingerprint")


@pytest.mark.parametrize(
    ("names", "old", "new", "says"),
    [
        (("Coffee", "Tea"), "Coffee", "Tea", "'Coffee' is still in the configuration"),
        (("Coffee", "Mate"), "Tea", "Cocoa", "found 'Cocoa', allowed: Coffee, Mate"),
        (("Coffee", "Mate"), "Sugar", "Mate", "found 'Sugar', allowed: Tea, that is"),
        (("Coffee",), "Tea", "Coffee", "'Coffee' has rows of its own already"),
    ],
)
def test_a_name_that_cannot_be_moved_is_refused_and_nothing_is_changed(
    made: Panel, names: tuple[str, ...], old: str, new: str, says: str
) -> None:
    configured(made, *names)
    done = forecast("rename", old, new)
    assert done.exit_code == 1
    assert says in done.output
    assert open_store(made.settings).names.known() == ["Coffee", "Tea"]


def test_a_version_that_differs_from_one_in_the_tables_only_by_case_is_refused(made: Panel) -> None:
    path = made.folder / "forecast.yaml"
    document = yaml.safe_load(path.read_text()) | {"model_version": "V1.0"}
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match=r"'V1\.0', which differs from v1\.0 only"):
        PinnedVersion.of(Settings.load(path), open_store(Settings.load(path)))
    path.write_text(yaml.safe_dump(document | {"model_version": "v1.00"}))
    assert PinnedVersion.of(Settings.load(path), open_store(Settings.load(path))).meaning is None


def test_a_rename_that_fails_half_way_changes_nothing(
    made: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecast_assets.store.sql import commodity_names

    done: list[str] = []
    rename_in = commodity_names._renamed

    def breaks(connection: object, table: str, *rest: object, keyed: bool) -> int:
        done.append(table)
        if table == '"market"."price_revisions"':
            raise RuntimeError("power cut")
        return rename_in(connection, table, *rest, keyed=keyed)  # type: ignore[arg-type]

    monkeypatch.setattr(commodity_names, "_renamed", breaks)
    settings = configured(made, "Coffee", "Mate")
    with pytest.raises(RuntimeError, match="power cut"):
        rename(settings, open_store(settings), "Tea", "Mate")
    assert '"forecast"."distributions"' in done
    assert departed(settings, open_store(settings)) == ["Tea"]
    assert made.frame("SELECT DISTINCT commodity FROM forecast.distributions").size == 2


def test_fingerprints_of_every_view_of_a_model_are_known_under_the_new_name(
    make_graph: MakeGraph,
) -> None:
    history = with_features(make_history(40))
    graph: Graph = make_graph(
        history,
        feature_sets={"weather": ["rain"]},
        models=["naive", {"sarimax": {"features": "weather"}}],
    )
    prints = reprinted(graph.settings, history, "Beans")
    for names in ((), ("rain",)):
        view = history.select(names)
        beans = History("Beans", view.dates, view.closes, view.features, view.feature_names)
        assert [prints[each] for each in view.fingerprints] == beans.fingerprints
    assert len(prints) == 80


def test_nothing_is_told_where_all_that_has_rows_is_configured(make_graph: MakeGraph) -> None:
    graph: Graph = make_graph()
    assert departures(graph.settings, graph.store) == []
    graph.run("load_prices", "Coffee")
    assert departures(graph.settings, graph.store) == []
    with pytest.raises(ConfigurationError, match="allowed: nothing, that is"):
        rename(graph.settings, graph.store, "Tea", "Coffee")


def test_a_name_with_rows_that_another_begins_with_stays_as_it_is(made: Panel) -> None:
    settings = configured(made, "Coffee", "Mate")
    rename(settings, open_store(settings), "Tea", "Mate")
    ids = made.frame("SELECT DISTINCT model_id, commodity FROM forecast.distributions")
    assert {x.partition("_")[0] for x in ids.model_id} == {"Coffee", "Mate"}
    days = made.frame("SELECT DISTINCT training_date FROM forecast.trained_models").training_date
    assert days.dt.date.tolist() == [date(2020, 1, 1)]


@pytest.mark.parametrize(
    ("known", "configured", "hint"),
    [
        (["Coffee", "Tea"], ["Coffee"], ""),
        (["Coffee", "Tea"], ["Coffee", "Mate"], " (`forecast rename Tea Mate` gives"),
        (["Tea"], ["Coffee", "Mate"], " (`forecast rename Tea NEW` gives"),
    ],
)
def test_a_new_name_is_spoken_of_where_one_is_free(
    known: list[str], configured: list[str], hint: str
) -> None:
    settings: Any = SimpleNamespace(commodities=dict.fromkeys(configured))
    store: Any = SimpleNamespace(names=SimpleNamespace(known=lambda: known))
    (line,) = departures(settings, store)
    assert line.startswith("Tea: not in the configuration")
    assert line.partition("its rows are kept")[2].startswith(hint)
    assert ("rename" in line) == bool(hint)

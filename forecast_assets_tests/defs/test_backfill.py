"""Backfills as a user launches them: webserver, daemon, code servers and runs, all of their own."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pytest
import requests
import yaml
from dagster import DagsterInstance

from forecast_assets.defs.partitions import Partitions
from forecast_assets.timeline.sessions import FROM_DATA
from forecast_assets.timeline.window import Window
from forecast_assets_tests.daemons import INSTANCE, Home, program, within
from forecast_assets_tests.graphs import Graph
from forecast_assets_tests.histories import make_history, write_prices

pytestmark = pytest.mark.long

HEALTHY = ["Coffee", "Sugar"]
"""Trained and forecast by one backfill."""
ALTERED = "Cocoa"
"""Trained beforehand, one model altered since; a second backfill forecasts it."""
SEEDS = {"Coffee": 1, "Sugar": 2, ALTERED: 3}
WINDOWS = [date(2020, 1, 1), date(2020, 2, 1), date(2020, 3, 1)]
ALTERED_WINDOW = date(2020, 2, 1)
MODELS = ["naive", "random_walk"]
PATHS = 5
SESSIONS = 575
"""From 2018-01-01: the newest close is 2020-03-16."""

READY_SECONDS, DONE_SECONDS = 600, 900

LAUNCH = """mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""

BACKFILL = """query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill {
      status
      error { message }
      runs {
        status
        assetMaterializations { partition }
        eventConnection {
          events { ... on ExecutionStepFailureEvent { error { errorChain { error { message } } } } }
        }
      }
    }
  }
}"""

MATERIALIZATIONS = """query ($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) {
    ... on AssetNode {
      partitionStats { numMaterialized numFailed }
      assetMaterializations {
        partition
        metadataEntries {
          label ... on IntMetadataEntry { intValue }
        }
      }
    }
  }
}"""


@dataclass(frozen=True)
class Backfill:
    """What became of a backfill; ``runs`` has each run's status and the commodities it did."""

    status: str
    runs: list[tuple[str, list[str]]]
    errors: str


@dataclass(frozen=True)
class GraphQL:
    """The webserver, asked as the UI asks it."""

    port: int

    def ask(self, query: str, **variables: Any) -> Any:
        response = requests.post(
            f"http://127.0.0.1:{self.port}/graphql",
            json={"query": query, "variables": variables},
            timeout=READY_SECONDS,
        )
        document = response.json()
        assert "errors" not in document, document["errors"]
        (answer,) = document["data"].values()
        return answer

    def is_ready(self) -> bool:
        try:
            found = self.ask(
                "{ repositoriesOrError { ... on RepositoryConnection { nodes { id } } } }"
            )
        except requests.ConnectionError:
            return False
        return bool(found.get("nodes"))

    def launch(self, assets: list[str], partitions: list[str]) -> str:
        selection = [{"path": [name]} for name in assets]
        params = {"assetSelection": selection, "partitionNames": partitions}
        launched = self.ask(LAUNCH, params=params)
        assert "backfillId" in launched, launched
        return str(launched["backfillId"])

    def finished(self, backfill: str) -> Backfill:
        def ask() -> Any:
            found = self.ask(BACKFILL, id=backfill)
            return found if found["status"].startswith(("COMPLETED", "FAILED")) else None

        found = within(DONE_SECONDS, f"backfill {backfill}", ask)
        events = [event for run in found["runs"] for event in run["eventConnection"]["events"]]
        chains = [link for event in events if event for link in event["error"]["errorChain"]]
        return Backfill(
            status=found["status"],
            runs=sorted((run["status"], commodities_of(run)) for run in found["runs"]),
            errors="\n".join(link["error"]["message"] for link in chains),
        )

    def metadata(self, asset: str, commodity: str, label: str) -> dict[str, list[Any]]:
        """By partition of a commodity, the value of one entry in each materialization."""
        node = self.ask(MATERIALIZATIONS, asset={"path": [asset]})
        values: dict[str, list[Any]] = {}
        for event in node["assetMaterializations"]:
            if event["partition"].startswith(f"{commodity}|"):
                entries = {entry["label"]: entry for entry in event["metadataEntries"]}
                values.setdefault(event["partition"], []).append(entries[label]["intValue"])
        return values

    def counts(self, asset: str) -> tuple[int, int]:
        """Partitions that the asset's page shows as materialized and as failed."""
        stats = self.ask(MATERIALIZATIONS, asset={"path": [asset]})["partitionStats"]
        return stats["numMaterialized"], stats["numFailed"]


def once(values: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The same, where the newest window may have been logged again so that it is the last."""
    newest = max(values)
    value = values[newest][:1]
    return values | {newest: value} if values[newest] == value * 2 else values


def commodities_of(run: dict[str, Any]) -> list[str]:
    """The commodities that a run materialized partitions of."""
    return sorted({x["partition"].partition("|")[0] for x in run["assetMaterializations"]})


class Backfilled(Home):
    """A folder with a configuration, its prices, its tables, a Dagster instance and its logs."""

    def build(self) -> None:
        """Write configuration, instance and prices; load the prices, train ALTERED, alter it."""
        commodities = {}
        for name, seed in SEEDS.items():
            history = make_history(SESSIONS, seed, name)
            write_prices(self.folder / f"{name}.csv", history)
            source = {"type": "file", "path": f"{name}.csv"}
            commodities[name] = {"unit": "USD/t", "source": source}
        document = {
            "model_version": "v1.0",
            "paths": PATHS,
            "training": {"cadence": "monthly", "start": WINDOWS[0]},
            "models": MODELS,
            "commodities": commodities,
            "automation": {"running": False},
        }
        (self.folder / "forecast.yaml").write_text(yaml.safe_dump(document))
        (self.folder / "dagster").mkdir()
        (self.folder / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE))
        with DagsterInstance.from_config(str(self.folder / "dagster")) as instance:
            graph = Graph(self.settings, instance)
            names = sorted(commodities)  # as they are written
            graph.run("load_prices", names[0], names[-1])
            graph.run("train", self.keys(ALTERED)[0], self.keys(ALTERED)[-1])
        with duckdb.connect(self.folder / "home" / "commodity.duckdb") as connection:
            connection.execute(
                "UPDATE forecast.trained_models"
                " SET fitted_model_json = replace(fitted_model_json::VARCHAR, '0.94', '0.49')"
                " WHERE commodity = ? AND model_name = 'naive' AND training_date = ?",
                [ALTERED, ALTERED_WINDOW],
            )

    def windows(self, commodity: str) -> list[Window]:
        partitions = Partitions(self.settings)
        return [partitions.window(commodity, day.isoformat()) for day in WINDOWS]

    def keys(self, commodity: str) -> list[str]:
        return [window.key for window in self.windows(commodity)]

    def samples_due(self, commodity: str) -> dict[str, list[int]]:
        """Sessions known before each window, once each."""
        days = make_history(SESSIONS, SEEDS[commodity], commodity).dates
        known = {x.key: days < np.datetime64(x.training_date) for x in self.windows(commodity)}
        return {key: [int(flags.sum())] for key, flags in known.items()}

    def rows_due(self, commodity: str) -> dict[str, list[int]]:
        """Paths that each window owes, once each."""
        history = make_history(SESSIONS, SEEDS[commodity], commodity)
        return {
            window.key: [len(window.origins(history, FROM_DATA)) * len(MODELS) * PATHS]
            for window in self.windows(commodity)
        }

    def sql(self, query: str, **names: Any) -> list[tuple[Any, ...]]:
        path = self.folder / "home" / "commodity.duckdb"
        with duckdb.connect(path, read_only=True) as connection:
            return connection.execute(query, names).fetchall()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Launched:
    """Two backfills under way at once: the daemon looks at them only every 30 s."""

    site: Backfilled
    graphql: GraphQL
    whole_range: str
    forecasts_only: str


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    site = Backfilled(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in site.environment.items():
            monkeypatch.setenv(name, value)
        site.build()
    graphql = GraphQL(free_port())
    address = ("-h", "127.0.0.1", "-p", str(graphql.port))
    with program(site.folder, site.environment, "dagster_webserver", *address):
        within(READY_SECONDS, "webserver", graphql.is_ready)
        both = [key for name in HEALTHY for key in site.keys(name)]
        whole_range = graphql.launch(["trained_models", "distributions"], both)
        forecasts_only = graphql.launch(["distributions"], site.keys(ALTERED))
        with program(site.folder, site.environment, "dagster._daemon", "run"):
            yield Launched(site, graphql, whole_range, forecasts_only)


def test_a_whole_range_is_one_run_a_commodity_with_metadata_for_each_partition(
    launched: Launched,
) -> None:
    site, graphql = launched.site, launched.graphql
    backfill = graphql.finished(launched.whole_range)
    assert (backfill.status, backfill.errors) == ("COMPLETED_SUCCESS", "")
    assert backfill.runs == [("SUCCESS", [name]) for name in HEALTHY]
    for name in HEALTHY:
        samples = graphql.metadata("trained_models", name, "sessions_before_training_date")
        assert once(samples) == site.samples_due(name)
        assert once(graphql.metadata("distributions", name, "rows_written")) == site.rows_due(name)


def test_the_tables_hold_one_active_model_and_every_forecast_of_each_window(
    launched: Launched,
) -> None:
    site = launched.site
    launched.graphql.finished(launched.whole_range)
    for name in HEALTHY:
        models = site.sql(
            "SELECT model_name, training_date, count(*), count(*) FILTER (is_active)"
            " FROM forecast.trained_models WHERE commodity = $name GROUP BY ALL",
            name=name,
        )
        assert sorted(models) == sorted((model, day, 1, 1) for model in MODELS for day in WINDOWS)
        forecasts = site.sql(
            "SELECT model_name, forecast_start_date, data_cutoff_date, training_date, count(*),"
            " count(DISTINCT path_id) FROM forecast.distributions WHERE commodity = $name"
            " GROUP BY ALL",
            name=name,
        )
        history = make_history(SESSIONS, SEEDS[name], name)
        assert sorted(forecasts) == sorted(
            (model, origin.start, origin.cutoff, window.training_date, PATHS + 1, PATHS + 1)
            for model in MODELS
            for window in site.windows(name)
            for origin in window.origins(history, FROM_DATA)
        )


def test_a_partition_that_fails_is_named_and_the_others_of_its_run_are_kept(
    launched: Launched,
) -> None:
    site, graphql = launched.site, launched.graphql
    backfill = graphql.finished(launched.forecasts_only)
    assert (backfill.status, backfill.runs) == ("COMPLETED_FAILED", [("FAILURE", [ALTERED])])
    failed = f"{ALTERED}|{ALTERED_WINDOW}"
    assert f"PayloadCorrupted: {ALTERED}_naive_{ALTERED_WINDOW}_v1.0" in backfill.errors
    kept = {key: due for key, due in site.rows_due(ALTERED).items() if key != failed}
    assert not [key for key in kept if key in backfill.errors]
    assert once(graphql.metadata("distributions", ALTERED, "rows_written")) == kept
    rows = site.sql(
        "SELECT commodity || '|' || training_date, [count(*)] FROM forecast.distributions"
        " WHERE commodity = $name AND NOT is_actuals GROUP BY commodity, training_date",
        name=ALTERED,
    )
    without_naive = [count // 2 for count in site.rows_due(ALTERED)[failed]]
    assert dict(rows) == kept | {failed: without_naive}


def test_the_catalog_counts_the_failed_partition_apart(launched: Launched) -> None:
    graphql, everything = launched.graphql, len(WINDOWS) * len(SEEDS)
    graphql.finished(launched.whole_range)
    graphql.finished(launched.forecasts_only)
    assert graphql.counts("trained_models") == (everything, 0)
    assert graphql.counts("distributions") == (everything - 1, 1)

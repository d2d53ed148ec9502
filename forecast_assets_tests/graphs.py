"""A graph over a configuration of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from dagster import AssetKey, DagsterInstance, Definitions, ExecuteInProcessResult

from forecast_assets.automation.due import Ledger
from forecast_assets.configuration.commodities import FredSource, YahooSource
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.market.features import read_features
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.sources import read_source
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.clock import now

ROOT = Path(__file__).parent.parent


QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


class Run(NamedTuple):
    """A job on one partition, or on the range from ``first`` to ``last``."""

    job: str
    first: str
    last: str | None = None
    config: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Graph:
    """A configuration with its graph, tables and Dagster instance."""

    settings: Settings
    instance: DagsterInstance

    @property
    def store(self) -> Store:
        """The tables."""
        return open_store(self.settings)

    @cached_property
    def definitions(self) -> Definitions:
        """The assets, jobs and sensors."""
        return build_definitions(self.settings)

    def run(
        self,
        job: str,
        first: str,
        last: str | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        raise_on_error: bool = True,
    ) -> ExecuteInProcessResult:
        """Execute a job on one partition, or on the range from ``first`` to ``last``."""
        asset = {
            "load_prices": "prices",
            "train": "trained_models",
            "forecast": "distributions",
            "score": "scores",
        }
        bounds = {
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last or first,
        }
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=None if last else first,
            tags=bounds if last else None,
            run_config={
                "ops": {asset[job]: {"config": dict(config)}} if config else {},
                "loggers": QUIET,
            },
            raise_on_error=raise_on_error,
        )


def catch_up(
    graph: Graph, assets: Sequence[str], first: str, last: str, **config: Any
) -> ExecuteInProcessResult:
    """Execute some assets on the range from ``first`` to ``last`` in one run.

    ``config``: that of each of the assets.
    """
    job = graph.definitions.resolve_job_def("catch_up")
    return job.execute_in_process(
        instance=graph.instance,
        tags={
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
        },
        asset_selection=[AssetKey(name) for name in assets],
        run_config={
            "ops": {name: {"config": config} for name in assets} if config else {},
            "loggers": QUIET,
        },
    )


def load(graph: Graph, name: str = "Coffee") -> None:
    """Have prices and covariates of a commodity in the tables as its files are, without a run."""
    settings, store = graph.settings, graph.store
    commodity = settings.commodity(name)
    meaning = Meaning.of(name, commodity)
    today = meaning.today(now())
    assert not isinstance(commodity.source, YahooSource | FredSource)
    observations = read_source(name, commodity.source, settings.folder, today, meaning)
    store.prices.write(observations, now(), "a test", scrutiny=settings.scrutiny)
    dates = store.prices.history(name).dates
    features = read_features(name, commodity, dates, settings.folder, today)
    store.features.write(features, now(), "a test")


MakeGraph = Callable[..., Graph]


def ledger(graph: Graph) -> Ledger:
    """What the tables hold of Coffee, version v1.0, to see what is due."""
    return Ledger(
        graph.store.prices.history("Coffee"),
        graph.store.models.find("Coffee", model_version="v1.0"),
        graph.store.paths.issued("Coffee", "v1.0"),
    )

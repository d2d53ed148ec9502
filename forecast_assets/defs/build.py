"""The graph of a configuration: its assets, checks, jobs, schedules, sensors and resources."""

import warnings
from typing import Any

from dagster import (
    AssetsDefinition,
    BetaWarning,
    ConfigurableResource,
    Definitions,
)

from forecast_assets.automation.listener import Listener, Nobody
from forecast_assets.configuration.sections import DeltaLake
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.assets.distributions import distributions_asset
from forecast_assets.defs.assets.features import features_asset
from forecast_assets.defs.assets.landed_files import landed_files_asset
from forecast_assets.defs.assets.leaderboard import leaderboard_asset
from forecast_assets.defs.assets.prices import prices_asset
from forecast_assets.defs.assets.published_distributions import published_distributions_asset
from forecast_assets.defs.assets.report import report_asset
from forecast_assets.defs.assets.scores import scores_asset
from forecast_assets.defs.assets.trained_models import trained_models_asset
from forecast_assets.defs.catalogue import catalogue_entry, catalogued
from forecast_assets.defs.checks import table_checks
from forecast_assets.defs.compaction import compact_job
from forecast_assets.defs.executors import executor_of
from forecast_assets.defs.io_managers import (
    FeatureIOManager,
    ModelIOManager,
    PathsIOManager,
    PriceIOManager,
    ScoreIOManager,
)
from forecast_assets.defs.jobs import JOBS
from forecast_assets.defs.partitioned import PartitionedIOManager
from forecast_assets.defs.partitions import Partitions
from forecast_assets.defs.progress import LogProgress, Progress
from forecast_assets.defs.pruning import prune_job
from forecast_assets.defs.record import record_check, record_spec
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.schedules import schedules
from forecast_assets.defs.sensors import sensors
from forecast_assets.defs.services import FredResource, YahooResource
from forecast_assets.evaluation.drawn_scores import DrawnScores
from forecast_assets.store.patience import Patience
from forecast_assets.store.saved_models import artifacts_of


def build_definitions(
    settings: Settings,
    progress: Progress | None = None,
    patience: Patience | None = None,
    listener: Listener | None = None,
) -> Definitions:
    """The graph of a configuration.

    ``progress``: shows long work; by default in the run's log. ``patience``: shared by all waiting
    for a locked file; by default each run has its own. ``listener``: receives each result; by
    default none does.
    """
    return Definitions(
        assets=[
            *(catalogued(settings, each) for each in assets(settings)),
            catalogue_entry(settings, record_spec(settings)),
        ],
        asset_checks=[*table_checks(settings), record_check(settings)],
        jobs=[
            *JOBS,
            prune_job(settings),
            *([compact_job(settings)] if isinstance(settings.store, DeltaLake) else []),
        ],
        schedules=schedules(settings),
        sensors=sensors(settings),
        executor=executor_of(settings),
        resources={
            "progress": progress or LogProgress(),
            "listener": listener or Nobody(),
            "drawn_scores": DrawnScores(),
            **live_sources(settings),
            **kept_by(StoreResource.of(settings, patience), settings),
        },
    )


def assets(settings: Settings) -> list[AssetsDefinition]:
    """The assets, in the order in which data flow through them."""
    partitions = Partitions(settings)
    with warnings.catch_warnings():
        # In Dagster backfill policies and partition mappings are beta; tests in pitfalls/ use them.
        warnings.simplefilter("ignore", BetaWarning)
        return [
            landed_files_asset(settings, partitions),
            prices_asset(settings, partitions),
            features_asset(settings, partitions),
            trained_models_asset(settings, partitions),
            distributions_asset(settings, partitions),
            scores_asset(settings, partitions),
            leaderboard_asset(settings),
            published_distributions_asset(settings),
            report_asset(settings),
        ]


def live_sources(settings: Settings) -> dict[str, ConfigurableResource[Any]]:
    """The live price services, by the names of their resources."""
    asked = settings.fetch.model_dump(
        include={"timeout_seconds", "attempts", "requests_per_minute"}
    )
    return {"yahoo": YahooResource(**asked), "fred": FredResource(**asked)}


def kept_by(
    store: StoreResource, settings: Settings
) -> dict[str, StoreResource | PartitionedIOManager]:
    """The store, and the IO managers that save partitions in it, by the names of the resources."""
    return {
        "store": store,
        "price_io_manager": PriceIOManager(store=store),
        "feature_io_manager": FeatureIOManager(store=store),
        "model_io_manager": ModelIOManager(
            store=store,
            artifacts=artifacts_of(settings),
            threshold_bytes=settings.artifacts.threshold_bytes,
        ),
        "paths_io_manager": PathsIOManager(store=store),
        "score_io_manager": ScoreIOManager(store=store),
    }

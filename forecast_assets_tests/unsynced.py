"""What Dagster's UI calls unsynced."""

from dagster import AssetKey, DagsterInstance
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions

ASSETS = ("prices", "features", "trained_models", "distributions", "scores")
WHOLE = ("landed_files", "leaderboard", "published_distributions", "report")


def unsynced(settings: Settings, dagster: DagsterInstance) -> dict[str, set[str]]:
    """The partitions, by asset, that the UI calls unsynced; assets without any are left out."""
    graph = build_definitions(settings).resolve_asset_graph()
    loading = LoadingContextForTest(dagster)
    resolver = CachingStaleStatusResolver(dagster, graph, loading)
    found: dict[str, set[str]] = {}
    for name in ASSETS:
        for key in graph.get(AssetKey(name)).partitions_def.get_partition_keys():  # type: ignore[union-attr]
            if resolver.get_status(AssetKey(name), key) == StaleStatus.STALE:
                found.setdefault(name, set()).add(key)
    for name in WHOLE:
        if resolver.get_status(AssetKey(name)) == StaleStatus.STALE:
            found[name] = {"whole"}
    return found

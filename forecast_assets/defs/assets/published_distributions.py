"""Of many forecasts of a date, those that downstream programs are given, for all commodities.

``commodity.forecast.publications`` says which model is published for each commodity and cutoff, and
why, by the rule of the configuration: a choice knows the outcomes known at its cutoff, no others.
The view ``commodity.forecast.published_distributions`` has the paths of these forecasts, with
``{model_name}_{model_version}`` as the version.
"""

from collections.abc import Sequence

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    DataVersion,
    MaterializeResult,
    ResourceParam,
    asset,
)

from forecast_assets.automation.listener import Listener
from forecast_assets.automation.renaming import departed, departures
from forecast_assets.automation.results import Published
from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.metadata import of_publications
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.evaluation.publishing import publications
from forecast_assets.evaluation.records import Publication, PublicationChanges
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.store.contract import Store
from forecast_assets.store.frames import frame
from forecast_assets.store.opening import ENGINE
from forecast_assets.timeline.clock import now


def published(settings: Settings, tables: Store, by: str) -> Published:
    """Write the publications of each commodity, and withdraw those of others.

    The others are commodities that are no longer in the configuration. A commodity that cannot be
    published becomes a failure; the rest are published.
    """
    version = settings.model_version
    changes: dict[str, PublicationChanges] = {}
    newest: dict[str, list[Publication]] = {}
    paths: dict[str, int] = {}
    failed: list[str] = []
    for name in settings.commodities:
        with boundary(name, failed):
            issued = tables.paths.issued(name, version)
            chosen = publications(settings, issued, frame(tables.scores.records(name, version)))
            newest[name] = [x for x in chosen if x.data_cutoff_date == chosen[-1].data_cutoff_date]
            changes[name] = tables.publications.replace(name, version, chosen, now(), by)
            paths[name] = published_paths(chosen, issued)
    for name in departed(settings, tables):
        with boundary(name, failed):
            newest[name] = []
            changes[name] = tables.publications.replace(name, version, [], now(), by)
    return Published(changes, newest, paths, departures(settings, tables), failed)


def published_paths(chosen: Sequence[Publication], issued: Sequence[IssuedForecast]) -> int:
    """The number of rows of publications in the view: the paths of each, and path 0."""
    drawn = {(each.data_cutoff_date, each.model_name): each.n_paths for each in issued}
    return sum(drawn[each.data_cutoff_date, each.model_name] + 1 for each in chosen)


def published_distributions_asset(settings: Settings) -> AssetsDefinition:
    """The asset ``published_distributions`` of a configuration."""

    @asset(
        name="published_distributions",
        deps=["scores", "distributions"],
        group_name="trust",
        kinds={ENGINE.lower()},
        description=__doc__,
    )
    def publish(
        context: AssetExecutionContext,
        store: StoreResource,
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> MaterializeResult[None]:
        with progress.during(context.log, "publish"):
            found = published(settings, store.tables(), context.run.run_id)
            for failure in found.failures:
                context.log.error("%s", failure)
            contents = DataVersion(store.tables().contents.publications())
        listener.hear(found)
        return MaterializeResult(metadata=of_publications(found), data_version=contents)

    return publish

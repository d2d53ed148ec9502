"""Of many forecasts of a date, those that downstream programs are given, for all commodities.

``commodity.forecast.publications`` says which model is published for each commodity and cutoff, and
why, by the rule of the configuration: a choice knows the outcomes known at its cutoff, no others.
The view ``commodity.forecast.published_distributions`` has the paths of these forecasts, with
``{model_name}_{model_version}`` as the version.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
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
from forecast_assets.defs.after_commit import AfterCommit
from forecast_assets.defs.metadata import of_publications
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.evaluation.outlook import Outlook, outlooks
from forecast_assets.evaluation.publishing import publications
from forecast_assets.evaluation.records import Numbers, Publication, PublicationChanges
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.store.contract import Store
from forecast_assets.store.frames import frame
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History

AT_ONCE = 100
"""The paths of so many forecasts are in memory at the same time."""


def published(settings: Settings, tables: Store, by: str, after: AfterCommit) -> Published:
    """Write the publications of each commodity, and withdraw those of others.

    The others are commodities that are no longer in the configuration. ``after``: the boundary for
    what is told of them. A commodity that cannot be
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
            due = tables.publications.lacking(name, version, chosen)
            said = numbers(tables, name, version, due, issued)
            paths[name] = published_paths(chosen, issued)
            changes[name] = tables.publications.replace(name, version, chosen, now(), by, said)
    for name in departed(settings, tables):
        with boundary(name, failed):
            newest[name] = []
            changes[name] = tables.publications.replace(name, version, [], now(), by)
    none: list[str] = []
    gone = after.attempt("publications", lambda: departures(settings, tables), none)
    return Published(changes, newest, paths, gone, failed)


def numbers(
    tables: Store,
    name: str,
    version: str,
    due: Sequence[Publication],
    issued: IssuedForecasts,
) -> Numbers:
    """The numbers of forecasts that are to be published, from their paths, some at a time."""
    asked = {(each.model_name, each.data_cutoff_date) for each in due}
    chosen = issued.only(np.array([key in asked for key in issued.keys], dtype=bool))
    history = tables.prices.history(name)
    found: dict[tuple[str, date], Sequence[Outlook]] = {}
    for alike in chosen.alike():
        for first in range(0, len(alike), AT_ONCE):
            some = alike[first : first + AT_ONCE]
            model_name, days = some[0].model_name, some.cutoffs.tolist()
            paths = tables.paths.drawn(name, model_name, version, days)
            closes = [close_of(each, history) for each in some]
            found |= dict(zip(some.keys, outlooks(paths, closes), strict=True))
    return found


def close_of(forecast: IssuedForecast, history: History) -> float:
    """The close that a forecast was drawn from; that of now where an older release kept none."""
    if forecast.cutoff_close is not None:
        return forecast.cutoff_close
    return float(history.known_at(forecast.data_cutoff_date).closes[-1])


def published_paths(chosen: Sequence[Publication], issued: IssuedForecasts) -> int:
    """The number of rows of publications in the view: the paths of each, and path 0."""
    drawn = dict(zip(issued.keys, issued.n_paths.tolist(), strict=True))
    return sum(drawn[each.model_name, each.data_cutoff_date] + 1 for each in chosen)


def published_distributions_asset(settings: Settings) -> AssetsDefinition:
    """The asset ``published_distributions`` of a configuration."""

    @asset(
        name="published_distributions",
        deps=["scores", "distributions"],
        pool=settings.store.pool,
        group_name="trust",
        kinds={settings.store.kind},
        description=__doc__,
    )
    def publish(
        context: AssetExecutionContext,
        store: StoreResource,
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> MaterializeResult[None]:
        after = AfterCommit(context.log, listener)
        with progress.during(context.log, "publish"):
            found = published(settings, store.tables(), context.run.run_id, after)
            for failure in found.failures:
                context.log.error("%s", failure)
            contents = after.attempt(
                "publications: their contents",
                lambda: DataVersion(store.tables().contents.publications()),
                None,
            )
        after.hear(found)
        metadata = after.metadata("publications: their metadata", lambda: of_publications(found))
        context.add_asset_metadata(metadata)
        return MaterializeResult(data_version=contents)

    return publish

"""The model version of a run: what it means, and what a run says about it."""

from datetime import UTC, datetime
from typing import Any

from dagster import AssetExecutionContext

from forecast_assets.automation.version_differences import version_lines
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.resources import StoreResource
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.clock import now


def version_of_run(
    context: AssetExecutionContext,
    settings: Settings,
    store: StoreResource,
    model_version: str | None = None,
    models: list[Any] | None = None,
    rewrite: str | None = None,
) -> PinnedVersion:
    """The version of a run as the tables have it; what differs from the configuration is logged.

    ``model_version``, ``models`` and ``rewrite``: those of the run's configuration, or None. Raises
    ConfigurationError, before anything is written, if the run has models of its own that differ
    from those of its version, or covariates are read in another way than its version uses them.
    """
    at, by = now(), context.run.run_id
    found = PinnedVersion.of(settings.of_run(model_version, models), store.tables())
    if found.version != settings.model_version:
        found.require_covariates(PinnedVersion.of(settings, store.tables()))
    if rewrite is not None and found.differences:
        return found.rewrite(rewrite, at, by)
    if models is not None:
        found.require_same()
    for line in version_lines(found, datetime.now(UTC)):
        context.log.warning("%s", line)
    return found.take_over(at, by)

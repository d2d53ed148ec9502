"""The windows of a run: which are asked for, under which version, and who writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dagster import AssetExecutionContext

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.partitions import Partitions, commodity_of
from forecast_assets.defs.past import is_of_other_code
from forecast_assets.defs.run_history import DUE
from forecast_assets.forecast.records import Written
from forecast_assets.forecast.training import require_session
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window


@dataclass(frozen=True)
class RunWindows:
    """The windows that a run of an asset is asked for.

    ``version``: of the models that are meant. ``training_date``: the day inside a window on which
    the run trains, if its configuration names one.
    """

    context: AssetExecutionContext
    partitions: Partitions
    version: str
    training_date: str | None = None

    @property
    def settings(self) -> Settings:
        """The configuration, whatever the run has of its own."""
        return self.partitions.settings

    def keys_of(self, commodity: str) -> list[str]:
        """The partition keys of a commodity, in order."""
        return sorted(key for key in self.context.partition_keys if commodity_of(key) == commodity)

    def of(self, key: str) -> Window:
        """The window of a key. Raises ConfigurationError for a training date that cannot be."""
        return self.partitions.window_of_run(key, self.training_date, self.version)

    def all_of(self, commodity: str) -> Mapping[str, Window]:
        """The windows of a commodity by key, in order."""
        return {key: self.of(key) for key in self.keys_of(commodity)}

    def anew(self, key: str) -> bool:
        """Whether all of a partition is to be made again, since other code made what it holds.

        Only somebody who launches a run by hand asks for that: a run of the plan makes what the
        tables lack, and rewrites no forecast because of a release.
        """
        context = self.context
        by_hand = DUE not in context.run.tags
        return by_hand and is_of_other_code(context.instance, context.asset_key, key)

    def require_session(self, history: History) -> None:
        """Raise NoSession where the first window of a commodity begins after what can be forecast.

        ``history``: of the commodity.
        """
        first = self.partitions.window_of(self.keys_of(history.commodity)[0])
        require_session(self.settings, first, history)

    def written(self, window: Window, at: datetime) -> Written:
        """The columns that all rows of a window share which this run writes."""
        by = self.context.run.run_id
        return Written(window.commodity, self.version, window.training_date, at, by)

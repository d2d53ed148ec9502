"""The windows of a run: which are asked for, under which version, and who writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dagster import AssetExecutionContext

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.partitions import Partitions, commodity_of
from forecast_assets.defs.past import other_code
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

    @property
    def renews(self) -> bool:
        """Whether the run makes again what another version of the code made.

        Only somebody who launches it by hand, for the version in use, asks for that: a run of the
        plan makes what the tables lack, and rewrites no forecast because of a release.
        """
        return DUE not in self.context.run.tags and self.version == self.settings.model_version

    def anew(self, key: str) -> bool:
        """Whether all of a partition is to be made again, since other code made what it holds."""
        return self.renews and self._other_code(key) is not None

    def code_kept(self, key: str) -> str | None:
        """The code version that a partition keeps, since the run leaves what other code made."""
        return None if self.renews else self._other_code(key)

    def _other_code(self, key: str) -> str | None:
        return other_code(self.context.instance, self.context.asset_key, key)

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

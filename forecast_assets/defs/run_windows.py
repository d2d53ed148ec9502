"""The windows of a run: which windows, under which model version, and the columns it writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

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
    """The windows that a run of an asset works on.

    ``version``: the model version to work for. ``training_date``: the day inside a window on which
    the run trains, if the run's configuration names one.
    """

    context: AssetExecutionContext
    partitions: Partitions
    version: str
    training_date: str | None = None

    @property
    def settings(self) -> Settings:
        """The configuration, without the options of the run."""
        return self.partitions.settings

    def keys_of(self, commodity: str) -> list[str]:
        """The partition keys of a commodity, in order."""
        return sorted(key for key in self.context.partition_keys if commodity_of(key) == commodity)

    def of(self, key: str) -> Window:
        """The window of a key. Raises ConfigurationError for an impossible training date."""
        return self.partitions.window_of_run(key, self.training_date, self.version)

    def all_of(self, commodity: str) -> Mapping[str, Window]:
        """The windows of a commodity by key, in order."""
        return {key: self.of(key) for key in self.keys_of(commodity)}

    def is_first(self, key: str) -> bool:
        """Whether a window is the first of its commodity in the run.

        It also mends what is wrong in other windows, such as sessions that moved, so the rest of a
        run reads of the tables only what is its own.
        """
        return key == self.keys_of(commodity_of(key))[0]

    def cutoffs(self, key: str, history: History) -> tuple[date, date] | None:
        """The cutoffs of which a window reads what the tables hold; None if it reads all."""
        if self.is_first(key):
            return None
        window = self.of(key)
        return window.cutoffs(history, self.settings.commodity(window.commodity).calendar)

    @property
    def renews(self) -> bool:
        """Whether the run makes partitions again that another version of the code has made.

        Only a run that a user launches by hand, for the model version in use, does so. A run of a
        plan only makes what the tables lack, so that a release does not rewrite forecasts.
        """
        return DUE not in self.context.run.tags and self.version == self.settings.model_version

    def anew(self, key: str) -> bool:
        """Whether all of a partition must be made again, because other code has made it."""
        return self.renews and self._other_code(key) is not None

    def code_kept(self, key: str) -> str | None:
        """The older code version that a partition keeps if the run does not make it again."""
        return None if self.renews else self._other_code(key)

    def _other_code(self, key: str) -> str | None:
        return other_code(self.context.instance, self.context.asset_key, key)

    def require_session(self, history: History) -> None:
        """Raise NoSession if the commodity's first window begins after all sessions to forecast.

        ``history``: that of the commodity.
        """
        first = self.partitions.window_of(self.keys_of(history.commodity)[0])
        require_session(self.settings, first, history)

    def written(self, window: Window, at: datetime) -> Written:
        """The columns that all rows share which this run writes for a window."""
        by = self.context.run.run_id
        return Written(window.commodity, self.version, window.training_date, at, by)

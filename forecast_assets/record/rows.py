"""The rows of one commodity, read once for all checks; paths are only counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from forecast_assets.configuration.settings import Settings
from forecast_assets.configuration.version_meaning import VersionMeaning
from forecast_assets.record.damage import FORECAST, MODEL
from forecast_assets.record.mending import Mending
from forecast_assets.store.contract import Condition, Reading, Store
from forecast_assets.store.frames import frame
from forecast_assets.store.past_histories import PastHistories
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.history import History


@dataclass(frozen=True, eq=False)
class ByModel:
    """Rows in order of model and cutoff, of which those of a few forecasts are found at once."""

    rows: pd.DataFrame

    @cached_property
    def _models(self) -> dict[tuple[str, str], tuple[pd.DataFrame, np.ndarray]]:
        return {
            (str(name), str(version)): (mine, mine.data_cutoff_date.to_numpy())
            for (name, version), mine in self.rows.groupby(MODEL)
        }

    def of(self, issued: pd.DataFrame) -> pd.DataFrame:
        """The rows from the first to the last cutoff of some forecasts of one model, in order."""
        first = issued.iloc[0]
        found = self._models.get((first.model_name, first.model_version))
        if found is None:
            return self.rows.iloc[:0]
        mine, cutoffs = found
        begin = np.searchsorted(cutoffs, issued.data_cutoff_date.to_numpy()[0], side="left")
        end = np.searchsorted(cutoffs, issued.data_cutoff_date.to_numpy()[-1], side="right")
        return mine.iloc[begin:end]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a commodity, while the tables are open.

    ``tables``: all tables at one moment, and ``store``: the store that they are of.
    """

    settings: Settings
    store: Store
    tables: Reading
    commodity: str

    def read(self, table: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The commodity's rows of a table such as ``forecast.scores``."""
        where: list[Condition] = [("commodity", "=", self.commodity)]
        return frame(self.tables.read(f"commodity.{table}", columns, where))

    @cached_property
    def horizon(self) -> int:
        """How many sessions ahead the stored forecasts have."""
        columns = self.tables.columns("commodity.forecast.distributions")
        return sum(name.startswith("day_") for name in columns)

    @cached_property
    def history(self) -> History:
        """The closes of now."""
        return self.store.prices.history(self.commodity)

    @cached_property
    def revisions(self) -> pd.DataFrame:
        """Prices with all their revisions, in order."""
        columns = ["date", "revision", "close", "ingested_at"]
        return self.read("market.price_revisions", columns).sort_values(["date", "revision"])

    @cached_property
    def past(self) -> PastHistories:
        """All that was ever known of closes and covariates."""
        return PastHistories.of(self.tables, self.commodity)

    @cached_property
    def models(self) -> pd.DataFrame:
        """Fitted models, in the order in which they were fitted."""
        return self.read("forecast.trained_models").sort_values("created_at", ignore_index=True)

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """The ledger of forecasts, in order of model and cutoff."""
        return self.read("forecast.forecasts").sort_values(FORECAST, ignore_index=True)

    @cached_property
    def superseded(self) -> pd.DataFrame:
        """Superseded forecasts, in order of forecast and revision."""
        rows = self.read("forecast.superseded_forecasts")
        return rows.sort_values([*FORECAST, "revision"], ignore_index=True)

    @cached_property
    def tally(self) -> pd.DataFrame:
        """Paths, counted."""
        return frame(self.store.paths.tally(self.commodity))

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Paths 0."""
        where: list[Condition] = [("commodity", "=", self.commodity), ("path_id", "=", 0)]
        days = [f"day_{session}" for session in range(1, self.horizon + 1)]
        columns = [*FORECAST, "generation_timestamp", *days]
        return frame(self.tables.read("commodity.forecast.distributions", columns, where))

    @cached_property
    def points(self) -> pd.DataFrame:
        """Point estimates, in order of forecast and session."""
        rows = self.read("forecast.point_estimates")
        return rows.sort_values([*FORECAST, "day_ahead"], ignore_index=True)

    @cached_property
    def points_by_model(self) -> ByModel:
        """The same, found by model."""
        return ByModel(self.points)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Scores by session."""
        return self.read("forecast.scores")

    @cached_property
    def path_scores(self) -> pd.DataFrame:
        """Scores of whole paths."""
        return self.read("forecast.path_scores")

    @cached_property
    def log(self) -> pd.DataFrame:
        """The publication log, in order of forecast and entry."""
        rows = self.read("forecast.publication_log")
        return rows.sort_values([*FORECAST, "entry"], ignore_index=True)

    @cached_property
    def outlooks(self) -> pd.DataFrame:
        """The numbers of the pages, in order of entry and session."""
        rows = self.read("forecast.published_outlooks")
        return rows.sort_values([*FORECAST, "entry", "day_ahead"], ignore_index=True)

    @cached_property
    def log_by_model(self) -> ByModel:
        """The entries that publish a forecast and say from which close, found by model."""
        return ByModel(self.log[self.log.is_published & self.log.cutoff_close.notna()])

    @cached_property
    def outlooks_by_model(self) -> ByModel:
        """The numbers of the pages, found by model."""
        return ByModel(self.outlooks)

    @cached_property
    def features(self) -> pd.DataFrame:
        """What was known of covariates."""
        return self.read("market.features")

    def meanings(self, version: str) -> list[VersionMeaning]:
        """All that a version has meant; without pins, what its models or the configuration say."""
        held = PinnedVersion.of(self.settings.of_run(version, None), self.store)
        if held.pins:
            return [pin.meaning for pin in held.pins]
        return [held.taken_over or VersionMeaning.of(held.configured)]

    def kept_since(self, schema: int) -> pd.Timestamp:
        """Since when the tables have a schema, and what is kept from it on."""
        return kept_since(self.tables, schema)

    @cached_property
    def mending(self) -> Mending:
        """What mends these rows."""
        windows = []
        if self.commodity in self.settings.commodities:
            windows = self.settings.windows.of(self.commodity)
        sessions = frozenset(self.history.dates.tolist())
        return Mending(self.settings, self.commodity, self.models, self.ledger, sessions, windows)


def kept_since(tables: Reading, schema: int) -> pd.Timestamp:
    """Since when tables have had a schema; the end of time if they never had.

    Tables that were made with it, and not upgraded, have had it since the beginning of time.
    """
    read = tables.read("commodity.market.schema_versions")
    found = [row for row in read.to_pylist() if row["schema_version"] >= schema]
    if any(row["backup"] is None for row in found):
        return pd.Timestamp.min
    return pd.Timestamp(min(row["since"] for row in found)) if found else pd.Timestamp.max


def numbers_at(rows: pd.DataFrame, keys: pd.MultiIndex, columns: Sequence[str]) -> np.ndarray:
    """Columns of the rows with these keys, NaN where there is none: (n_keys, n_columns).

    ``keys``: an index whose names are columns of ``rows``; the first row of a key counts.
    """
    known = rows.drop_duplicates(list(keys.names)).set_index(list(keys.names))
    found: np.ndarray = known[list(columns)].reindex(keys).to_numpy(dtype=np.float64)
    return found

"""The embedded store: every table in one DuckDB file."""

from functools import cached_property
from pathlib import Path

from forecast_assets.configuration import Settings
from forecast_assets.store import failure_table, feature_table, model_table, path_table, price_table
from forecast_assets.store.database import Database
from forecast_assets.store.failure_table import DuckDBFailureTable
from forecast_assets.store.feature_table import DuckDBFeatureTable
from forecast_assets.store.model_table import DuckDBModelTable
from forecast_assets.store.path_table import DuckDBPathTable
from forecast_assets.store.price_table import DuckDBPriceTable


class DuckDBStore:
    """``Store`` over a DuckDB file, named after its catalog: ``commodity.duckdb``."""

    def __init__(
        self, path: Path, horizon: int, memory_limit: str, lock_timeout_seconds: float
    ) -> None:
        self.horizon = horizon
        self.database = Database(
            path,
            (
                *price_table.DEFINITIONS,
                *feature_table.DEFINITIONS,
                *model_table.DEFINITIONS,
                *path_table.definitions(horizon),
                *failure_table.DEFINITIONS,
            ),
            memory_limit,
            lock_timeout_seconds,
        )

    @classmethod
    def of(cls, settings: Settings) -> "DuckDBStore":
        """The store that a configuration describes."""
        return cls(
            settings.database_path,
            settings.horizon,
            settings.database.memory_limit,
            settings.database.lock_timeout_seconds,
        )

    @cached_property
    def prices(self) -> DuckDBPriceTable:
        """``commodity.market.prices``."""
        return DuckDBPriceTable(self.database)

    @cached_property
    def features(self) -> DuckDBFeatureTable:
        """``commodity.market.features``."""
        return DuckDBFeatureTable(self.database)

    @cached_property
    def models(self) -> DuckDBModelTable:
        """``commodity.forecast.trained_models``."""
        return DuckDBModelTable(self.database)

    @cached_property
    def paths(self) -> DuckDBPathTable:
        """``commodity.forecast.distributions``."""
        return DuckDBPathTable(self.database, self.horizon)

    @cached_property
    def failures(self) -> DuckDBFailureTable:
        """``commodity.forecast.failures``."""
        return DuckDBFailureTable(self.database)

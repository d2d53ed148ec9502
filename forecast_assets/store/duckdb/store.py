"""The store of DuckDB: all tables in one file."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from forecast_assets.configuration.settings import Settings
from forecast_assets.store.duckdb.commodity_names import DuckDBCommodityNames
from forecast_assets.store.duckdb.contents_view import DuckDBContentsView
from forecast_assets.store.duckdb.database import Database
from forecast_assets.store.duckdb.definitions import definitions
from forecast_assets.store.duckdb.failure_table import DuckDBFailureTable
from forecast_assets.store.duckdb.feature_table import DuckDBFeatureTable
from forecast_assets.store.duckdb.held_table import DuckDBHeldTable
from forecast_assets.store.duckdb.integrity_view import DuckDBIntegrityView
from forecast_assets.store.duckdb.landing_table import DuckDBLandingTable
from forecast_assets.store.duckdb.leaderboard_table import DuckDBLeaderboardTable
from forecast_assets.store.duckdb.mark_table import DuckDBMarkTable
from forecast_assets.store.duckdb.model_table import DuckDBModelTable
from forecast_assets.store.duckdb.names import catalog_of
from forecast_assets.store.duckdb.path_table import DuckDBPathTable
from forecast_assets.store.duckdb.pin_table import DuckDBPinTable
from forecast_assets.store.duckdb.price_table import DuckDBPriceTable
from forecast_assets.store.duckdb.publication_table import DuckDBPublicationTable
from forecast_assets.store.duckdb.reading import DuckDBReading
from forecast_assets.store.duckdb.score_table import DuckDBScoreTable
from forecast_assets.store.duckdb.snapshot import snapshot
from forecast_assets.store.duckdb.version_view import DuckDBVersionView
from forecast_assets.store.patience import Patience, Told


class DuckDBStore:
    """The ``Store`` in a DuckDB file; the file's name, ``commodity``, is the catalog of tables."""

    def __init__(
        self,
        path: Path,
        horizon: int,
        memory_limit: str,
        lock_timeout_seconds: float,
        patience: Patience | None = None,
        told: Told | None = None,
    ) -> None:
        self.horizon = horizon
        self.database = Database(
            path,
            definitions(horizon, catalog_of(path)),
            memory_limit,
            patience or Patience(lock_timeout_seconds),
            told,
        )

    @classmethod
    def of(cls, settings: Settings, patience: Patience | None = None) -> "DuckDBStore":
        """The store of a configuration; ``patience``: shared by all waits, if it is given."""
        return cls(
            settings.database_path,
            settings.horizon,
            settings.database.memory_limit,
            settings.database.lock_timeout_seconds,
            patience,
        )

    @contextmanager
    def reading(self) -> Iterator[DuckDBReading]:
        """All tables as they are at one moment; tables that do not exist yet are empty."""
        with self.database.reading() as connection:
            yield DuckDBReading(connection, self.database.path)

    def token(self) -> str:
        """A text that is different whenever the tables may have changed."""
        return self.database.token()

    def require_free(self) -> None:
        """Raise StoreLocked if another program keeps the tables from being written."""
        self.database.require_free()

    def copy_to(self, target: Path) -> int:
        """Replace the copy for programs that only read; return its size in bytes."""
        return snapshot(self.database, target)

    @cached_property
    def prices(self) -> DuckDBPriceTable:
        """``commodity.market.prices``."""
        return DuckDBPriceTable(self.database)

    @cached_property
    def landings(self) -> DuckDBLandingTable:
        """``commodity.market.landings``."""
        return DuckDBLandingTable(self.database)

    @cached_property
    def held(self) -> DuckDBHeldTable:
        """``commodity.market.held_prices`` and ``price_words``."""
        return DuckDBHeldTable(self.database)

    @cached_property
    def features(self) -> DuckDBFeatureTable:
        """``commodity.market.features``."""
        return DuckDBFeatureTable(self.database)

    @cached_property
    def pins(self) -> DuckDBPinTable:
        """``commodity.forecast.versions``."""
        return DuckDBPinTable(self.database)

    @cached_property
    def models(self) -> DuckDBModelTable:
        """``commodity.forecast.trained_models``."""
        return DuckDBModelTable(self.database)

    @cached_property
    def paths(self) -> DuckDBPathTable:
        """``commodity.forecast.distributions``."""
        return DuckDBPathTable(self.database, self.horizon)

    @cached_property
    def scores(self) -> DuckDBScoreTable:
        """``commodity.forecast.scores`` and ``path_scores``."""
        return DuckDBScoreTable(self.database, self.horizon)

    @cached_property
    def versions(self) -> DuckDBVersionView:
        """What each model version has in a window."""
        return DuckDBVersionView(self.database)

    @cached_property
    def contents(self) -> DuckDBContentsView:
        """Fingerprints of what the tables hold."""
        return DuckDBContentsView(self.database)

    @cached_property
    def integrity(self) -> DuckDBIntegrityView:
        """What breaks the declarations of the tables."""
        return DuckDBIntegrityView(self.database, self.horizon)

    @cached_property
    def leaderboard(self) -> DuckDBLeaderboardTable:
        """``commodity.forecast.leaderboard``."""
        return DuckDBLeaderboardTable(self.database)

    @cached_property
    def publications(self) -> DuckDBPublicationTable:
        """``commodity.forecast.publications``."""
        return DuckDBPublicationTable(self.database)

    @cached_property
    def failures(self) -> DuckDBFailureTable:
        """``commodity.forecast.failures``."""
        return DuckDBFailureTable(self.database)

    @cached_property
    def marks(self) -> DuckDBMarkTable:
        """``commodity.market.marks``."""
        return DuckDBMarkTable(self.database)

    @cached_property
    def names(self) -> DuckDBCommodityNames:
        """The names of commodities in all tables."""
        return DuckDBCommodityNames(self.database)

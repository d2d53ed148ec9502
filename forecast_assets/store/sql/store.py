"""The tables of a store that any connection of DuckDB reads and writes."""

from functools import cached_property

from forecast_assets.store.sql.commodity_names import DuckDBCommodityNames
from forecast_assets.store.sql.contents_view import DuckDBContentsView
from forecast_assets.store.sql.database import Database
from forecast_assets.store.sql.failure_table import DuckDBFailureTable
from forecast_assets.store.sql.feature_table import DuckDBFeatureTable
from forecast_assets.store.sql.held_table import DuckDBHeldTable
from forecast_assets.store.sql.integrity_view import DuckDBIntegrityView
from forecast_assets.store.sql.landing_table import DuckDBLandingTable
from forecast_assets.store.sql.leaderboard_table import DuckDBLeaderboardTable
from forecast_assets.store.sql.mark_table import DuckDBMarkTable
from forecast_assets.store.sql.model_table import DuckDBModelTable
from forecast_assets.store.sql.moved_rows import DuckDBMovedRows
from forecast_assets.store.sql.path_table import DuckDBPathTable
from forecast_assets.store.sql.pin_table import DuckDBPinTable
from forecast_assets.store.sql.price_table import DuckDBPriceTable
from forecast_assets.store.sql.publication_table import DuckDBPublicationTable
from forecast_assets.store.sql.score_table import DuckDBScoreTable
from forecast_assets.store.sql.version_view import DuckDBVersionView


class SqlStore:
    """What all engines have whose tables are read and written by SQL."""

    def __init__(self, database: Database, horizon: int) -> None:
        self._tables = database
        self.horizon = horizon

    @cached_property
    def prices(self) -> DuckDBPriceTable:
        """``commodity.market.prices``."""
        return DuckDBPriceTable(self._tables)

    @cached_property
    def landings(self) -> DuckDBLandingTable:
        """``commodity.market.landings``."""
        return DuckDBLandingTable(self._tables)

    @cached_property
    def held(self) -> DuckDBHeldTable:
        """``commodity.market.held_prices`` and ``price_words``."""
        return DuckDBHeldTable(self._tables)

    @cached_property
    def features(self) -> DuckDBFeatureTable:
        """``commodity.market.features``."""
        return DuckDBFeatureTable(self._tables)

    @cached_property
    def pins(self) -> DuckDBPinTable:
        """``commodity.forecast.versions``."""
        return DuckDBPinTable(self._tables)

    @cached_property
    def models(self) -> DuckDBModelTable:
        """``commodity.forecast.trained_models``."""
        return DuckDBModelTable(self._tables)

    @cached_property
    def paths(self) -> DuckDBPathTable:
        """``commodity.forecast.distributions``."""
        return DuckDBPathTable(self._tables, self.horizon)

    @cached_property
    def scores(self) -> DuckDBScoreTable:
        """``commodity.forecast.scores`` and ``path_scores``."""
        return DuckDBScoreTable(self._tables, self.horizon)

    @cached_property
    def versions(self) -> DuckDBVersionView:
        """What each model version has in a window."""
        return DuckDBVersionView(self._tables)

    @cached_property
    def contents(self) -> DuckDBContentsView:
        """Fingerprints of what the tables hold."""
        return DuckDBContentsView(self._tables)

    @cached_property
    def integrity(self) -> DuckDBIntegrityView:
        """What breaks the declarations of the tables."""
        return DuckDBIntegrityView(self._tables, self.horizon)

    @cached_property
    def moved(self) -> DuckDBMovedRows:
        """Rows that are taken over from other tables."""
        return DuckDBMovedRows(self._tables, self.horizon)

    @cached_property
    def leaderboard(self) -> DuckDBLeaderboardTable:
        """``commodity.forecast.leaderboard``."""
        return DuckDBLeaderboardTable(self._tables)

    @cached_property
    def publications(self) -> DuckDBPublicationTable:
        """``commodity.forecast.publications``."""
        return DuckDBPublicationTable(self._tables)

    @cached_property
    def failures(self) -> DuckDBFailureTable:
        """``commodity.forecast.failures``."""
        return DuckDBFailureTable(self._tables)

    @cached_property
    def marks(self) -> DuckDBMarkTable:
        """``commodity.market.marks``."""
        return DuckDBMarkTable(self._tables)

    @cached_property
    def names(self) -> DuckDBCommodityNames:
        """The names of commodities in all tables."""
        return DuckDBCommodityNames(self._tables)

"""The writes of the contract: which tables each changes, in the order of the commits.

``store/contract.py`` says why the order is this. An engine with transactions over all tables needs
none of it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from forecast_assets.store.tables import tables


@dataclass(frozen=True)
class Write:
    """The tables that a write changes, named without their catalog.

    ``records``: those that are committed first, such as those of what is replaced. ``tables``:
    those whose rows ``marker`` names. ``afterwards``: those that are committed last.

    ``commodities``: whose rows it changes; none if it changes rows of no commodity. ``cutoffs``:
    those of the forecasts that it changes, or may change; None for any. ``told``: the cutoffs of
    further forecasts of which it changes only path 0.
    """

    tables: tuple[str, ...]
    marker: str | None = None
    records: tuple[str, ...] = ()
    afterwards: tuple[str, ...] = ()
    commodities: tuple[str, ...] = ()
    cutoffs: frozenset[date] | None = None
    told: frozenset[date] = frozenset()

    @property
    def changed(self) -> tuple[str, ...]:
        """All tables that it changes."""
        marker = () if self.marker is None else (self.marker,)
        return (*self.records, *self.tables, *marker, *self.afterwards)

    def of(
        self,
        *commodities: str,
        cutoffs: Collection[date] | None = None,
        told: Collection[date] = (),
    ) -> "Write":
        """The same write for some commodities, and for the forecasts from some cutoffs."""
        days = None if cutoffs is None else frozenset(cutoffs)
        names = tuple(sorted(set(commodities)))
        return replace(self, commodities=names, cutoffs=days, told=frozenset(told))


PRICES = Write(("market.held_prices", "market.price_words", "market.price_revisions"))
LANDINGS = replace(PRICES, marker="market.landings")
WITHDRAWAL = Write(("market.price_words",), marker="market.price_revisions")
RETURN = Write((), marker="market.price_revisions", afterwards=("market.price_words",))
ACCEPTANCE = Write(("market.price_words", "market.price_revisions", "market.held_prices"))
REFUSAL = Write(("market.price_words", "market.held_prices"))
WORDS = Write(("market.price_words",))
FEATURES = Write(("market.features", "market.covariates"), records=("market.superseded_features",))
PINS = Write(("forecast.versions",))
MODELS = Write(
    (),
    marker="forecast.trained_models",
    records=("forecast.versions",),
    afterwards=("forecast.failures",),
)
PATHS = Write(
    ("forecast.distributions", "forecast.point_estimates"),
    marker="forecast.forecasts",
    records=("forecast.superseded_forecasts", "forecast.superseded_point_forecasts"),
    afterwards=("forecast.expected_sessions", "forecast.failures"),
)
RESTORATION = Write(("forecast.distributions", "forecast.point_estimates"))
SCORES = Write(("forecast.path_scores",), marker="forecast.scores")
PUBLICATIONS = Write(("forecast.published_outlooks",), marker="forecast.publication_log")
LEADERBOARD = Write(("forecast.leaderboard",))
MARKS = Write(("market.marks",))
TOLD_BY = ("market.price_revisions", "forecast.trained_models", "forecast.forecasts")
"""The tables that tell which commodities are known."""

RENAMING = Write(
    tuple(
        f"{table.room}.{table.short_name}"
        for table in tables(horizon=1).values()
        if not table.view and f"{table.room}.{table.short_name}" not in TOLD_BY
    ),
    afterwards=TOLD_BY,
)

SHARED = Write(
    ("forecast.versions", "market.schema_versions"),
    afterwards=("market.marks",),
)
"""What belongs to no commodity, taken over from other tables before all else."""


@dataclass(frozen=True)
class Part:
    """A part of what is taken over of a commodity; ``by``: the table whose models divide it.

    Without ``by`` it is one write.
    """

    write: Write
    by: str | None = None


TAKEN_MODELS = Write((), marker="forecast.trained_models")
BEFORE_FORECASTS = (
    Part(
        Write(
            (
                "market.superseded_features",
                "market.features",
                "market.covariates",
                "market.held_prices",
                "market.price_words",
                "market.landings",
                "market.commodity_renames",
            ),
            marker="market.price_revisions",
        )
    ),
    Part(TAKEN_MODELS, by="forecast.trained_models"),
    Part(
        Write(("forecast.superseded_point_forecasts", "forecast.superseded_forecasts")),
        by="forecast.superseded_forecasts",
    ),
)
TAKEN_FORECASTS = replace(PATHS, records=(), afterwards=())
AFTER_FORECASTS = (
    Part(SCORES, by="forecast.scores"),
    Part(PUBLICATIONS, by="forecast.publication_log"),
    Part(Write(("forecast.expected_sessions", "forecast.failures"))),
)
"""All parts of a commodity, in the order in which they are taken over."""

MARKERS = tuple(
    dict.fromkeys(
        write.marker
        for write in (LANDINGS, WITHDRAWAL, MODELS, PATHS, SCORES, PUBLICATIONS)
        if write.marker is not None
    )
)
"""All tables that are markers of a write."""

"""Which rows of a table are seen by readers: those that a row of another table marks.

Rows that none marks are those of a write that goes on, or whose process was killed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

FORECAST = ("commodity", "model_name", "model_version", "data_cutoff_date")


@dataclass(frozen=True)
class Marked:
    """Which rows are seen: those that have a row in the table ``marker``.

    ``columns``: of these both rows have the same values; those that the marker calls otherwise are
    named as pairs. ``unless``: or those that have no such row. ``always``: rows that are seen
    anyway, as a condition of SQL.
    """

    marker: str
    columns: tuple[str | tuple[str, str], ...]
    unless: bool = False
    always: str | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The names of each column: of the rows, and of the marker."""
        return [each if isinstance(each, tuple) else (each, each) for each in self.columns]


MARKED: Mapping[str, Marked] = {
    "market.price_words": Marked(
        "market.price_revisions",
        ("commodity", "date", ("said_at", "ingested_at")),
        always="word <> 'withdrawn'",
    ),
    "market.superseded_features": Marked(
        "market.features", ("commodity", "date", "covariate", "created_at"), unless=True
    ),
    "forecast.distributions": Marked("forecast.forecasts", FORECAST),
    "forecast.point_estimates": Marked("forecast.forecasts", FORECAST),
    "forecast.superseded_forecasts": Marked(
        "forecast.forecasts", (*FORECAST, "issued_at"), unless=True
    ),
    "forecast.superseded_point_forecasts": Marked(
        "forecast.superseded_forecasts", (*FORECAST, "revision")
    ),
    "forecast.path_scores": Marked("forecast.scores", FORECAST),
    "forecast.published_outlooks": Marked("forecast.publication_log", (*FORECAST, "entry")),
}
"""What marks the rows of each table that needs marks; after those that mark it."""

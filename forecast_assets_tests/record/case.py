"""A damage to be done by hand, and what is to be found of it."""

# ruff: noqa: S608 - the statements are of names in this file

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.record.mending import BACKUP
from forecast_assets_tests.histories import make_history, with_features

COFFEE = with_features(make_history(560), ("rain",))

SESSIONS = [day.isoformat() for day in COFFEE.dates.tolist()]
"""Day 523 is the cutoff of the first forecast, and day 559 that of the newest."""

FIRST, NEWEST = SESSIONS.index("2019-12-31"), len(SESSIONS) - 1

RUN = "forecast run --commodity Coffee"
TRAIN = f"{RUN} --from 2020-01-01 --to 2020-01-01"

RESTORED = "forecast redraw Coffee --model naive --model-version v1.0 --restore"

Key = tuple[str, str, str, date | None, str]
"""Kind, table, model and day of a damage, and what mends it."""

PATHS, POINTS, LEDGER = "forecast.distributions", "forecast.point_estimates", "forecast.forecasts"
MODELS, LOG = "forecast.trained_models", "forecast.publication_log"
SCORES, PATH_SCORES = "forecast.scores", "forecast.path_scores"
NUMBERS, OLD = "forecast.published_outlooks", "forecast.superseded_forecasts"
OLD_POINTS = "forecast.superseded_point_forecasts"
REVISIONS, FEATURES = "market.price_revisions", "market.features"
BOARD = "forecast.leaderboard"

TABLES = (
    *(PATHS, POINTS, LEDGER, MODELS, LOG, SCORES, PATH_SCORES, NUMBERS, OLD, OLD_POINTS),
    *(REVISIONS, FEATURES, BOARD),
)


TRAINED = date(2020, 1, 1)


def at(place: int) -> date:
    """The session of a place, counted from the first cutoff, or from the newest if negative."""
    return date.fromisoformat(SESSIONS[FIRST + place if place >= 0 else place])


@dataclass(frozen=True)
class Case:
    """One damage: statements in SQL, and all that is found of it.

    ``found``: kind and table of each, about the model and ``day``; ``mended_by``: what mends all.
    """

    name: str
    sql: str
    found: Sequence[tuple[str, str]]
    day: date | None = None
    model: str = "naive"
    mended_by: str = BACKUP
    also: Sequence[Key] = ()

    @property
    def keys(self) -> list[Key]:
        """What is to be found; ``also``: what else it does to other rows."""
        mine = [
            (kind, f"commodity.{table}", self.model, self.day, self.mended_by)
            for kind, table in self.found
        ]
        return [*mine, *self.also]


def case(
    name: str, place: int, sql: str, *found: tuple[str, str], model: str = "naive", mend: str = ""
) -> Case:
    """Damage to the forecast from the session of a place."""
    mine = f"model_name = '{model}' AND data_cutoff_date = '{at(place)}'"
    drawn = all(table in (PATHS, POINTS) for _, table in found)
    way = mend or (RESTORED if drawn else BACKUP)
    return Case(name, sql.format(mine=mine), found, at(place), model, way)


def update(table: str, change: str, more: str = "TRUE") -> str:
    return f"UPDATE {table} SET {change} WHERE {{mine}} AND {more};"


def delete(table: str, more: str = "TRUE") -> str:
    return f"DELETE FROM {table} WHERE {{mine}} AND {more};"


def twice(table: str, more: str = "TRUE") -> str:
    return f"INSERT INTO {table} FROM {table} WHERE {{mine}} AND {more};"

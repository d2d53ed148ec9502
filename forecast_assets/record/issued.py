"""Forecasts in the ledger: what they were made from, and that they knew nothing of the future."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from forecast_assets.record.damage import FORECAST, Damage, damages, without
from forecast_assets.record.mending import BACKUP
from forecast_assets.record.past_closes import PastCloses, prints_of
from forecast_assets.record.rows import Rows
from forecast_assets.timeline.history import History

LEDGER, SUPERSEDED = "forecast.forecasts", "forecast.superseded_forecasts"

MADE_BY = ["model_id", "payload_sha256"]

COVARIATES = '"features":"'
"""What the options of a model have in them that uses covariates, or a member of it does."""


def of_ledger(rows: Rows) -> list[Damage]:
    """What is wrong with the rows of the ledger themselves."""
    return _made(rows, rows.ledger, LEDGER)


def of_superseded(rows: Rows) -> list[Damage]:
    """The same for superseded forecasts, and what is wrong with their revisions and points."""
    old = rows.superseded
    forecasts = old.groupby(FORECAST)
    gaps = old[old.revision != forecasts.cumcount() + 1]
    following = forecasts.generation_timestamp.shift(-1)
    early = old[(old.superseded_at < old.generation_timestamp) | (following < old.superseded_at)]
    kinds = {
        "gap in revisions": (gaps, "revisions are not 1, 2, 3 and so on"),
        "superseded before it was drawn": (early, "it was replaced before it was drawn"),
    }
    told = [
        each
        for kind, (some, found) in kinds.items()
        for each in damages(kind, SUPERSEDED, rows.commodity, some, found, BACKUP)
    ]
    return [*_made(rows, old, SUPERSEDED), *told, *_old_points(rows)]


def _old_points(rows: Rows) -> list[Damage]:
    """Superseded forecasts whose point forecasts are not all there."""
    table, key = "forecast.superseded_point_forecasts", [*FORECAST, "revision"]
    points = rows.read(table, [*key, "day_ahead"])
    counted = points.groupby(key, as_index=False).day_ahead.agg(["count", "min", "max"])
    both = rows.superseded[key].merge(counted, how="outer", on=key, indicator="there")
    whole = both[["count", "min", "max"]].eq([rows.horizon, 1, rows.horizon]).all(axis=1)
    lost = both[~whole | (both["there"] != "both")]
    found = f"the {rows.horizon} point forecasts of a superseded forecast are not there once each"
    return damages("superseded points", table, rows.commodity, lost, found, BACKUP)


def _made(rows: Rows, forecasts: pd.DataFrame, table: str) -> list[Damage]:
    """What is wrong with what forecasts were made from: names, model, and history."""
    name = f"{rows.commodity}_" + forecasts.model_name + "_"
    day = forecasts.training_date.dt.strftime("%Y-%m-%d")
    is_own = forecasts.model_id == name + day + "_" + forecasts.model_version
    early = (forecasts.data_cutoff_date >= forecasts.forecast_start_date) | (
        forecasts.training_date > forecasts.forecast_start_date
    )
    lost = without(forecasts[is_own], rows.models, MADE_BY)

    def trained(row: Any) -> str:
        active = rows.models[rows.models.is_active]
        return BACKUP if row.model_id in set(active.model_id) else rows.mending.training(row)

    def told(kind: str, some: pd.DataFrame, found: str, mended: Any = BACKUP) -> list[Damage]:
        return damages(kind, table, rows.commodity, some, found, mended)

    return [
        *told(
            "forecast of other names",
            forecasts[~is_own],
            "model_id is not that of model and training date",
        ),
        *told(
            "look-ahead",
            forecasts[early],
            "it starts before its cutoff or its training date",
            lambda row: rows.mending.run(row.model_version),
        ),
        *told("unknown model", lost, "no row of trained_models has its payload", trained),
        *told(
            "other history",
            _of_other_history(rows, forecasts, covariates=table == LEDGER),
            "the prices known when it was drawn are not those that it says it was drawn from",
        ),
    ]


def _of_other_history(rows: Rows, forecasts: pd.DataFrame, *, covariates: bool) -> pd.DataFrame:
    """The forecasts whose fingerprint is not that of the prices known when they were drawn.

    Only the newest values of covariates are kept. So a forecast that used some is compared only if
    none was written since, and, without ``covariates``, not at all.
    """
    past = PastCloses.of(rows.commodity, rows.revisions)
    uses = rows.models[rows.models.options.str.contains(COVARIATES, regex=False)].model_id
    with_some = forecasts.model_id.isin(uses)
    wrong = []
    for moment, mine in forecasts.groupby("generation_timestamp"):
        history = past.at(np.datetime64(moment, "us"))
        prints = prints_of(history, mine.data_cutoff_date.dt.date)
        known = mine.data_cutoff_date.dt.date.map(prints)
        unlike = mine[known != mine.history_fingerprint]
        if len(unlike):
            plain = unlike[~with_some[unlike.index]]
            others = unlike[with_some[unlike.index]] if covariates else unlike.iloc[:0]
            wrong += [plain, *_unlike(rows, history, others, pd.Timestamp(moment))]
    return pd.concat(wrong) if wrong else forecasts.iloc[:0]


def _unlike(
    rows: Rows, history: History, forecasts: pd.DataFrame, moment: pd.Timestamp
) -> list[pd.DataFrame]:
    """Of forecasts with covariates, those that differ from what the tables had at a moment."""
    found = []
    for name, mine in forecasts.groupby("model_name"):
        prints = _with_covariates(rows, history, str(name), mine.data_cutoff_date.max(), moment)
        if prints is not None:
            known = mine.data_cutoff_date.dt.date.map(prints)
            found.append(mine[known != mine.history_fingerprint])
    return found


def _with_covariates(
    rows: Rows, history: History, model_name: str, last: pd.Timestamp, moment: pd.Timestamp
) -> Mapping[date, str] | None:
    """Fingerprints with a model's covariates; None if the tables do not have those of then.

    Rows that were written since are of no use, nor is a session whose rows were deleted.
    """
    settings, known = rows.settings, history.known_at(last.date())
    if model_name not in settings.models:
        return None
    view = rows.store.features.read(known)
    offered = settings.covariates_of(settings.models[model_name], view.feature_names)
    seen = rows.features[rows.features.covariate.isin(offered) & (rows.features.date <= last)]
    there = np.isin(seen.date.to_numpy().astype("datetime64[D]"), known.dates).sum()
    if there != len(known) * len(offered) or (seen.created_at > moment).any():
        return None
    chosen = view.select(offered)
    return dict(zip(chosen.dates.tolist(), chosen.fingerprints, strict=True))

"""Forecasts in the ledger: what they were made from, and that they knew nothing of the future."""

from dataclasses import replace
from typing import Any

import pandas as pd

from forecast_assets.configuration.version_meaning import sets_in
from forecast_assets.forecast.records import OF_PREDECESSOR, PREDECESSOR
from forecast_assets.record.damage import FORECAST, Damage, damages, without
from forecast_assets.record.fingerprints import prints_of
from forecast_assets.record.mending import BACKUP
from forecast_assets.record.rows import Rows
from forecast_assets.timeline.history import History

LEDGER, SUPERSEDED = "forecast.forecasts", "forecast.superseded_forecasts"

MADE_BY = ["model_id", "payload_sha256"]

COVARIATES_KEPT = 4
"""The schema from which on it is kept what covariates have been."""

COVARIATES = '"features":"'
"""What the options of a model have in them that uses covariates, or a member of it does."""

OTHER_HISTORY = "other history"
"""The damage of a forecast whose prices or covariates of then are not what they were."""


def of_ledger(rows: Rows) -> list[Damage]:
    """What is wrong with the rows of the ledger themselves."""
    return _made(rows, rows.ledger, LEDGER)


def is_of_predecessor(forecasts: pd.DataFrame) -> "pd.Series[bool]":
    """Which forecasts are another system's, of which neither model nor history is known."""
    return (
        forecasts.model_version.str.startswith(OF_PREDECESSOR)
        & (forecasts.payload_sha256 == PREDECESSOR)
        & (forecasts.history_fingerprint == PREDECESSOR)
    )


def of_superseded(rows: Rows) -> list[Damage]:
    """The same for superseded forecasts, and what is wrong with their revisions and points."""
    old = rows.superseded
    forecasts = old.groupby(FORECAST)
    gaps = old[old.revision != forecasts.cumcount() + 1]
    after = old.merge(rows.ledger[[*FORECAST, "issued_at"]], how="left", on=FORECAST)
    following = forecasts.issued_at.shift(-1).fillna(after.issued_at_y)
    early = old[(old.superseded_at < old.issued_at) | (following < old.superseded_at)]
    kinds = {
        "gap in revisions": (gaps, "revisions are not 1, 2, 3 and so on"),
        "superseded before it was issued": (early, "it was replaced before it was issued"),
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
    ours = forecasts[~is_of_predecessor(forecasts)]
    lost = without(ours[is_own[ours.index]], rows.models, MADE_BY)

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
            OTHER_HISTORY,
            of_other_history(rows, ours),
            "what was known when it was drawn is not what it says it was drawn from",
        ),
    ]


def uses_covariates(rows: Rows) -> set[str]:
    """The ids of the models that use covariates."""
    options = rows.models.options.str
    return set(rows.models[options.contains(COVARIATES, regex=False)].model_id)


def of_other_history(rows: Rows, forecasts: pd.DataFrame) -> pd.DataFrame:
    """The forecasts whose fingerprint is not that of the history known when they were drawn.

    One that used covariates is left out if its model is not configured any more, or if it was drawn
    by a release that did not keep what covariates had been.
    """
    with_some = forecasts.model_id.isin(uses_covariates(rows))
    wrong = []
    for moment, mine in forecasts.groupby("generation_timestamp"):
        history = rows.past.at(pd.Timestamp(moment))
        unlike = _unlike(rows, history.select(()), mine)
        plain, others = unlike[~with_some[unlike.index]], unlike[with_some[unlike.index]]
        wrong.append(plain)
        if pd.Timestamp(moment) >= rows.kept_since(COVARIATES_KEPT):
            wrong += [_of_model(rows, history, str(n), x) for n, x in others.groupby("model_name")]
    return pd.concat(wrong) if wrong else forecasts


def _of_model(
    rows: Rows, history: History, model_name: str, forecasts: pd.DataFrame
) -> pd.DataFrame:
    """Of a model's forecasts, those that were drawn from no history with covariates of its own.

    Its covariates are those of any meaning that its version has had.
    """
    unlike = []
    for version, mine in forecasts.groupby("model_version"):
        left, offers = mine, offered(rows, model_name, str(version))
        for names in offers:
            there = tuple(name for name in names if name in history.feature_names)
            left = left if left.empty else _unlike(rows, history.select(there), left)
        unlike.append(left if offers else mine.iloc[:0])
    return pd.concat(unlike)


def offered(rows: Rows, model_name: str, version: str) -> set[tuple[str, ...]]:
    """The covariates that a model of a version has been offered, by each of its meanings."""
    found = set()
    for meaning in rows.meanings(version):
        options = meaning.models.get(model_name)
        if options is not None:
            sets = [meaning.feature_sets[name] for name in sets_in(options)]
            found.add(tuple(sorted({covariate for each in sets for covariate in each})))
    return found


def _unlike(rows: Rows, history: History, forecasts: pd.DataFrame) -> pd.DataFrame:
    """The forecasts, all of one moment, whose fingerprint is not that of a history.

    A fingerprint covers the commodity's name, of now or of then.
    """
    cutoffs = forecasts.data_cutoff_date.dt.date
    unlike = forecasts[cutoffs.map(prints_of(history, cutoffs)) != forecasts.history_fingerprint]
    then = rows.past.name_at(forecasts.generation_timestamp.iloc[0])
    if unlike.empty or then == history.commodity:
        return unlike
    return _unlike(rows, replace(history, commodity=then), unlike)

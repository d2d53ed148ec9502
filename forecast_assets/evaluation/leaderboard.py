"""The leaderboard: the ranking of models, for each commodity and over all of them."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from forecast_assets.boundary import boundary
from forecast_assets.evaluation.evaluation import (
    Tolerance,
    diebold_mariano,
    non_overlapping,
    standings,
    verdicts,
)
from forecast_assets.evaluation.scoring import ALWAYS_DEFINED as ALWAYS_DEFINED_A_SESSION
from forecast_assets.models.naive import Naive

ALL = "(all)"
"""Stands for all commodities; a commodity's name cannot have a parenthesis."""

MEANS = (
    "crps",
    "absolute_error",
    "squared_error",
    "absolute_percentage_error",
    "pinball_loss",
    "log_score",
    "width_80",
    "width_95",
    "energy_score",
    "variogram_score",
    "directional_accuracy",
)
"""The scores of whole paths that are averaged over forecasts."""

ALWAYS_DEFINED = (*ALWAYS_DEFINED_A_SESSION, "energy_score", "variogram_score")
"""Those of them that are defined unless the numbers are too large to be computed with."""

WITHOUT_UNIT = ("absolute_percentage_error", "directional_accuracy")
"""The means that are also averaged over commodities, since they have no unit."""

Records = Mapping[tuple[str, str], pd.DataFrame]
"""Records (see ``evaluation``) by commodity and model version."""


def leaderboard(
    records: Records, training: pd.DataFrame, tolerance: Tolerance, failures: list[str]
) -> pd.DataFrame:
    """A row for each commodity, version and model, and a row over all commodities.

    ``training``: columns commodity, model_version, model_name, models_trained, training_seconds. If
    a commodity cannot be ranked, ``failures`` gets a line and the commodity has no row.
    """
    keys = ["commodity", "model_version", "model_name"]
    single = []
    ranked: dict[tuple[str, str], pd.DataFrame] = {}
    for (commodity, version), some in records.items():
        with boundary(commodity, failures):
            if len(some):
                rows = rows_of(some, tolerance)
                single.append(rows.assign(commodity=commodity, model_version=version))
                ranked[commodity, version] = some
    if not single:
        return pd.DataFrame()
    table = pd.concat(single).merge(training, how="left", on=keys)
    overall = [
        over_all(table[table.model_version == version], ranked, version)
        for version in sorted(set(table.model_version))
    ]
    rows = pd.concat([table, *overall], ignore_index=True)
    rows = rows.fillna({"models_trained": 0, "training_seconds": 0.0})
    rows["place"] = (
        rows.groupby(["commodity", "model_version"])
        .skill.rank(method="first", ascending=False, na_option="bottom")
        .astype(int)
    )
    return rows.astype({"models_trained": int})


def rows_of(records: pd.DataFrame, tolerance: Tolerance) -> pd.DataFrame:
    """The standing of each model by its records, and the means of its scores that are defined."""
    standing = pd.DataFrame([asdict(each) for each in standings(records, tolerance)])
    by_model = records.groupby("model_name")
    means = by_model[list(MEANS)].mean()
    scored = records.groupby("data_cutoff_date").log_score.transform("count")
    everywhere = scored == records.groupby("data_cutoff_date").log_score.transform("size")
    means["log_score"] = records[everywhere].groupby("model_name").log_score.mean()
    lost = records[list(ALWAYS_DEFINED)].isna().any(axis=1)
    means["undefined_forecasts"] = lost.groupby(records.model_name).sum()
    means["first_forecast"] = by_model.first_session.min()
    means["last_forecast"] = by_model.first_session.max()
    return standing.merge(means, on="model_name")


def over_all(table: pd.DataFrame, records: Records, version: str) -> pd.DataFrame:
    """A row for each model of a version over all commodities, which have equal weight in means.

    A model has a skill here only if it has one for each commodity. Otherwise a model that skipped
    the difficult commodities would have a better place.
    """
    rows, n_commodities = [], table.commodity.nunique()
    for name, mine in table.groupby("model_name"):
        shares = [
            *WITHOUT_UNIT,
            *(f"coverage_{x}" for x in ("80", "95", "error_80", "error_95")),
        ]
        calibrated = int((mine.calibration == "calibrated").sum())
        effective, statistic, p_value = panel_test(records, version, str(name))
        rows.append(
            mine[shares].mean().to_dict()
            | {
                "skill": mine.skill.mean(skipna=False) if len(mine) == n_commodities else np.nan,
                "commodity": ALL,
                "model_version": version,
                "model_name": name,
                "forecasts": mine.forecasts.sum(),
                "effective_forecasts": effective,
                "first_forecast": mine.first_forecast.min(),
                "last_forecast": mine.last_forecast.max(),
                "calibration": f"calibrated for {calibrated} of {len(mine)}",
                "dm_statistic": statistic,
                "dm_p_value": p_value,
                "dm_verdict": verdicts(str(name), *np.array([[effective], [statistic], [p_value]]))[
                    0
                ],
                "undefined_forecasts": mine.undefined_forecasts.sum(),
                "models_trained": mine.models_trained.sum(),
                "training_seconds": mine.training_seconds.sum(),
            }
        )
    return pd.DataFrame(rows)


def panel_test(records: Records, version: str, name: str) -> tuple[int, float, float]:
    """A Diebold-Mariano test over all commodities: the number of dates, statistic and p-value.

    The dates have no common session. Commodities move together, so a date counts only once, with
    the mean over commodities of the difference of CRPS. Each difference is divided by the naive
    model's mean CRPS for the commodity.
    """
    panel = []
    for (_, whose), some in records.items():
        mine = some[some.model_name == name].set_index("data_cutoff_date")
        naive = some[some.model_name == Naive.name].set_index("data_cutoff_date").crps
        both = mine.join(naive.rename("naive"), how="inner").dropna(subset=["crps", "naive"])
        if whose == version and len(both) and both.naive.mean() > 0:
            panel.append(both.assign(difference=(both.crps - both.naive) / both.naive.mean()))
    if not panel:
        return 0, np.nan, np.nan
    by_date = (
        pd.concat(panel)
        .groupby(level=0)
        .agg(
            first=("first_session", "min"),
            last=("last_session", "max"),
            difference=("difference", "mean"),
        )
    )
    taken = non_overlapping(by_date["first"].to_numpy(), by_date["last"].to_numpy())
    return int(taken.sum()), *diebold_mariano(by_date.difference.to_numpy()[taken])

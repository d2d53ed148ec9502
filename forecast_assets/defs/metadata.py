"""What a materialization says of its partition, for the UI.

The UI shows tables and texts as they are, in the order of their keys, and hides Markdown behind a
click. So what matters is a table that comes first, with a drawing in text where one helps; the
picture is below it. Numbers that only people read have few digits and a unit.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from dagster import (
    AssetMaterialization,
    MarkdownMetadataValue,
    MetadataValue,
    TableMetadataValue,
    TableRecord,
)

from forecast_assets.boundary import boundary
from forecast_assets.defs.summary import counted
from forecast_assets.evaluation.assessment import Assessment
from forecast_assets.evaluation.records import Publication, PublicationChanges
from forecast_assets.forecast.forecasting import Forecasting, lines_of
from forecast_assets.forecast.points import LEVELS
from forecast_assets.forecast.records import Fan, TrainedModel
from forecast_assets.forecast.training import Training
from forecast_assets.market.features import Feature, Features
from forecast_assets.market.observations import Observations
from forecast_assets.market.reception import Received
from forecast_assets.market.records import FeatureChanges, PriceChanges
from forecast_assets.market.refusals import grouped, rows_of, values_of
from forecast_assets.market.rows import Rejection
from forecast_assets.models.naive import Naive
from forecast_assets.report import figures
from forecast_assets.report.figures import UNBROKEN
from forecast_assets.report.page import Report
from forecast_assets.report.terminal import fan_bars
from forecast_assets.store.contract import HeldVersion
from forecast_assets.timeline.history import History

Metadata = dict[str, Any]

ROWS = "dagster/partition_row_count"
"""Dagster's name for the rows of a partition."""

ROWS_SHOWN = 12
"""Rows of a table that people read."""

REJECTIONS_SHOWN = ROWS_SHOWN

SESSIONS_DRAWN = 30
"""Newest sessions in a sparkline."""

BAR_WIDTH = 24
"""Characters of a fan in a table."""

PICTURE = "picture"
"""The picture of a materialization, one click away."""

FAILURES = "failures"
"""Under this key an asset of all commodities says which of them it could not do, and why."""

HALF_A_FILE = "half_a_file"
"""Under this key `prices` says of a source that it lacks too much of what is stored."""

NOTES = "notes"
"""Under this key any asset may say, a line each, what a reader should know; no failure."""


def of_prices(
    observations: Observations, changes: PriceChanges, history: History, unit: str
) -> Metadata:
    """What a source held, and what changed."""
    refused = observations.rejections
    half = changes.lacking.problem(observations.commodity)
    return {
        "newest": table([newest_of(history, unit)]),
        "newest_session": history.newest.isoformat(),
        "newest_close": figures.price(float(history.closes[-1]), unit),
        "first_session": history.first.isoformat(),
        "source": observations.origin,
        "sessions_added": changes.added,
        "sessions_revised": changes.revised,
        "sessions_withdrawn": changes.withdrawn,
        "sessions_missing_from_source": changes.missing,
        "sessions_held": changes.held,
        "days_without_a_close": observations.without_close,
        "nonpositive_closes": int((history.closes <= 0).sum()),
        **_refused(refused),
        ROWS: len(history),
        **({HALF_A_FILE: half} if half else {}),
    } | notes(
        [
            *(f"{observations.commodity}: {each}" for each in observations.notes),
            *changes.lacking.notes(observations.commodity),
        ]
    )


def newest_of(history: History, unit: str) -> Mapping[str, str]:
    """The newest close of a history that is not empty, its move, and those before it."""
    recent = history.closes[-SESSIONS_DRAWN:]
    before = float(recent[-2]) if len(recent) > 1 else float("nan")
    move = (float(recent[-1]) / before - 1) if before > 0 else None
    return {
        "close": figures.unbroken(figures.price(float(recent[-1]), unit)),
        "move": figures.change(move),
        f"last {len(recent)} sessions": figures.sparkline(recent),
        "of": figures.unbroken(history.newest.isoformat()),
    }


def of_landed_files(received: Sequence[Received], unfinished: int) -> Metadata:
    """What became of each file, and every refused value."""
    refused = [rejection for file in received for rejection in file.rejections]
    in_order = sorted(received, key=lambda file: file.accepted)
    left_out = max(sum(file.accepted for file in received) - ROWS_SHOWN, 0)
    files = [
        {
            "file": file.file,
            "accepted": file.accepted,
            "held": file.held,
            "outcome": file.outcome,
            "put_away_to": file.place,
        }
        for file in in_order[: len(received) - left_out]
    ]
    return {
        "files": table(files),
        "files_accepted": sum(file.accepted for file in received),
        "files_accepted_not_shown": left_out,
        "files_rejected": sum(bool(file.reason) for file in received),
        "files_held": sum(file.held for file in received),
        "files_being_written": unfinished,
        **_refused(refused),
    } | notes([note for file in received for note in file.notes])


def of_features(features: Features, changes: FeatureChanges, units: Mapping[str, str]) -> Metadata:
    """What is known of each covariate, and what changed."""
    refused = features.rejections
    written = changes.added + changes.revised + changes.deleted
    outcome = (
        f"{counted(written, 'row', 'rows')} written or deleted"
        if written
        else "nothing written: no change"
    )
    if not features.present and not features.missing:
        outcome = "no covariates configured"
    covariates = [_feature(features, each, units[each.name]) for each in features.present]
    return {
        "covariates": table(covariates, "SELECT * FROM commodity.market.features"),
        "outcome": outcome,
        "rows_added": changes.added,
        "rows_revised": changes.revised,
        "rows_deleted": changes.deleted,
        "covariates_not_refreshed": table(
            [{"covariate": name, "reason": why} for name, why in features.missing.items()]
        ),
        **_refused(refused),
        ROWS: changes.added + changes.revised + changes.unchanged,
    } | notes([*features.notes, *features.unmatched])


def of_training(
    training: Training,
    fitted: Sequence[TrainedModel],
    model_version: str,
    in_use: Sequence[TrainedModel],
) -> Metadata:
    """Which models a window has, and which it lacks.

    ``in_use``: those of the configuration's version, where the run's is another.
    """
    models = sorted([*fitted, *training.kept], key=lambda row: row.model_name)
    select = "SELECT * FROM commodity.forecast.trained_models WHERE is_active"
    first = {"models": table([_model(row) for row in in_use], select)} if in_use else {}
    own = f"models_{model_version}" if in_use else "models"
    return {
        **first,
        own: table([_model(row) for row in models], select),
        "outcome": training.not_due or f"{len(fitted)} fitted, {len(training.kept)} kept",
        "models_fitted": len(fitted),
        "model_version": model_version,
        "sessions_before_training_date": len(training.history),
        "models_failed": len(training.failures),
        "failures": table([vars(x) for x in training.failures], ABSENT),
        ROWS: len(in_use) or len(models),
    }


ABSENT = "SELECT * FROM commodity.forecast.failures"


def of_forecasts(
    outcome: Forecasting, commodity: str, model_version: str, rows: int, not_due: str | None
) -> Metadata:
    """What was drawn, what was left, and what is stale or absent."""
    return {
        "outcome": not_due or _said(outcome, rows),
        "model_version": model_version,
        "forecast_dates": len(outcome.origins),
        "rows_written": rows,
        "forecasts_drawn": outcome.drawn,
        "forecasts_redrawn": outcome.redrawn,
        "forecasts_reissued": len(outcome.reissues),
        "forecasts_kept": outcome.kept,
        "forecasts_stale": outcome.stale,
        "forecasts_moved": len(outcome.moved),
        "forecasts_withdrawn": len(outcome.withdrawn),
        "cutoffs_with_new_outcomes": outcome.outcomes,
        "forecasts_absent": sum(failure.origins for failure in outcome.failures),
        "failures": table([vars(failure) for failure in outcome.failures], ABSENT),
        ROWS: (outcome.kept + outcome.drawn) * outcome.n_paths,
        **({"forecasts_of_other_training_dates": outcome.elsewhere} if outcome.elsewhere else {}),
    } | notes([f"{commodity}: {each}" for each in lines_of(outcome.reissues)])


def of_scores(assessment: Assessment, held: pd.DataFrame, model_version: str) -> Metadata:
    """What was scored, and what waits for its outcome."""
    said = (
        f"{counted(assessment.scored, 'forecast', 'forecasts')} scored"
        if assessment.scored
        else "nothing new to score"
    )
    return {
        "outcome": said,
        "model_version": model_version,
        "forecasts_scored": assessment.scored,
        "forecasts_kept": assessment.kept,
        "forecasts_waiting": assessment.waiting,
        "forecasts_gone": len(assessment.gone),
        ROWS: len(held),
    }


def by_version(name: str, tables: Mapping[str, MetadataValue]) -> Metadata:
    """Tables of model versions, the one in use first, which has the plain name."""
    names = (name if place == 0 else f"{name}_{version}" for place, version in enumerate(tables))
    return dict(zip(names, tables.values(), strict=True))


def of_versions(held: Sequence[HeldVersion], in_use: str) -> Metadata:
    """Every version of a window, the one in use first; nothing where there is no other."""
    if all(each.model_version == in_use for each in held):
        return {}
    rows = [
        {
            "model_version": f"{each.model_version}{' (in use)' * (each.model_version == in_use)}",
            "models": each.models,
            "forecasts": each.forecasts,
            "newest_forecast": str(each.newest_forecast or figures.NONE),
            "forecasts_scored": each.forecasts_scored,
        }
        for each in sorted(held, key=lambda each: each.model_version != in_use)
    ]
    more = "SELECT DISTINCT model_version FROM commodity.forecast.forecasts"
    return {"versions": table(rows, more)}


def scores_table(held: pd.DataFrame, unit: str) -> MetadataValue:
    """The scores of each model in a window, and over which forecasts they are."""
    return table(_scores_by_model(held, unit), "SELECT * FROM commodity.forecast.leaderboard")


def of_leaderboard(rows: pd.DataFrame, in_use: str, units: Mapping[str, str]) -> Metadata:
    """How each model stands, the version in use first.

    ``units``: of the price, by commodity.
    """
    ordered = rows.sort_values("model_version", key=lambda x: x != in_use, kind="stable")
    records = [_standing(row, in_use, units) for row in ordered.to_dict("records")]
    more = "SELECT * FROM commodity.forecast.leaderboard ORDER BY commodity, place"
    return {"leaderboard": table(records, more), "dagster/row_count": len(rows)}


def of_report(said: Report, path: Path) -> Metadata:
    """Where the page is, what it warns of, and what it says of each commodity."""
    warned = [{"level": "failed", "notice": line} for line in said.failures]
    warned += [{"level": notice.level, "notice": notice.text} for notice in said.notices]
    forecasts = []
    for part in said.commodities:
        with boundary(part.commodity, said.failures):
            if part.published:
                row = _fan_row(part.history, part.published.fan, part.unit)
                model = {"commodity": part.commodity, "model": part.published.model_name}
                forecasts.append({**model, **row})
    return {
        "notices": table(warned, f"open {path}"),
        "forecasts": table(forecasts, f"open {path}"),
        "page": MetadataValue.url(path.as_uri()),
        "path": MetadataValue.path(path),
    } | notes([notice.text for notice in said.notices if notice.level == "warning"])


def of_copy(path: Path, size_bytes: int) -> Metadata:
    """Where the copy for programs that only read is."""
    return {"read_copy": MetadataValue.path(path), "read_copy_bytes": size_bytes}


def of_publications(
    changes: Mapping[str, PublicationChanges], newest: Mapping[str, Sequence[Publication]]
) -> Metadata:
    """What is published of each commodity."""
    records = [
        {
            "commodity": name,
            "published": change.added + change.unchanged,
            "added": change.added,
            "withdrawn": change.withdrawn,
            "newest_cutoff": str(newest[name][0].data_cutoff_date) if newest[name] else None,
            "newest_model": ", ".join(each.model_name for each in newest[name]) or None,
            "reason": newest[name][0].reason if newest[name] else None,
        }
        for name, change in changes.items()
    ]
    more = "SELECT * FROM commodity.forecast.publications"
    return {"publications": table(records, more)}


def fans_table(history: History, fans: Mapping[str, Fan], unit: str) -> MetadataValue:
    """The newest forecast of each model, with its fan drawn in text."""
    rows = [{"model_name": name, **_fan_row(history, fan, unit)} for name, fan in fans.items()]
    return table(rows, "SELECT * FROM commodity.forecast.point_forecasts")


def drawn(log: logging.Logger, draw: Callable[[], str | None]) -> MetadataValue | None:
    """A picture, or why there is none: what it shows is committed, and stays so."""
    try:
        markdown = draw()
    except Exception as error:  # a picture's boundary: no plot fails a step
        reason = " ".join(f"not drawn: {type(error).__name__}: {error}".split())
        log.exception("the picture was %s", reason)
        return MetadataValue.text(reason)
    return MarkdownMetadataValue(markdown) if markdown else None


def with_picture(metadata: Metadata, picture: MetadataValue | None) -> Metadata:
    """The same with a picture after its first entry, which is the table that comes first."""
    if picture is None:
        return metadata
    first, *others = metadata.items()
    return dict([first, (PICTURE, picture), *others])


def _fan_row(history: History, fan: Fan, unit: str) -> Mapping[str, str]:
    """What a forecast says of its last session ahead, and its fan on a scale of its own."""
    last = fan.paths.shape[1]
    quantiles = np.quantile(fan.paths[:, -1:].astype(np.float64), LEVELS, axis=0)
    known = history.known_at(fan.cutoff)
    median, lower, upper = (
        figures.price(float(f"{quantiles[place, 0]:.5g}"))
        for place in (LEVELS.index(0.5), LEVELS.index(0.1), LEVELS.index(0.9))
    )
    close = float(known.closes[-1]) if len(known) else float(quantiles[LEVELS.index(0.5), 0])
    (bar,) = fan_bars(quantiles, close, BAR_WIDTH)
    return {
        f"after {last} sessions": bar.plain.replace(" ", UNBROKEN),
        "median": figures.unbroken(f"{median} {unit}"),
        "80 % of paths": figures.unbroken(f"{lower} to {upper}"),
        "last close": figures.price(close),
        "from": figures.unbroken(str(fan.start)),
    }


def _scores_by_model(held: pd.DataFrame, unit: str) -> Sequence[Mapping[str, Any]]:
    keys = ["data_cutoff_date", "day_ahead"]
    naive = held[held.model_name == Naive.name].set_index(keys).crps.rename("naive")
    rows = []
    for name, scores in held.groupby("model_name"):
        both = scores.set_index(keys).crps.to_frame().join(naive, how="inner")
        skill = 1 - float(both.crps.sum() / both.naive.sum()) if both.naive.sum() > 0 else None
        starts = scores.forecast_start_date
        rows.append(
            {
                "model_name": name,
                "skill": figures.change(skill),
                f"CRPS, {unit}": figures.figure(float(scores.crps.mean())),
                "in 80 %": figures.share(float(scores.covered_80.mean())),
                "in 95 %": figures.share(float(scores.covered_95.mean())),
                "forecasts": scores.data_cutoff_date.nunique(),
                "of": figures.span(starts.min().date(), starts.max().date()),
            }
        )
    return rows


def _standing(row: Mapping[str, Any], in_use: str, units: Mapping[str, str]) -> Mapping[str, Any]:
    """A row of the leaderboard as it is read: means beside the forecasts that they are over."""
    version = row["model_version"]
    whose = "" if version == in_use else f"{UNBROKEN}({version})"
    return {
        "commodity": row["commodity"],
        "model": f"{row['place']}.{UNBROKEN}{row['model_name']}{whose}",
        "skill": figures.change(row["skill"]),
        "calibration": figures.unbroken(row["calibration"]),
        "against naive": figures.unbroken(row["dm_verdict"]),
        "CRPS": figures.figure(row["crps"], units.get(row["commodity"], "")),
        "forecasts": row["forecasts"],
        "of": figures.span(_day(row["first_forecast"]), _day(row["last_forecast"])),
        "apart": row["effective_forecasts"],
        "model_version": version,
    }


def _day(moment: Any) -> str:
    return str(pd.Timestamp(moment).date())


def _said(outcome: Forecasting, rows: int) -> str:
    if rows:
        return f"{counted(rows, 'path', 'paths')} written"
    if outcome.changes_tables:
        return "no new paths: forecasts followed sessions that came, moved or were withdrawn"
    return "nothing written: no forecast is missing"


def _model(row: TrainedModel) -> Mapping[str, Any]:
    metrics = json.loads(row.fit_metrics)
    parameters = json.loads(row.parameters)
    return {
        "model_name": row.model_name,
        "training_samples": row.training_samples,
        "trained_on": figures.span(row.training_start_date, row.training_end_date),
        "fit": figures.figure(row.fit_seconds, "s"),
        "size": figures.size(row.model_size_bytes),
        "notes": "; ".join(metrics["warnings"]),
        "parameters": ", ".join(
            f"{name}={figures.figure(value)}" for name, value in parameters.items()
        ),
    }


def _feature(features: Features, feature: Feature, unit: str) -> Mapping[str, Any]:
    known, carried = feature.known, feature.carried
    days = feature.observed_on[known]
    whose = f"{features.commodity}, covariate {feature.name}"
    values = np.asarray(feature.values)
    newest = values[known][-1:]
    return {
        "covariate": feature.name,
        "newest value": figures.figure(float(newest[0]), unit) if len(newest) else figures.NONE,
        "newest_observation": str(days[-1]) if len(days) else figures.NONE,
        "first_observation": str(days[0]) if len(days) else figures.NONE,
        "sessions_with_a_value": int(known.sum()),
        "sessions_missing": int((~known).sum()),
        "carried forward": figures.share(float(carried.sum() / max(known.sum(), 1))),
        "rows_rejected": sum(refused.commodity == whose for refused in features.rejections),
        f"last {SESSIONS_DRAWN} sessions": figures.sparkline(values[-SESSIONS_DRAWN:]),
    }


def _refused(rejections: Sequence[Rejection]) -> Metadata:
    """How many rows have a refused value, how many values, and the kinds of them by file."""
    shown = [vars(each) for each in grouped(rejections)[:REJECTIONS_SHOWN]]
    return {
        "rows_rejected": rows_of(rejections),
        "values_rejected": values_of(rejections),
        "rejections": table(shown),
    }


def notes(lines: Sequence[str]) -> Metadata:
    """What a reader should know although nothing failed; nothing where there is nothing."""
    return {NOTES: table([{"note": each} for each in lines])} if lines else {}


def failures(lines: Sequence[str]) -> Metadata:
    """The commodities that could not be done, each with its error; nothing where all were."""
    return {FAILURES: table([{"failure": each} for each in lines])} if lines else {}


def failures_in(materialization: AssetMaterialization) -> list[str]:
    """What ``failures`` has put into a materialization."""
    found = materialization.metadata.get(FAILURES)
    records = found.records if isinstance(found, TableMetadataValue) else []
    return [str(record.data["failure"]) for record in records]


def table(records: Sequence[Mapping[str, Any]], more: str = "") -> MetadataValue:
    """Records as a table, or the word none.

    ``more``: where the rest is told, for a table that people read: it has a dozen rows, and then
    a line that says so.
    """
    if not records:
        return MetadataValue.text(figures.NONE)
    shown: list[dict[str, Any]] = [dict(each) for each in records]
    if more and len(shown) > ROWS_SHOWN:
        left_out = f"and {len(shown) - ROWS_SHOWN:,} more: {more}"
        names = list(shown[0])
        shown = [*shown[:ROWS_SHOWN], {names[0]: left_out} | dict.fromkeys(names[1:])]
    return MetadataValue.table([TableRecord(each) for each in shown])

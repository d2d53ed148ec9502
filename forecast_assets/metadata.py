"""What a materialization says of its partition: counts, tables and plots, for the UI."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from dagster import (
    AssetMaterialization,
    MarkdownMetadataValue,
    MetadataValue,
    TableMetadataValue,
    TableRecord,
)

from forecast_assets import plots
from forecast_assets.assessment import Assessment
from forecast_assets.boundary import boundary
from forecast_assets.features import Feature, Features
from forecast_assets.forecasting import Forecasting, lines_of
from forecast_assets.history import History
from forecast_assets.models.naive import Naive
from forecast_assets.reception import Received
from forecast_assets.refusals import grouped, rows_of, values_of
from forecast_assets.report import Report
from forecast_assets.rows import Rejection
from forecast_assets.sources import Observations
from forecast_assets.store.contract import (
    Fan,
    FeatureChanges,
    PriceChanges,
    Publication,
    PublicationChanges,
    TrainedModel,
)
from forecast_assets.training import Training

Metadata = dict[str, Any]

REJECTIONS_SHOWN = 50

FAILURES = "failures"
"""Under this key an asset of all commodities says which of them it could not do, and why."""

HALF_A_FILE = "half_a_file"
"""Under this key `prices` says of a source that it lacks too much of what is stored."""

NOTES = "notes"
"""Under this key any asset may say, a line each, what a reader should know; no failure."""


def of_prices(
    observations: Observations, changes: PriceChanges, history: History, unit: str
) -> Metadata:
    """What a source held, what changed, and a plot of all closes."""
    refused = observations.rejections
    half = changes.lacking.problem(observations.commodity)
    return {
        "dagster/partition_row_count": len(history),
        "source": observations.origin,
        "first_session": history.first.isoformat(),
        "newest_session": history.newest.isoformat(),
        "newest_close": float(history.closes[-1]),
        "sessions_added": changes.added,
        "sessions_revised": changes.revised,
        "sessions_withdrawn": changes.withdrawn,
        "sessions_missing_from_source": changes.missing,
        "sessions_held": changes.held,
        "days_without_a_close": observations.without_close,
        "nonpositive_closes": int((history.closes <= 0).sum()),
        **_refused(refused),
        "prices": MarkdownMetadataValue(plots.price_plot(history, unit)),
        **({HALF_A_FILE: half} if half else {}),
    } | notes(
        [
            *(f"{observations.commodity}: {each}" for each in observations.notes),
            *changes.lacking.notes(observations.commodity),
        ]
    )


def of_landed_files(received: Sequence[Received], unfinished: int) -> Metadata:
    """What became of each file, and every refused value."""
    refused = [rejection for file in received for rejection in file.rejections]
    files = [
        {
            "file": file.file,
            "accepted": file.accepted,
            "held": file.held,
            "outcome": file.outcome,
            "put_away_to": file.place,
        }
        for file in received
    ]
    return {
        "files_accepted": sum(file.accepted for file in received),
        "files_rejected": sum(bool(file.reason) for file in received),
        "files_held": sum(file.held for file in received),
        "files_being_written": unfinished,
        "files": table(files),
        **_refused(refused),
    } | notes([note for file in received for note in file.notes])


def of_features(features: Features, changes: FeatureChanges, units: Mapping[str, str]) -> Metadata:
    """What is known of each covariate, what changed, and a plot of their values."""
    refused = features.rejections
    written = changes.added + changes.revised + changes.deleted
    outcome = f"{written:,} rows written or deleted" if written else "nothing written: no change"
    if not features.present and not features.missing:
        outcome = "no covariates configured"
    metadata: Metadata = {
        "dagster/partition_row_count": changes.added + changes.revised + changes.unchanged,
        "outcome": outcome,
        "rows_added": changes.added,
        "rows_revised": changes.revised,
        "rows_deleted": changes.deleted,
        "covariates": table([_feature(features, each) for each in features.present]),
        "covariates_not_refreshed": table(
            [{"covariate": name, "reason": why} for name, why in features.missing.items()]
        ),
        **_refused(refused),
    } | notes(features.notes)
    if features.present:
        metadata["features"] = MarkdownMetadataValue(plots.feature_plot(features, units))
    return metadata


def of_training(training: Training, fitted: Sequence[TrainedModel], model_version: str) -> Metadata:
    """Which models a window has, and which it lacks."""
    models = sorted([*fitted, *training.kept], key=lambda row: row.model_name)
    return {
        "dagster/partition_row_count": len(models),
        "outcome": training.not_due or f"{len(fitted)} fitted, {len(training.kept)} kept",
        "model_version": model_version,
        "training_samples": len(training.history),
        "models_failed": len(training.failures),
        "failures": table([vars(failure) for failure in training.failures]),
        "models": table([_model(row) for row in models]),
    }


def of_forecasts(
    outcome: Forecasting, commodity: str, model_version: str, rows: int, not_due: str | None
) -> Metadata:
    """What was drawn, what was left, and what is stale or absent."""
    return {
        "dagster/partition_row_count": (outcome.kept + outcome.drawn) * outcome.n_paths,
        "outcome": not_due or _said(outcome, rows),
        "model_version": model_version,
        "forecast_dates": len(outcome.origins),
        "rows_written": rows,
        "forecasts_drawn": outcome.drawn,
        "forecasts_redrawn": outcome.redrawn,
        "forecasts_reissued": len(outcome.reissues),
        "forecasts_kept": outcome.kept,
        "forecasts_of_other_training_dates": outcome.elsewhere,
        "forecasts_stale": outcome.stale,
        "forecasts_moved": len(outcome.moved),
        "forecasts_withdrawn": len(outcome.withdrawn),
        "cutoffs_with_new_outcomes": len(outcome.happened.cutoffs) if outcome.happened else 0,
        "forecasts_absent": sum(failure.origins for failure in outcome.failures),
        "failures": table([vars(failure) for failure in outcome.failures]),
    } | notes([f"{commodity}: {each}" for each in lines_of(outcome.reissues)])


def of_scores(
    assessment: Assessment, held: pd.DataFrame, model_version: str, unit: str
) -> Metadata:
    """What was scored, what waits for its outcome, and the scores of each model."""
    said = f"{assessment.scored} forecasts scored" if assessment.scored else "nothing new to score"
    metadata: Metadata = {
        "dagster/partition_row_count": len(held),
        "outcome": said,
        "model_version": model_version,
        "forecasts_scored": assessment.scored,
        "forecasts_kept": assessment.kept,
        "forecasts_waiting": assessment.waiting,
        "forecasts_gone": len(assessment.gone),
        "scores": table(_scores_by_model(held)),
    }
    if len(held):
        metadata["by_session"] = MarkdownMetadataValue(plots.score_plot(held, unit))
    return metadata


def of_leaderboard(rows: pd.DataFrame) -> Metadata:
    """How each model stands."""
    shown = ["commodity", "model_version", "place", "model_name", "skill", "dm_verdict"]
    shown += ["calibration", "coverage_80", "coverage_95", "forecasts", "effective_forecasts"]
    shown += ["crps", "training_seconds"]
    records = rows[shown].astype(object).where(rows[shown].notna(), None).to_dict("records")
    metadata: Metadata = {"dagster/row_count": len(rows), "leaderboard": table(records)}
    for version, mine in rows.groupby("model_version"):
        metadata[f"skill_{version}"] = MarkdownMetadataValue(plots.skill_plot(mine))
    return metadata


def of_report(said: Report, path: Path) -> Metadata:
    """Where the page is, what it warns of, and its fans."""
    failed = [f"- failed: {line}" for line in said.failures]
    notices = [*failed, *(f"- {notice.level}: {notice.text}" for notice in said.notices)]
    fans = []
    for part in said.commodities:
        with boundary(part.commodity, said.failures):
            if part.published:
                fan = plots.newest_fan(part.history, part.published.fan, part.unit)
                fans.append(fan.markdown)
    return {
        "page": MetadataValue.url(path.as_uri()),
        "path": MetadataValue.path(path),
        "notices": MarkdownMetadataValue("\n".join(notices) or "none"),
        "newest_forecasts": MarkdownMetadataValue("\n\n".join(fans) or "none"),
    } | notes([notice.text for notice in said.notices if notice.level == "warning"])


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
    return {"publications": table(records)}


def of_fans(history: History, fans: Mapping[str, Fan], unit: str) -> Metadata:
    """A fan chart of each model's newest forecast."""
    return {"newest_forecast": MarkdownMetadataValue(plots.fan_chart(history, fans, unit))}


def _scores_by_model(held: pd.DataFrame) -> Sequence[Mapping[str, Any]]:
    keys = ["data_cutoff_date", "day_ahead"]
    naive = held[held.model_name == Naive.name].set_index(keys).crps.rename("naive")
    rows = []
    for name, scores in held.groupby("model_name"):
        both = scores.set_index(keys).crps.to_frame().join(naive, how="inner")
        rows.append(
            {
                "model_name": name,
                "sessions": len(scores),
                "crps": float(scores.crps.mean()),
                "skill": 1 - float(both.crps.sum() / both.naive.sum()) if len(both) else None,
                "coverage_80": float(scores.covered_80.mean()),
                "coverage_95": float(scores.covered_95.mean()),
                "absolute_error": float(scores.absolute_error.mean()),
                "log_score": float(scores.log_score.mean()),
            }
        )
    return rows


def _said(outcome: Forecasting, rows: int) -> str:
    if rows:
        return f"{rows:,} paths written"
    if outcome.changes_tables:
        return "no new paths: forecasts followed sessions that came, moved or were withdrawn"
    return "nothing written: no forecast is missing"


def _model(row: TrainedModel) -> Mapping[str, Any]:
    metrics = json.loads(row.fit_metrics)
    parameters = json.loads(row.parameters)
    return {
        "model_name": row.model_name,
        "parameters": ", ".join(f"{name}={value:.6g}" for name, value in parameters.items()),
        "log_likelihood": metrics["log_likelihood"],
        "aic": metrics["aic"],
        "notes": "; ".join(metrics["warnings"]),
        "fit_seconds": row.fit_seconds,
        "size_bytes": row.model_size_bytes,
        "trained_on": f"{row.training_start_date} to {row.training_end_date}",
        "model_id": row.model_id,
    }


def _feature(features: Features, feature: Feature) -> Mapping[str, Any]:
    known, carried = feature.known, feature.carried
    days = feature.observed_on[known]
    whose = f"{features.commodity}, covariate {feature.name}"
    return {
        "covariate": feature.name,
        "first_observation": str(days[0]) if len(days) else "none",
        "newest_observation": str(days[-1]) if len(days) else "none",
        "sessions_with_a_value": int(known.sum()),
        "sessions_missing": int((~known).sum()),
        "share_carried_forward": round(float(carried.sum() / max(known.sum(), 1)), 4),
        "rows_rejected": sum(refused.commodity == whose for refused in features.rejections),
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


def table(records: Sequence[Mapping[str, Any]]) -> MetadataValue:
    """Records as a table, or the word none."""
    if not records:
        return MetadataValue.text("none")
    return MetadataValue.table([TableRecord(dict(record)) for record in records])

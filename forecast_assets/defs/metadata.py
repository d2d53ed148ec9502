"""The metadata of materializations, which the UI shows for a partition.

The UI shows tables and texts directly, in the order in which they are added, and hides Markdown
behind a click. So the most important content is a table in the first place, with a drawing in text
if that helps, and the picture comes after it. Numbers for people have few digits and a unit.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from dagster import (
    AssetMaterialization,
    MetadataValue,
    TableMetadataValue,
    TableRecord,
)

from forecast_assets.automation.results import (
    FeaturesJoined,
    FilesLanded,
    Model,
    PageWritten,
    PricesLanded,
    PricesRead,
    Published,
    Ranked,
    WindowForecast,
    WindowScored,
    WindowTrained,
)
from forecast_assets.boundary import boundary
from forecast_assets.defs.after_commit import Metadata, cell
from forecast_assets.defs.summary import counted
from forecast_assets.evaluation.skill import skill
from forecast_assets.forecast.points import LEVELS
from forecast_assets.forecast.records import Fan
from forecast_assets.forecast.staleness import told
from forecast_assets.market.features import Feature, Features
from forecast_assets.market.refusals import Refused
from forecast_assets.models.naive import Naive
from forecast_assets.report import figures
from forecast_assets.report.figures import UNBROKEN
from forecast_assets.report.page import Report
from forecast_assets.report.terminal import fan_bars
from forecast_assets.store.contract import HeldVersion
from forecast_assets.timeline.history import History

ROWS = "dagster/partition_row_count"
"""Dagster's key for the number of rows of a partition."""

ROWS_SHOWN = 12
"""The most rows of a table for people."""

SESSIONS_DRAWN = 30
"""The number of newest sessions in a sparkline."""

BAR_WIDTH = 24
"""The width of a fan in a table, in characters."""

FAILURES = "failures"
"""The key under which an asset of all commodities lists those that failed, and why."""

NOTES = "notes"
"""The key under which an asset lists what a reader should know although nothing failed."""


def of_prices(read: PricesRead, unit: str) -> Metadata:
    """What a source held, and what changed."""
    observations, changes, history = read.observations, read.changes, read.history
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
        **_refused(read.refused),
        ROWS: len(history),
        **({"half_a_file": read.half_a_file} if read.half_a_file else {}),
    } | notes(read.notes)


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


def of_landed_prices(landed: PricesLanded, unit: str) -> Metadata:
    """What the files of the landing folder held for a commodity, and what changed."""
    return of_prices(landed, unit) | {"files_landed": landed.files}


def of_landed_files(landed: FilesLanded) -> Metadata:
    """What was done with each file, and the refused values."""
    received = landed.received
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
        "files_being_written": landed.unfinished,
        **_refused(landed.refused),
    } | notes(landed.notes)


def of_features(joined: FeaturesJoined, units: Mapping[str, str]) -> Metadata:
    """What is known of each covariate, and what changed."""
    features, changes = joined.features, joined.changes
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
        **_refused(joined.refused),
        ROWS: changes.added + changes.revised + changes.unchanged,
    } | notes(joined.notes)


def of_training(trained: WindowTrained, in_use: Sequence[Model]) -> Metadata:
    """The models that a window has, and those that it lacks.

    ``in_use``: the models of the configuration's version, if the run's version is another.
    """
    fitted, kept = len(trained.fitted), len(trained.kept)
    models = sorted([*trained.fitted, *trained.kept], key=lambda model: model.name)
    select = "SELECT * FROM commodity.forecast.trained_models WHERE is_active"
    first = {"models": table([_model(each) for each in in_use], select)} if in_use else {}
    own = f"models_{trained.model_version}" if in_use else "models"
    return {
        **first,
        own: table([_model(each) for each in models], select),
        "outcome": trained.not_due or f"{fitted} fitted, {kept} kept",
        "models_fitted": fitted,
        "model_version": trained.model_version,
        "sessions_before_training_date": trained.sessions,
        "models_failed": len(trained.failures),
        "failures": table([vars(x) for x in trained.failures], ABSENT),
        ROWS: len(in_use) or len(models),
    }


ABSENT = "SELECT * FROM commodity.forecast.failures"


def of_forecasts(forecast: WindowForecast) -> Metadata:
    """The numbers of forecasts drawn, kept, stale and lacking."""
    elsewhere = forecast.elsewhere
    return {
        "outcome": forecast.not_due or _said(forecast),
        "model_version": forecast.model_version,
        "forecast_dates": forecast.origins,
        "rows_written": forecast.rows,
        "forecasts_drawn": forecast.drawn,
        "forecasts_redrawn": forecast.redrawn,
        "forecasts_reissued": len(forecast.reissues),
        "forecasts_kept": forecast.kept,
        "forecasts_stale": forecast.stale,
        **({"stale": told(forecast.stale_cutoffs)} if forecast.stale else {}),
        "forecasts_moved": forecast.moved,
        "forecasts_withdrawn": forecast.withdrawn,
        "cutoffs_with_new_outcomes": forecast.outcomes,
        "forecasts_absent": sum(failure.origins for failure in forecast.failures),
        "failures": table([vars(failure) for failure in forecast.failures], ABSENT),
        ROWS: (forecast.kept + forecast.drawn) * forecast.n_paths,
        **({"forecasts_of_other_training_dates": elsewhere} if elsewhere else {}),
    } | notes(forecast.notes)


def of_scores(scored: WindowScored, held: pd.DataFrame) -> Metadata:
    """The numbers of forecasts scored and waiting; ``held``: all scores of the window."""
    said = (
        f"{counted(scored.scored, 'forecast', 'forecasts')} scored"
        if scored.scored
        else "nothing new to score"
    )
    return {
        "outcome": said,
        "model_version": scored.model_version,
        "forecasts_scored": scored.scored,
        "forecasts_kept": scored.kept,
        "forecasts_waiting": scored.waiting,
        "forecasts_gone": scored.gone,
        "forecasts_undefined": scored.undefined,
        ROWS: len(held),
    } | notes(scored.notes)


def by_version(name: str, tables: Mapping[str, MetadataValue]) -> Metadata:
    """Tables of model versions, the one in use first, which has the plain name."""
    names = (name if place == 0 else f"{name}_{version}" for place, version in enumerate(tables))
    return dict(zip(names, tables.values(), strict=True))


def of_versions(held: Sequence[HeldVersion], in_use: str) -> Metadata:
    """All versions of a window, the one in use first; empty if there is no other version."""
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
    """The mean scores of each model in a window, and the forecasts that they cover."""
    return table(_scores_by_model(held, unit), "SELECT * FROM commodity.forecast.leaderboard")


def of_leaderboard(ranked: Ranked, in_use: str, units: Mapping[str, str]) -> Metadata:
    """The ranking of models, the version in use first.

    ``units``: the units of prices, by commodity.
    """
    rows = ranked.standings
    ordered = rows.sort_values("model_version", key=lambda x: x != in_use, kind="stable")
    records = [_standing(row, in_use, units) for row in ordered.to_dict("records")]
    more = "SELECT * FROM commodity.forecast.leaderboard ORDER BY commodity, place"
    standings = {"leaderboard": table(records, more), "dagster/row_count": len(rows)}
    return standings | failures(ranked.failures)


def of_report(said: Report, written: PageWritten, path: Path) -> Metadata:
    """The path of the report, its warnings, and its content for each commodity."""
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
    } | notes(written.notes)


def of_copy(path: Path, size_bytes: int) -> Metadata:
    """The path and size of the copy for programs that only read."""
    return {"read_copy": MetadataValue.path(path), "read_copy_bytes": size_bytes}


def of_publications(published: Published) -> Metadata:
    """What is published of each commodity."""
    newest = published.newest
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
        for name, change in published.changes.items()
    ]
    more = "SELECT * FROM commodity.forecast.publications"
    counted_all = not published.failures  # the count of a failed commodity is not known
    return (
        {"publications": table(records, more)}
        | ({"dagster/row_count": sum(published.paths.values())} if counted_all else {})
        | notes(published.notes)
        | failures(published.failures)
    )


def fans_table(history: History, fans: Mapping[str, Fan], unit: str) -> MetadataValue:
    """The newest forecast of each model, with its fan drawn in text."""
    rows = [{"model_name": name, **_fan_row(history, fan, unit)} for name, fan in fans.items()]
    return table(rows, "SELECT * FROM commodity.forecast.point_forecasts")


def _fan_row(history: History, fan: Fan, unit: str) -> Mapping[str, str]:
    """A row with a forecast's numbers at its last session, and its fan on its own scale."""
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
        both = scores.set_index(keys).crps.to_frame().join(naive, how="inner").dropna()
        starts = scores.forecast_start_date
        rows.append(
            {
                "model_name": name,
                "skill": figures.change(float(skill(both.crps.sum(), both.naive.sum()))),
                f"CRPS, {unit}": figures.figure(float(scores.crps.mean())),
                "in 80 %": figures.share(float(scores.covered_80.mean())),
                "in 95 %": figures.share(float(scores.covered_95.mean())),
                "forecasts": scores.data_cutoff_date.nunique(),
                "of": figures.span(starts.min().date(), starts.max().date()),
            }
        )
    return rows


def _standing(row: Mapping[str, Any], in_use: str, units: Mapping[str, str]) -> Mapping[str, Any]:
    """A row of the leaderboard for people: each mean beside the forecasts that it covers."""
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
        "undefined": int(row["undefined_forecasts"]),
        "apart": row["effective_forecasts"],
        "model_version": version,
    }


def _day(moment: Any) -> str:
    return str(pd.Timestamp(moment).date())


def _said(forecast: WindowForecast) -> str:
    if forecast.rows:
        return f"{counted(forecast.rows, 'path', 'paths')} written"
    if forecast.changed:
        return "no new paths: forecasts followed sessions that came, moved or were withdrawn"
    return "nothing written: no forecast is missing"


def _model(model: Model) -> Mapping[str, Any]:
    return {
        "model_name": model.name,
        "training_samples": model.samples,
        "trained_on": figures.span(model.first, model.last),
        "fit": figures.figure(model.seconds, "s"),
        "size": figures.size(model.size_bytes),
        "notes": "; ".join(model.warnings),
        "parameters": ", ".join(
            f"{name}={figures.figure(value)}" for name, value in model.parameters.items()
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


def _refused(refused: Refused) -> Metadata:
    """The numbers of rows with refused values and of these values, and their kinds by file."""
    return {
        "rows_rejected": refused.n_rows,
        "values_rejected": refused.n_values,
        "rejections": table([vars(each) for each in refused.shown]),
    }


def notes(lines: Sequence[str]) -> Metadata:
    """The entry for what a reader should know although nothing failed; empty without lines."""
    return {NOTES: table([{"note": each} for each in lines])} if lines else {}


def failures(lines: Sequence[str]) -> Metadata:
    """The entry for commodities that failed, each with its error; empty without lines."""
    return {FAILURES: table([{"failure": each} for each in lines])} if lines else {}


def failures_in(materialization: AssetMaterialization) -> list[str]:
    """The lines that ``failures`` has put into a materialization."""
    found = materialization.metadata.get(FAILURES)
    records = found.records if isinstance(found, TableMetadataValue) else []
    return [str(record.data["failure"]) for record in records]


def table(records: Sequence[Mapping[str, Any]], more: str = "") -> MetadataValue:
    """Records as a table, or the word none.

    ``more``: where users find the remaining rows; if it is given, the table has at most
    ``ROWS_SHOWN`` rows and then one that says so.
    """
    if not records:
        return MetadataValue.text(figures.NONE)
    shown: list[dict[str, Any]] = [
        {name: cell(value) for name, value in each.items()} for each in records
    ]
    if more and len(shown) > ROWS_SHOWN:
        left_out = f"and {len(shown) - ROWS_SHOWN:,} more: {more}"
        names = list(shown[0])
        shown = [*shown[:ROWS_SHOWN], {names[0]: left_out} | dict.fromkeys(names[1:])]
    return MetadataValue.table([TableRecord(each) for each in shown])

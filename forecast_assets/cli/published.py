"""``forecast published``: what was published on a day, and whether it still stands."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
from rich.console import Console

from forecast_assets.automation.doubts import looked_through
from forecast_assets.cli.console import write, write_json
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.errors import ModelNotFound
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store
from forecast_assets.store.reader import Reader
from forecast_assets.timeline.clock import now

FORECAST = ["model_name", "model_version", "data_cutoff_date"]
"""What identifies a forecast of a commodity."""


def show_published(console: Console, commodity: str, on: datetime | None, *, as_json: bool) -> None:
    """Print the newest forecasts that were published at the end of a day: a line each, or JSON."""
    moment = now() if on is None else on + timedelta(days=1, microseconds=-1)
    settings = load_settings()
    known = stale_now(settings, open_store(settings), commodity)
    answers = answers_of(Reader.of_configuration(), commodity, moment, known)
    if not answers:
        raise ModelNotFound(f"{commodity}: nothing was published by {moment:%Y-%m-%d %H:%M} UTC")
    if as_json:
        write_json(console, answers)
        return
    unit = settings.commodity(commodity).unit
    for answer in answers:
        write(console, line_of(answer, unit))


def answers_of(
    reader: Reader,
    commodity: str,
    moment: datetime,
    known: Collection[tuple[str, str, date, datetime]] = (),
) -> list[dict[str, Any]]:
    """What was published at a moment, in UTC: the newest forecasts, and what became of them.

    ``known``: model, version, cutoff and generation timestamp of the forecasts that are stale.
    """
    shelf = reader.published_as_of(commodity, moment)
    newest = shelf[shelf.data_cutoff_date == shelf.data_cutoff_date.max()]
    numbers = reader.published_outlooks(commodity)
    superseded = reader.superseded_forecasts(commodity)
    revised = reader.revised_forecasts(commodity)
    today = reader.published_as_of(commodity, now())
    return [
        {
            "commodity": commodity,
            "model_name": entry.model_name,
            "model_version": entry.model_version,
            "data_cutoff_date": _day(entry.data_cutoff_date),
            "forecast_start_date": _day(entry.forecast_start_date),
            "cutoff_close": _known(entry.cutoff_close),
            "published_at": entry.published_at.isoformat(),
            "reason": entry.reason,
            "outlooks": _outlooks(numbers, entry),
            "since": [*_fate(entry, superseded, revised, today), *_stale(entry, revised, known)],
        }
        for entry in newest.itertuples()
    ]


def stale_now(
    settings: Settings, store: Store, commodity: str
) -> set[tuple[str, str, date, datetime]]:
    """Model, version, cutoff and generation timestamp of the stale forecasts of a commodity."""
    _, stale = looked_through(settings, store, commodity)
    return {
        (x.model_name, settings.model_version, x.data_cutoff_date, x.generation_timestamp)
        for x in stale
    }


def line_of(answer: dict[str, Any], unit: str) -> str:
    """An answer as a person reads it."""
    close = "" if answer["cutoff_close"] is None else f" ({answer['cutoff_close']:.10g} {unit})"
    ahead = "; ".join(
        f"in {each['day_ahead']} sessions {each['median']:.6g} (80 %: {each['lower_80']:.6g} to"
        f" {each['upper_80']:.6g}, value at risk {each['value_at_risk']:.4g})"
        for each in answer["outlooks"]
    )
    since = "; ".join(answer["since"]) or "it stands"
    at = answer["published_at"][:16].replace("T", " ")
    return (
        f"{answer['commodity']}: {answer['model_name']} {answer['model_version']} from the close of"
        f" {answer['data_cutoff_date']}{close}, published {at} UTC:"
        f" {ahead or 'its numbers were not kept'}; {answer['reason']}. Since then: {since}."
    )


def _outlooks(numbers: pd.DataFrame, entry: Any) -> list[dict[str, Any]]:
    mine = _of(numbers, entry)
    shown = mine[mine.entry == entry.entry].drop(columns=["commodity", *FORECAST, "entry"])
    rows: list[dict[str, Any]] = shown.to_dict("records")
    return rows


def _fate(
    entry: Any, superseded: pd.DataFrame, revised: pd.DataFrame, today: pd.DataFrame
) -> list[str]:
    """What has become of a forecast since it was published; empty if nothing has."""
    old = _of(superseded, entry)
    drawn = old[old.generation_timestamp == entry.generation_timestamp]
    found = [
        f"superseded {x.superseded_at:%Y-%m-%d %H:%M} UTC: {x.reason}" for x in drawn.itertuples()
    ]
    stale = _of(revised, entry)
    used = stale[stale.generation_timestamp == entry.generation_timestamp]
    found += [
        f"{x.revised_sessions} of its closes revised, the last {x.revised_at:%Y-%m-%d %H:%M} UTC"
        for x in used.itertuples()
    ]
    if _of(today, entry).empty:
        others = today[today.data_cutoff_date == entry.data_cutoff_date]
        names = ", ".join(others.model_name + " " + others.model_version)
        found.append(f"withdrawn{f', and {names} is published' if names else ''}")
    return found


def _stale(
    entry: Any, revised: pd.DataFrame, known: Collection[tuple[str, str, date, datetime]]
) -> list[str]:
    """That a forecast is stale, if none of its closes were revised: then a covariate was."""
    drawn = entry.data_cutoff_date.date(), entry.generation_timestamp
    mine = (entry.model_name, entry.model_version, *drawn)
    if mine not in known or not _of(revised, entry).empty:
        return []
    return ["a covariate that it knows was revised"]


def _of(rows: pd.DataFrame, entry: Any) -> pd.DataFrame:
    """The rows about the same forecast."""
    same = [rows[name] == getattr(entry, name) for name in FORECAST]
    return rows[same[0] & same[1] & same[2]]


def _day(moment: pd.Timestamp) -> str | None:
    return None if pd.isna(moment) else str(moment.date())


def _known(value: float) -> float | None:
    return None if pd.isna(value) else value

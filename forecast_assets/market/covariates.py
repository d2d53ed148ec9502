"""Covariates: series that models may use beside the prices, by date or by date and region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast_assets.configuration.commodities import Covariate
from forecast_assets.errors import SourceError
from forecast_assets.market.files.layout import Layout
from forecast_assets.market.meaning import AS_WRITTEN, Meaning
from forecast_assets.market.plausible import Plausible
from forecast_assets.market.refusals import grouped, harmful, notes_of
from forecast_assets.market.rows import (
    Ahead,
    Rejection,
    Said,
    conflicting,
    days_until,
    numbers,
    read_rows,
    rejections_of,
    written_days,
)
from forecast_assets.market.stamps import read_stamps
from forecast_assets.timeline.history import Dates


@dataclass(frozen=True, eq=False)
class CovariateSeries:
    """One covariate as its files hold it, with its regions combined into one series.

    ``dates``: datetime64[D], shape (n,), strictly increasing: the day that a value belongs to, not
    the day on which it became known. ``values``: float64, shape (n,), finite. ``regions``: for each
    region that the configuration names, its days, of the same type as ``dates``.
    """

    name: str
    dates: Dates
    values: NDArray[np.float64]
    rejections: list[Rejection] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    regions: Mapping[str, Dates] = field(default_factory=dict)


def read_covariate(
    commodity: str,
    name: str,
    source: Covariate,
    folder: Path,
    today: date,
    meaning: Meaning = AS_WRITTEN,
) -> CovariateSeries:
    """Read the covariate called ``name`` of a commodity.

    ``folder``: where relative paths start. ``today``: values dated a few days after it are left
    out, and later ones are refused. ``meaning``: of the commodity's rows; a stamp with a zone
    belongs to the day in its zone. Raises SourceError if no file can be read, or if none holds a
    usable value.
    """
    whose, key = f"{commodity}, covariate {name}", f"commodities.{commodity}.covariates.{name}"
    rejections: list[Rejection] = []
    bounds = Plausible(commodity, meaning.bounds)
    usable = usable_values(whose, key, source, folder, today, meaning.zone, bounds, rejections)
    if usable.empty:
        first = f" First: {grouped(rejections)[0]}" if rejections else ""
        raise SourceError(f"{whose}: {source.path} holds no usable value.{first}")
    require_regions(whose, key, source, set(usable["region"]))
    daily = one_a_day(source, usable)
    return CovariateSeries(
        name,
        daily.index.to_numpy().astype("datetime64[D]"),
        daily.to_numpy(),
        harmful(rejections),
        [f"{whose}: {note}" for note in notes_of(rejections)],
        {region: _days(usable[usable["region"] == region]["date"]) for region in named(source)},
    )


def usable_values(
    whose: str,
    key: str,
    source: Covariate,
    folder: Path,
    today: date,
    zone: ZoneInfo | None,
    bounds: Plausible,
    rejections: list[Rejection],
) -> pd.DataFrame:
    """What the files hold that can be used: date, region and value, a row each date and region.

    What cannot is added to ``rejections``. Without regions in the files all are "everywhere".
    Raises SourceError where no file can be read.
    """
    column = source.column.lower()
    region = source.region.lower() if source.region else None
    labels = (region,) if region else ()
    layout = Layout(("date", column), required=("date", column, *labels), labels=labels)
    said = Said(source, key=f"{key}.{{}}")
    rows = read_rows(whose, layout, folder, source.path, f"{key}.path", rejections, said)
    stamps = read_stamps(rows["date"]).of_zone(zone)
    moments = written_days(whose, rows, stamps, rejections)
    moments = days_until(whose, rows, moments, Ahead(today), rejections)
    days = bounds.late_enough(whose, rows, moments, rejections).dt.normalize()
    table = pd.DataFrame({"date": days.astype("datetime64[s]")})
    values = numbers(whose, rows, column, rejections)
    table["value"] = bounds.small_enough(whose, rows, values, rejections)
    table["region"] = rows[region] if region else "everywhere"
    kept = table["date"].notna() & table["value"].notna() & (table["region"] != "")
    if region:
        unnamed = rows[rows[region] == ""]
        rejections += rejections_of(whose, unnamed, region, "a region without a name")
    keys = [table["date"], table["region"]]
    kept &= ~conflicting(
        whose, rows, kept, keys, table["value"].rename(column), "value", rejections
    )
    return table[kept].drop_duplicates(["date", "region"])


def named(source: Covariate) -> list[str]:
    """The regions that the configuration of a covariate names, in order."""
    return sorted({*(source.weights or {}), *(source.regions or [])})


def _days(dates: pd.Series) -> Dates:
    return np.sort(dates.to_numpy().astype("datetime64[D]"))


def require_regions(whose: str, key: str, source: Covariate, held: set[str]) -> None:
    """Raise SourceError for a region of the configuration that the files do not have."""
    option = "weights" if source.weights else "regions"
    unknown = [region for region in named(source) if region not in held]
    if unknown:
        raise SourceError(
            f"{whose}: {source.path} has no rows of the region {', '.join(unknown)}; it has"
            f" {', '.join(sorted(held))}: set {key}.{option}"
        )


def one_a_day(source: Covariate, rows: pd.DataFrame) -> pd.Series:
    """Combine the regions that have a value on a date into one value for that date.

    ``rows``: columns date, region and value, one row for each date and region. The source says how
    they are combined. ``mean``: the plain mean. ``weighted``: the mean weighted by ``weights``,
    which are scaled to add up to one over the regions that are present; regions without a weight
    do not count. ``first``: the value of the first region that is present, in the order of
    ``regions`` or else of the alphabet.
    """
    by_region = rows.pivot_table(index="date", columns="region", values="value").sort_index()
    if source.aggregate == "first":
        return (
            by_region[source.regions or sorted(by_region.columns)].bfill(axis=1).iloc[:, 0].dropna()
        )
    weights = pd.Series(source.weights or dict.fromkeys(sorted(by_region.columns), 1.0))
    chosen = by_region[list(weights.index)]
    present = chosen.notna() * weights
    return ((chosen * weights).sum(axis=1) / present.sum(axis=1)).dropna()

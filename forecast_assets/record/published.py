"""Publications: entries are whole and in order, and their numbers are those of the forecast."""

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from forecast_assets.evaluation.outlook import Outlook, outlook_sessions, outlooks
from forecast_assets.record.damage import FORECAST, Damage, damages, without
from forecast_assets.record.mending import BACKUP
from forecast_assets.record.paths import Block
from forecast_assets.record.rows import Rows

LOG, NUMBERS = "forecast.publication_log", "forecast.published_outlooks"

KEPT_SINCE = 3
"""The schema from which on the numbers of a page are kept."""

ENTRY = [*FORECAST, "entry"]

ROUNDING = 1e-9
"""Numbers differ if they do by more than this share of the largest of them."""

QUANTILES = ["median", "lower_80", "upper_80", "lower_95", "upper_95"]

SHOWN = [field.name for field in fields(Outlook)][1:]


def of_log(rows: Rows) -> list[Damage]:
    """What is wrong with the entries of the log and with the forecasts that they name."""
    log = rows.log
    forecasts = log.groupby(FORECAST)
    gaps = log[log.entry != forecasts.cumcount() + 1]
    early = log[log.published_at < forecasts.published_at.shift(1)]
    drawn = [*FORECAST, "generation_timestamp"]
    said = log[log.is_published & log.generation_timestamp.notna()]
    lost = without(without(said, rows.ledger, drawn), rows.superseded, drawn)
    own = said[said.published_at >= rows.kept_since(KEPT_SINCE)]
    ahead = own[own.published_at < own.generation_timestamp]
    kinds = {
        "gap in entries": (gaps, "entries are not 1, 2, 3 and so on"),
        "entries out of order": (early, "an entry was made before the one before it"),
        "published before it was drawn": (ahead, "its forecast did not exist at that moment"),
        "publication of no forecast": (lost, "neither the ledger nor what it replaced has it"),
        "other close": (_of_other_close(rows, said), "its forecast was drawn from another close"),
    }
    return [
        *(
            each
            for kind, (some, found) in kinds.items()
            for each in damages(kind, LOG, rows.commodity, some, found, BACKUP)
        ),
        *_counts(rows),
        *_of_superseded(rows, said),
    ]


def _of_other_close(rows: Rows, said: pd.DataFrame) -> pd.DataFrame:
    """The entries whose close is not that of their forecast, as far as both are known."""
    drawn = [*FORECAST, "generation_timestamp"]
    issued = pd.concat([rows.ledger, rows.superseded])[[*drawn, "cutoff_close"]]
    both = said.merge(issued.drop_duplicates(drawn), on=drawn, suffixes=("", "_drawn"))
    known = both.cutoff_close.notna() & both.cutoff_close_drawn.notna()
    return both[known & (both.cutoff_close != both.cutoff_close_drawn)]


def _of_superseded(rows: Rows, said: pd.DataFrame) -> list[Damage]:
    """Entries about superseded forecasts whose quantiles are not those that were kept of them.

    Risk is not compared, since it needs the paths.
    """
    drawn = [*FORECAST, "generation_timestamp"]
    past = rows.superseded[[*drawn, "revision"]].drop_duplicates(drawn)
    kept = rows.read("forecast.superseded_point_forecasts")[
        [*FORECAST, "revision", "day_ahead", *QUANTILES]
    ]
    told = said.merge(past, on=drawn)[[*ENTRY, "revision"]].merge(rows.outlooks, on=ENTRY)
    both = told.merge(kept, on=[*FORECAST, "revision", "day_ahead"], suffixes=("", "_kept"))
    stored = both[QUANTILES].to_numpy(dtype=np.float64)
    again = both[[f"{name}_kept" for name in QUANTILES]].to_numpy(dtype=np.float64)
    most = np.abs(again).max(axis=1, keepdims=True, initial=0.0)
    wrong = both[(np.abs(stored - again) > ROUNDING * most).any(axis=1)].drop_duplicates(ENTRY)
    found = "they are not those that were kept of its forecast"
    return damages("other outlooks", NUMBERS, rows.commodity, wrong, found, BACKUP)


def _counts(rows: Rows) -> list[Damage]:
    """Entries that lack numbers of their page, and numbers of no entry."""
    counted = rows.outlooks.groupby(ENTRY, as_index=False).day_ahead.agg(list)
    due = list(outlook_sessions(rows.horizon))
    said = rows.log[rows.log.is_published].merge(counted, how="left", on=ENTRY)
    none, late = said.day_ahead.isna(), said.published_at >= rows.kept_since(KEPT_SINCE)
    lost = said[(none & late) | (~none & said.day_ahead.map(lambda days: days != due))]
    strays = without(counted, rows.log[rows.log.is_published], ENTRY)
    name, whole = rows.commodity, f"the numbers of the page at sessions {due} are not there"
    return [
        *damages("missing outlooks", NUMBERS, name, lost, whole, BACKUP),
        *damages("outlooks of no entry", NUMBERS, name, strays, "the log has no entry", BACKUP),
    ]


def of_paths(rows: Rows, block: Block) -> list[Damage]:
    """Entries whose numbers are not those of the paths of their forecast.

    An entry about a forecast that was superseded is compared with what was kept of it.
    """
    drawn = [*FORECAST, "generation_timestamp"]
    issued = block.issued[drawn].assign(place=np.arange(len(block.issued)))
    issued = issued[np.isfinite(block.paths).all(axis=(1, 2))]
    said = rows.log_by_model.of(block.issued)
    if said.empty:
        return []
    said = said.merge(issued, on=drawn)[[*ENTRY, "place", "cutoff_close"]]
    numbers = said.merge(rows.outlooks_by_model.of(block.issued), on=ENTRY)
    if numbers.empty:
        return []
    entries = numbers.drop_duplicates(ENTRY).reset_index(drop=True)
    paths = block.paths[entries.place.to_numpy()].transpose(0, 2, 1)
    computed = _rows_of(entries, outlooks(paths, entries.cutoff_close.tolist()))
    both = numbers.merge(computed, on=[*ENTRY, "day_ahead"], suffixes=("", "_computed"))
    stored = both[SHOWN].to_numpy(dtype=np.float64)
    again = both[[f"{name}_computed" for name in SHOWN]].to_numpy(dtype=np.float64)
    most = np.abs(again).max(axis=1, keepdims=True)
    wrong = both[(np.abs(stored - again) > ROUNDING * most).any(axis=1)].drop_duplicates(ENTRY)
    found = "they are not those of the paths of its forecast"
    return damages("other outlooks", NUMBERS, rows.commodity, wrong, found, BACKUP)


def _rows_of(entries: pd.DataFrame, some: list[list[Outlook]]) -> pd.DataFrame:
    """A row for each entry and session ahead."""
    told: list[dict[str, Any]] = [
        dict(zip(ENTRY, key, strict=True)) | vars(each)
        for key, of_entry in zip(entries[ENTRY].itertuples(index=False), some, strict=True)
        for each in of_entry
    ]
    return pd.DataFrame(told).rename(columns={"sessions": "day_ahead"})

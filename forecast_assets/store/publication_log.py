"""What was published at a moment, computed from the log of publications."""

from datetime import datetime

import pandas as pd

from forecast_assets.store.contract import Reading
from forecast_assets.store.frames import frame
from forecast_assets.store.ledger import FORECAST, of

LOG = "commodity.forecast.publication_log"


def published_at(tables: Reading, commodity: str, moment: datetime) -> pd.DataFrame:
    """The newest entry about each forecast published at ``moment`` (UTC), in order of cutoffs."""
    told = frame(tables.read(LOG, where=[*of(commodity), ("published_at", "<=", moment)]))
    newest = told.sort_values("entry").drop_duplicates(FORECAST, keep="last")
    shown = newest[newest.is_published].drop(columns="is_published")
    by = ["data_cutoff_date", "model_version", "model_name"]
    return shown.sort_values(by, ignore_index=True)

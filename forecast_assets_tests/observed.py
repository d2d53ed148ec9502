"""What a source says of prices, as observations made up without a file."""

from datetime import date

import pandas as pd

from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS


def said(closes: dict[date, float], origin: str = "file:a.csv", **columns: float) -> Observations:
    """A close on some days, and other columns on all of them; those of a file are all there are."""
    table = pd.DataFrame({"date": pd.to_datetime([*closes]), "close": [*closes.values()]})
    prices = table.assign(**columns).reindex(columns=list(COLUMNS)).sort_values("date")
    kept = prices.astype(dict.fromkeys(COLUMNS[1:], "float64"))
    return Observations("Coffee", origin, kept, complete=origin.startswith("file"))

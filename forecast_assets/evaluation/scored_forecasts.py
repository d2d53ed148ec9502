"""The forecasts of a commodity and version that have scores, as they were when they were scored."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from typing import ClassVar

import pyarrow as pa

from forecast_assets.evaluation.records import ScoredForecast
from forecast_assets.forecast.forecast_columns import ForecastColumns


@dataclass(frozen=True, eq=False)
class ScoredForecasts(ForecastColumns[ScoredForecast]):
    """Scored forecasts as columns."""

    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("model_name", pa.string()),
            ("data_cutoff_date", pa.date32()),
            ("forecast_start_date", pa.date32()),
            ("generation_timestamp", pa.timestamp("us")),
            ("cutoff_close", pa.float64()),
        ]
    )

    def __iter__(self) -> Iterator[ScoredForecast]:
        """Make an object of each row."""
        for row, outcome in zip(self.rows.to_pylist(), self.outcomes.tolist(), strict=True):
            closes = [close for close in outcome if not isnan(close)]
            yield ScoredForecast(**row, outcome=closes)

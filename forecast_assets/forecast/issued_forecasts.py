"""The forecasts that the tables hold of a commodity and version."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.forecast.forecast_columns import ForecastColumns, Mask
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.timeline.history import Dates


@dataclass(frozen=True, eq=False)
class IssuedForecasts(ForecastColumns[IssuedForecast]):
    """Issued forecasts as columns."""

    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("model_name", pa.string()),
            ("model_id", pa.string()),
            ("training_date", pa.date32()),
            ("data_cutoff_date", pa.date32()),
            ("forecast_start_date", pa.date32()),
            ("payload_sha256", pa.string()),
            ("history_fingerprint", pa.string()),
            ("n_paths", pa.int32()),
            ("generation_timestamp", pa.timestamp("us")),
            ("cutoff_close", pa.float64()),
            ("told", pa.bool_()),
        ]
    )

    def __iter__(self) -> Iterator[IssuedForecast]:
        """Make an object of each row."""
        for row, outcome in zip(self.rows.to_pylist(), self.outcomes.tolist(), strict=True):
            closes = [None if isnan(close) else close for close in outcome]
            is_told = row.pop("told")
            yield IssuedForecast(**row, outcome=closes if is_told else None)

    @cached_property
    def trained(self) -> Dates:
        """The training date of the model that made each."""
        return self.column("training_date")

    @cached_property
    def n_paths(self) -> NDArray[np.int32]:
        """The number of paths of each."""
        return self.column("n_paths")

    @property
    def told(self) -> Mask:
        """Which have a row of outcomes in the tables."""
        return self.column("told")

    def alike(self) -> Iterator["IssuedForecasts"]:
        """The forecasts of each model that have equally many paths."""
        for name in self.places:
            mine = self.of_model(name)
            for n_paths in np.unique(mine.n_paths):
                yield mine.only(mine.n_paths == n_paths)

    def made_of(self, payload_sha256: str, places: NDArray[np.intp]) -> Mask:
        """Which of the forecasts at some places were made by a model with this payload."""
        codes, payloads = self._payloads
        made: Mask = codes[places] == payloads.get(payload_sha256, -1)
        return made

    @cached_property
    def _payloads(self) -> tuple[NDArray[np.int32], dict[str, int]]:
        """The number of each one's payload, and the numbers of payloads."""
        coded = self.rows.column("payload_sha256").combine_chunks().dictionary_encode()
        payloads = coded.dictionary.to_pylist()
        return coded.indices.to_numpy(), {each: code for code, each in enumerate(payloads)}

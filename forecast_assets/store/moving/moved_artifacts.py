"""Copying the payloads that are too large for their rows from one artifact store to another."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecast_assets.errors import ArtifactsUnavailable, PayloadCorrupted
from forecast_assets.forecast.payloads import LARGEST_PAYLOAD
from forecast_assets.store.artifacts import ArtifactStore, address_of
from forecast_assets.store.contract import Reading
from forecast_assets.store.moving.pieces import ALL, Choice
from forecast_assets.store.tables.forecast import TRAINED_MODELS

COLUMNS = ["model_id", "fitted_model_uri", "model_size_bytes", "payload_sha256"]


@dataclass(frozen=True)
class Payloads:
    """The payloads of models, which are copied from ``source`` to ``target``."""

    source: ArtifactStore
    target: ArtifactStore

    def copy(self, tables: Reading, choice: Choice = ALL) -> list[str]:
        """Copy those of some rows of models; return a line for each that could not be copied."""
        rows = tables.read(TRAINED_MODELS.name, COLUMNS, choice.of(TRAINED_MODELS)).to_pylist()
        problems = []
        for row in [row for row in rows if row["fitted_model_uri"] is not None]:
            try:
                self._copy(row)
            except (PayloadCorrupted, ArtifactsUnavailable) as error:
                problems.append(f"{row['model_id']}: {error}")
        return problems

    def _copy(self, row: Mapping[str, Any]) -> None:
        """Copy one. Raises PayloadCorrupted unless it is the one that was saved."""
        sha256, size = row["payload_sha256"], row["model_size_bytes"]
        folder, _, name = address_of(row["fitted_model_uri"]).rpartition("/")
        if name != f"{sha256}.json" or not 0 <= size <= LARGEST_PAYLOAD:
            raise PayloadCorrupted("its row names no payload that was written here: train it again")
        payload = self.source.read(row["fitted_model_uri"], size)
        if hashlib.sha256(payload).hexdigest() != sha256:
            raise PayloadCorrupted("its payload is not the one that was saved: train it again")
        self.target.write(folder, sha256, payload)

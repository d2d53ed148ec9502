"""The artifact store: payloads too large for a table, each under the hash of its bytes."""

import uuid
from dataclasses import dataclass

from upath import UPath

from forecast_assets.errors import PayloadCorrupted


@dataclass(frozen=True)
class ArtifactStore:
    """A folder anywhere that fsspec reaches: ``file:///data/artifacts``, ``s3://bucket/models``."""

    url: str

    def write(self, folder: str, sha256: str, payload: bytes) -> str:
        """Store ``payload`` and return its URL.

        It appears whole or not at all: it is written beside its place, then moved there.
        """
        place = UPath(self.url) / folder / f"{sha256}.json"
        if place.exists() and place.read_bytes() == payload:
            return str(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.parent / f"{sha256}.{uuid.uuid4().hex}.part"
        beside.write_bytes(payload)
        beside.rename(place)
        return str(place)

    @staticmethod
    def read(url: str) -> bytes:
        """The bytes at ``url``. Raises PayloadCorrupted where there are none."""
        try:
            payload: bytes = UPath(url).read_bytes()
        except OSError as error:
            raise PayloadCorrupted(f"{url} cannot be read: {error}") from error
        return payload

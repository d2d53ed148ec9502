"""The artifact store: files for payloads that are too large for a table, named by their hash."""

import uuid
from dataclasses import dataclass, field

from upath import UPath

from forecast_assets.errors import PayloadCorrupted

PARTS = 5
"""A file's place in the store: commodity, model, training date, version, and its name."""


@dataclass(frozen=True)
class ArtifactStore:
    """A folder on any file system of fsspec: ``file:///data/artifacts``, ``s3://bucket/models``."""

    url: str = field(repr=False)

    def write(self, folder: str, sha256: str, payload: bytes) -> str:
        """Store ``payload`` and return its URL.

        The file is written beside its place and then moved there, so that it is never incomplete.
        """
        place = UPath(self.url) / folder / f"{sha256}.json"
        if place.exists() and place.read_bytes() == payload:
            return str(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.parent / f"{sha256}.{uuid.uuid4().hex}.part"
        beside.write_bytes(payload)
        beside.rename(place)
        return str(place)

    def read(self, url: str) -> bytes:
        """The bytes that were written at ``url``. Raises PayloadCorrupted if there is no such file.

        They are looked for in this store first, since the store may have been moved or copied.
        """
        here = UPath(self.url).joinpath(*UPath(url).parts[-PARTS:])
        try:
            payload: bytes = (here if here.exists() else UPath(url)).read_bytes()
        except OSError as error:
            raise PayloadCorrupted(f"{url} cannot be read: {error}") from error
        return payload

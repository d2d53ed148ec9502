"""The artifact store: files for payloads that are too large for a table, named by their hash.

Whoever may write rows or files there may name any file and put anything in its place. So a file is
read only by its address below the store's root, only if it is a regular file that lies there, and
no further than the size that is expected. Other file systems have a limited time to answer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from upath import UPath

from forecast_assets.errors import ArtifactMissing, ArtifactsUnavailable, PayloadCorrupted
from forecast_assets.outside import HIDDEN, masked, plain
from forecast_assets.store import local_files
from forecast_assets.store.answering import answer_of

PARTS = 5
"""A file's address in the store: commodity, model, training date, version, and its name."""

PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

SECONDS = 10.0
"""How long a file system has for one file, if the configuration does not say it."""

LOCAL = re.compile(r"(?:file|local)://")

MOST_SAID = 300
"""How much of a library's message is told."""

Answer = TypeVar("Answer")


def address_of(uri: str) -> str:
    """The address in the store of a file; ``uri``: it, or a whole URL that ends with it.

    Raises PayloadCorrupted for what can be no address of a file that was written here.
    """
    parts = [part for part in uri.split("/") if part][-PARTS:]
    if not parts or not all(PART.fullmatch(part) for part in parts):
        raise PayloadCorrupted(f"{masked(uri)[:MOST_SAID]!r} is no address of an artifact")
    return "/".join(parts)


@dataclass(frozen=True)
class ArtifactStore:
    """A folder on any file system of fsspec: ``file:///data/artifacts``, ``s3://bucket/models``.

    ``url``: may hold credentials, so no message has it. ``seconds``: the most for one file.
    """

    url: str = field(repr=False)
    seconds: float = SECONDS

    @property
    def root(self) -> Path | None:
        """The folder, if it is one of this machine."""
        if "://" not in self.url:
            return Path(self.url)
        found = LOCAL.match(self.url)
        return Path(self.url[found.end() :]) if found else None

    def write(self, folder: str, sha256: str, payload: bytes) -> str:
        """Store ``payload`` and return its address, which is relative to the root.

        The file is written beside its place and then moved there, so that it is never incomplete.
        What killed processes have left of it is deleted.
        Raises ArtifactsUnavailable.
        """
        address, root = f"{folder}/{sha256}.json", self.root
        if not self._holds(address, payload):
            if root is not None:
                self._answered(address, lambda: local_files.write(root, address, payload))
            else:
                self._asked(address, lambda: local_files.put(UPath(self.url) / address, payload))
        return address

    def read(self, uri: str, size: int) -> bytes:
        """The bytes that were written at an address, ``size`` of them.

        ``uri``: may be a whole URL, as older releases wrote it. Only the address in it counts: the
        store may have been moved or copied, and no other place is read. Raises PayloadCorrupted
        unless there is a regular file of this size, and ArtifactsUnavailable if the file system
        does not answer.
        """
        address = address_of(uri)
        payload = self._found(address, size)
        if payload is None:
            if self.root is None:
                self._asked(address, lambda: _require_there(UPath(self.url)))
            raise ArtifactMissing(f"the artifact {address} cannot be read: there is no such file")
        if len(payload) != size:
            more = "more than" if len(payload) > size else f"{len(payload):,} of"
            raise PayloadCorrupted(f"the artifact {address} has {more} the {size:,} bytes it had")
        return payload

    def _holds(self, address: str, payload: bytes) -> bool:
        try:
            return self._found(address, len(payload)) == payload
        except PayloadCorrupted:
            return False

    def _found(self, address: str, size: int) -> bytes | None:
        """At most one byte more than ``size`` of a file; None if there is no file."""
        if (root := self.root) is not None:
            return self._answered(address, lambda: local_files.read(root, address, size))
        return self._asked(address, lambda: self._read_far(address, size))

    def _read_far(self, address: str, size: int) -> bytes | None:
        try:
            with (UPath(self.url) / address).open("rb") as file:
                payload: bytes = file.read(size + 1)
                return payload
        except FileNotFoundError:
            return None

    def _asked(self, address: str, ask: Callable[[], Answer]) -> Answer:
        return self._answered(address, lambda: answer_of(self.url, self.seconds, ask))

    def _answered(self, address: str, ask: Callable[[], Answer]) -> Answer:
        """What a file system answers. Raises ArtifactsUnavailable for any error of it."""
        try:
            return ask()
        except PayloadCorrupted:
            raise
        except Exception as error:  # a boundary: any library of fsspec, and its error is told
            of_the_file = local_files.without_mark(str(error).replace(self.url, HIDDEN))
            said = plain(masked(of_the_file)[:MOST_SAID])
            raise ArtifactsUnavailable(
                f"the artifact {address} cannot be reached ({type(error).__name__}: {said}): look"
                " at artifacts.url; what is stored there is kept, and asked for again later"
            ) from error


def _require_there(root: UPath) -> None:
    """Raise FileNotFoundError if a whole store is not there: then no file of it was lost."""
    if not root.exists():
        raise FileNotFoundError("there is no such folder or bucket, or nothing in it")

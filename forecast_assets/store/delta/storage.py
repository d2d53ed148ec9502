"""The storage of Delta tables: how it is reached, and what goes wrong there in words.

A folder needs nothing. S3 is reached by what the environment has for all its programs:
``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, and ``AWS_ENDPOINT_URL`` for a
store that is not Amazon's.
"""

import os
import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import unquote, urlsplit

import pyarrow.dataset as ds
from deltalake import DeltaTable
from pyarrow import fs

from forecast_assets.outside import masked, plain

PATIENCE: Mapping[str, str] = {
    "connect_timeout": "5s",
    "timeout": "60s",
    "max_retries": "5",
    "retry_timeout": "60s",
}
"""How long a request may take, and how long one that failed is repeated."""

CODE = re.compile(r"<Code>(\w{1,60})</Code>")

KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

WORDS: Mapping[str, str] = {
    "SignatureDoesNotMatch": f"the secret key is another than that of the access key: check {KEYS}",
    "InvalidAccessKeyId": f"this access key is not known there: check {KEYS}",
    "AccessDenied": "the access key may not do this: give it the right to read, write and list",
    "NoSuchBucket": "there is no such bucket: make it, or correct `store.url`",
    "RequestTimeTooSkewed": "the clock of this machine is wrong: set it, for example by NTP",
    "ExpiredToken": "the session token has expired: get a new one",
    "SlowDown": "the store asks for fewer requests: wait, and run again",
}
"""What the codes of S3 mean, and what to do."""

UNREACHED = ("Connection refused", "dns error", "tcp connect error", "timed out")
"""Parts of what the library says if no answer came."""

CUT = ("error sending request", "connection closed", "connection error", "Connection reset")
"""Parts of what it says if a connection has ended in the middle."""

GONE = ("Failed to open local file", "Path does not exist")
"""Parts of what Arrow says of a file that was deleted."""

LONGEST = 500
"""The most characters of an error that is not known."""


def options_of(url: str) -> dict[str, str]:
    """The options with which the library reaches a URL."""
    if not url.startswith("s3://"):
        return {}
    endpoint = endpoint_of_s3()
    plainly = {"allow_http": "true"} if endpoint.startswith("http://") else {}
    return {**PATIENCE, **({"endpoint": endpoint} if endpoint else {}), **plainly}


def endpoint_of_s3() -> str:
    """The address of a store that is not Amazon's; else empty."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")


def rows_of(table: DeltaTable) -> ds.Dataset:
    """The rows of a table as it is open, read when they are asked for.

    The files are read by Arrow alone. The library's own way asks Python for each piece of them; but
    DuckDB holds Python's lock while pyarrow begins to read, so both would wait for each other.
    """
    return table.to_pyarrow_dataset(filesystem=files_below(table.table_uri))


def files_below(url: str) -> fs.FileSystem:
    """The files below an address, for reading."""
    parts = urlsplit(url)
    if parts.scheme != "s3":
        return fs.SubTreeFileSystem(unquote(parts.path), fs.LocalFileSystem())
    endpoint, region = endpoint_of_s3(), os.environ.get("AWS_REGION")
    bucket = f"{parts.netloc}{unquote(parts.path)}".rstrip("/")
    return fs.SubTreeFileSystem(
        bucket, s3(endpoint, region or os.environ.get("AWS_DEFAULT_REGION", ""))
    )


@cache
def s3(endpoint: str, region: str) -> fs.S3FileSystem:
    """Arrow's own client, with the keys of the environment."""
    return fs.S3FileSystem(
        **({"endpoint_override": endpoint} if endpoint else {}),
        **({"region": region} if region else {}),
        connect_timeout=5,
        request_timeout=60,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=5),
    )


def in_words(error: Exception) -> str:
    """What went wrong and what to do, without the escapes and secrets that an error may have."""
    said = plain(" ".join(re.sub(r"\x1b\[[0-9;]*m|↳", "", str(error)).split()))
    found = CODE.search(said)
    if found and found[1] in WORDS:
        return f"S3 says {found[1]}: {WORDS[found[1]]}"
    if any(part in said for part in UNREACHED):
        return (
            "the store did not answer: check that it runs, and AWS_ENDPOINT_URL; nothing of this"
            f" write is seen: {masked(said)[-200:]}"
        )
    if any(part in said for part in GONE):
        return (
            "a file of that moment is not there any more: a compaction deletes what was replaced"
            f" before `store.keep_days`: read a later moment: {masked(said)[-200:]}"
        )
    if any(part in said for part in CUT):
        return (
            "the connection to the store was cut, and again when it was tried anew: check the"
            f" network, and run again; nothing of this write is seen: {masked(said)[-200:]}"
        )
    return masked(said)[:LONGEST]

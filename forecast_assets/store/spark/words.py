"""What Spark says when something goes wrong, in words of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.errors import PySparkException

from forecast_assets.errors import StoreError
from forecast_assets.outside import plain, shortened

LONGEST = 500
"""The most characters of what Spark says that an error quotes."""

CONFLICTS = ("DELTA_CONCURRENT_", "DELTA_METADATA_CHANGED", "ConcurrentModificationException")
"""Parts of what Delta says if another program has written what a commit has read."""


@contextmanager
def told_as_ours(what: str) -> Iterator[None]:
    """Turn errors of Spark into a StoreError. ``what``: that which was worked on."""
    try:
        yield
    except PySparkException as error:
        said = " ".join(str(error).partition("JVM stacktrace")[0].split())
        raise StoreError(f"{what}: Spark says: {shortened(plain(said), LONGEST)}") from error


def is_conflict(error: BaseException) -> bool:
    """Whether another program has written the same, so that the same may be tried again."""
    return isinstance(error, PySparkException) and any(x in str(error) for x in CONFLICTS)

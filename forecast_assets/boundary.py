"""The boundary of a commodity: an error inside it is told by name, and stops no other commodity."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from forecast_assets.errors import CommoditiesFailed, ForecastAssetsError, Interrupted, StoreLocked

LOG = logging.getLogger(__name__)


@contextmanager
def boundary(name: str, failures: list[str]) -> Iterator[None]:
    """Do something for one commodity; whatever it raises becomes a line of ``failures``.

    ``name``: the commodity, or what else an error is to be told of. A wish to stop goes through,
    and so do tables that another process keeps, which would keep every other commodity waiting
    as long.
    """
    try:
        yield
    except (Interrupted, StoreLocked):
        raise
    except Exception as error:  # the boundary: told by name, and the others go on
        failures.append(told_of(name, error))
        LOG.debug("%s", failures[-1], exc_info=True)


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Do something for one commodity that nothing else waits for.

    Raises CommoditiesFailed, with the same line as ``boundary``, for what nobody expected.
    """
    try:
        yield
    except ForecastAssetsError:
        raise
    except Exception as error:  # the boundary again, told at once
        raise CommoditiesFailed(told_of(name, error)) from error


def told_of(name: str, error: Exception) -> str:
    """An error in one line that begins with a name.

    What the package raises on purpose says all in its message; of anything else the kind of error
    is told too.
    """
    said = " ".join(str(error).split())
    if not isinstance(error, ForecastAssetsError):
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return said if said.startswith(f"{name}: ") else f"{name}: {said}"

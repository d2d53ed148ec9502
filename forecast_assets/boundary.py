"""The boundary of a commodity: its errors are reported by its name and stop no other commodity."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from forecast_assets.errors import CommoditiesFailed, ForecastAssetsError, Interrupted, StoreLocked
from forecast_assets.outside import plain

LOG = logging.getLogger(__name__)


@contextmanager
def boundary(name: str, failures: list[str]) -> Iterator[None]:
    """Run a block for one commodity; an error in it becomes a line of ``failures``.

    ``name``: the commodity, or another name for the line to begin with. Two errors are not caught.
    Interrupted, since the user wants to stop. StoreLocked, since every other commodity would wait
    for the locked tables as long.
    """
    try:
        yield
    except (Interrupted, StoreLocked):
        raise
    except Exception as error:  # the boundary: the error is reported, and the others go on
        failures.append(told_of(name, error))
        LOG.debug("%s", failures[-1], exc_info=True)


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Run a block for one commodity when there are no others to go on with.

    Errors of this package pass. Any other error becomes CommoditiesFailed, with the line that
    ``boundary`` would report.
    """
    try:
        yield
    except ForecastAssetsError:
        raise
    except Exception as error:  # the boundary, too: the error is raised with the commodity's name
        raise CommoditiesFailed(told_of(name, error)) from error


def told_of(name: str, error: Exception) -> str:
    """An error as one line that begins with ``name``.

    The line also has the class of an error that is not of this package, since only the package's
    own messages are complete without it.
    """
    said = plain(" ".join(str(error).split()))
    if not isinstance(error, ForecastAssetsError):
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return said if said.startswith(f"{name}: ") else f"{name}: {said}"

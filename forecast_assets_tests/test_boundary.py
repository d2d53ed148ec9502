"""The boundary of a commodity: what goes through it, and how the rest is told."""

import pytest

from forecast_assets.boundary import boundary
from forecast_assets.errors import ConfigurationError, Interrupted, SourceError, StoreLocked


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("one\n  two"), "Brent: ValueError: one two"),
        (KeyError("close"), "Brent: KeyError: 'close'"),
        (AssertionError(), "Brent: AssertionError"),
        (SourceError("Brent: no file at x.csv"), "Brent: no file at x.csv"),
        (ConfigurationError("calendar: not known"), "Brent: calendar: not known"),
        (PermissionError(13, "Permission denied", "a"), "Brent: PermissionError: [Errno 13]"),
    ],
)
def test_an_error_is_one_line_that_begins_with_the_name(error: Exception, says: str) -> None:
    failures: list[str] = []
    with boundary("Brent", failures):
        raise error
    assert len(failures) == 1
    assert failures[0].startswith(says)
    assert "\n" not in failures[0]


@pytest.mark.parametrize("error", [Interrupted("stop"), StoreLocked("x"), KeyboardInterrupt()])
def test_a_wish_to_stop_and_locked_tables_go_through(error: BaseException) -> None:
    failures: list[str] = []
    with pytest.raises(type(error)), boundary("Brent", failures):
        raise error
    assert failures == []


def test_where_nothing_is_raised_nothing_is_told() -> None:
    failures: list[str] = []
    with boundary("Brent", failures):
        pass
    assert failures == []

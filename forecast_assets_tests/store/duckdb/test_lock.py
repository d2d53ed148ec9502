"""Which program is read from DuckDB's message, whatever words are in the path."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from forecast_assets.store.duckdb.lock import LOCKED, holder_of

ENDING = "See also https://duckdb.org/docs/current/connect/concurrency"


@pytest.mark.parametrize(
    ("path", "told", "holder"),
    [
        ("/data/x.duckdb", "/usr/bin/python3.11 (PID 1234)", "/usr/bin/python3.11 (PID 1234)"),
        (
            "/my (PID 7)/x",
            "/opt/dbeaver/jre/bin/java (PID 9) by user ann",
            "/opt/dbeaver/jre/bin/java (PID 9)",
        ),
        ("/a b/x", "/home/ann/my tools/duckdb (PID 31)", "/home/ann/my tools/duckdb (PID 31)"),
        ("/Conflicting lock is held in /bin/cat (PID 3)/x", "/bin/sh (PID 5)", "/bin/sh (PID 5)"),
        ("/data/x.duckdb", "PID 77", "a program (PID 77)"),
    ],
)
def test_the_program_is_read_from_the_message(path: str, told: str, holder: str) -> None:
    message = f'{LOCKED}{path}": Conflicting lock is held in {told}. {ENDING}'
    assert holder_of(duckdb.IOException(message)) == holder


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: duckdb.connect(folder / "lock" / "locked.duckdb"),
        lambda folder: duckdb.connect(folder / "Could not set lock.duckdb", read_only=True),
        lambda folder: duckdb.connect(folder),
    ],
)
def test_what_only_looks_like_a_lock_is_not_waited_for(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    with pytest.raises(duckdb.Error) as caught:
        make(tmp_path)
    assert holder_of(caught.value) is None

"""Processes that write again and again until they are killed in the middle of a write."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from forecast_assets_tests.graphs import ROOT

BEGINS, ENDED = b"begins\n", b"ended\n"
"""The lines that a writer prints before and after each write."""

Writer = subprocess.Popen[bytes]


@contextmanager
def writing(program: str, *arguments: str) -> Iterator[Writer]:
    """A process of a Python program, once it has ended its first write; it is killed at the end."""
    command = [sys.executable, "-c", program, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    try:
        heard(writer, ENDED)
        yield writer
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()


def heard(writer: Writer, line: bytes) -> float:
    """Wait until a writer says a line; return when that was."""
    assert writer.stdout is not None
    while (said := writer.stdout.readline()) != line:
        assert said, "it has ended"
    return time.monotonic()


def wait_for_part(writer: Writer, share: float) -> None:
    """Wait until so much of a write is done, if it takes as long as the one before."""
    lasts = -heard(writer, BEGINS) + heard(writer, ENDED)
    heard(writer, BEGINS)
    time.sleep(share * lasts)

"""Processes that land what waits, quick to start: they fork from one that has imported all."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from forecast_assets.configuration.settings import load_settings
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.reception import receive
from forecast_assets.store.opening import open_store

FORKING = get_context("forkserver")
FORKING.set_forkserver_preload([__name__])


def land(environment: Mapping[str, str], words: Connection) -> None:
    """Land all that waits; say when it is ready, when each file begins, and when all is done."""
    os.environ.update(environment)
    settings = load_settings()
    folder, store = LandingFolder(settings), open_store(settings)
    folder.make()
    words.send("ready")
    for arrival in folder.waiting(time.time() + 1).whole:
        words.send("begins")
        receive(folder, arrival, store.landings, datetime(2026, 11, 20), "run")  # noqa: DTZ001
    words.send("done")


@dataclass(frozen=True)
class Lander:
    """A process that lands, and what it says."""

    process: BaseProcess
    words: Connection

    def hear(self) -> str:
        """The next word; nothing after the last."""
        try:
            return str(self.words.recv())
        except EOFError:
            return ""

    def rest(self) -> list[str]:
        """All other words."""
        return list(iter(self.hear, ""))


@contextmanager
def landing(environment: Mapping[str, str]) -> Iterator[Lander]:
    """A process that lands what waits in the places of an environment; it ends with the block."""
    words, told = FORKING.Pipe(duplex=False)
    process = FORKING.Process(target=land, args=(environment, told))
    process.start()
    told.close()
    try:
        yield Lander(process, words)
    finally:
        process.join()
        words.close()

"""Settled: a command has left nothing to do, and nothing that it has read has changed since.

``forecast run`` notes at its end what it has read: the files of prices and covariates, the tables,
the report, the configuration and the day. If all of this is the same at its next beginning, sources
need not be read again and the report need not be made again; the plan says whether anything else is
due. Whatever is not known to be the same is read.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import forecast_assets
from forecast_assets.automation.attempts import Attempts
from forecast_assets.automation.plan import Plan, plan, plan_inputs
from forecast_assets.automation.standing_notes import standing_notes
from forecast_assets.automation.version_differences import version_lines
from forecast_assets.automation.waiting import held_files
from forecast_assets.automation.work import Work, signature
from forecast_assets.configuration.home import INSTANCE_SETTINGS, history_of
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files.regular import opened
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.source_files import source_state, stamp
from forecast_assets.store.contract import Store
from forecast_assets.store.local_files import put
from forecast_assets.store.pinning import PinnedVersion

NOTE = ".settled"
"""The name of the note in the data folder."""

LARGEST_NOTE = 1_000_000
"""Most bytes of the note that are read; a declined piece of work takes about fifty."""


@dataclass(frozen=True)
class Settled:
    """The note of a configuration, in its data folder."""

    settings: Settings
    store: Store

    @property
    def file(self) -> Path:
        """The note: what was read, and a line for each piece of work that models declined."""
        return self.settings.home / NOTE

    def note(
        self, sources: Sequence[str] | None, token: str, said: Iterable[str], now: datetime
    ) -> None:
        """Note that a command has left nothing to do, as its own plan says.

        Nothing is noted if a failure is recorded, or if the command would say something else when
        it has nothing to do. ``sources``: the state of the source files before they were read.
        ``token``: of the tables, before that plan was made. ``said``: its notes. ``now``: with a
        time zone.
        """
        names, broken = list(self.settings.commodities), list[str]()
        failed = [
            each
            for name in names
            for each in self.store.failures.find(name, self.settings.model_version)
            if each.model_name in self.settings.models and not each.declined
        ]
        standing, read = self.notes(now, broken), self._read(now)
        if failed or broken or set(said) - set(standing) or read is None:
            return
        declined = sorted(_lines(self._plan(now)))
        # Whatever another program has changed since it was read is not known to be done.
        if sources == source_state(self.settings) and token == self.store.token():
            put(self.file, "\n".join([read, *declined]).encode())

    def notes(self, now: datetime, broken: list[str]) -> list[str]:
        """What a command says that has nothing to do; ``broken`` gets what goes wrong."""
        settings, store = self.settings, self.store
        lines = version_lines(PinnedVersion.of(settings, store), now)
        names, moment = list(settings.commodities), now.astimezone(UTC).replace(tzinfo=None)
        return [*lines, *standing_notes(settings, store, names, moment, broken)]

    def holds(self, now: datetime) -> bool:
        """Whether nothing has changed since the note, and nothing is due; ``now``: with a zone.

        Raises OSError, and StoreLocked if another process keeps the tables.
        """
        noted = self._noted()
        if not noted or noted[0] != self._read(now):
            return False
        found = self._plan(now)
        return not found.failures and _lines(found) <= set(noted[1:])

    def _plan(self, now: datetime) -> Plan:
        """All that is due, if nothing was ever tried: what models declined is among it."""
        meant = PinnedVersion.of(self.settings, self.store).settings
        untried = Attempts((), self.settings.automation, self.store.marks)
        return plan(meant, self.store, untried, now)

    def _read(self, now: datetime) -> str | None:
        """A hash of all that a command reads; None if something must be asked, or has just come."""
        settings, folder = self.settings, LandingFolder(self.settings)
        sources, waiting = source_state(settings), folder.waiting(time.time())
        if sources is None or waiting.whole or waiting.unfinished:
            return None
        history = history_of(settings.places.dagster)
        if not history.runs:  # the UI would show nothing of what the tables hold
            return None
        days = days_of(settings, now)
        inputs = plan_inputs(settings, self.store, now)
        dagster = settings.places.dagster / INSTANCE_SETTINGS
        files = [stamp(file) for file in (dagster, *copies(settings), *code())]
        runs = [history.runs, history.newest]
        return signature(str(dagster), runs, files, inputs, sources, days, held_files(folder))

    def _noted(self) -> list[str]:
        """The lines of the note; none if there is no such file."""
        try:
            with opened(self.file) as file:
                return file.read(LARGEST_NOTE).decode(errors="replace").split("\n")
        except (FileNotFoundError, UnclearFormat):
            return []


def days_of(settings: Settings, now: datetime) -> list[str]:
    """The day in UTC, and where each commodity trades; ``now``: in UTC."""
    moment = now.replace(tzinfo=None)
    days = [Meaning.of(*each).today(moment) for each in settings.commodities.items()]
    return [day.isoformat() for day in (now.date(), *days)]


def copies(settings: Settings) -> list[Path]:
    """The copy of the tables for programs that only read, if there is to be one."""
    return [settings.read_copy_path] if settings.database.read_copy else []


def code() -> list[Path]:
    """The files of this package, without those that Python compiles."""
    files = Path(forecast_assets.__file__).parent.rglob("*")
    return sorted(each for each in files if each.is_file() and each.suffix != ".pyc")


def _lines(found: Plan) -> set[str]:
    """What a plan asks for, a line for each piece of work."""
    asked: list[Work] = [work for request in found.requests for work in request.work]
    return {f"{work.signature} {work.name}" for work in asked}

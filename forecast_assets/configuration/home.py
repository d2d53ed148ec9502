"""Where the configuration, the data folder and Dagster's home with its history are.

Every command, sensor, run and make target uses this one rule. The configuration is the file that
``FORECAST_CONFIG`` names, or ``forecast.yaml`` in the current folder. The data folder is
``FORECAST_HOME``, or ``data`` beside the configuration. Dagster's home is ``DAGSTER_HOME``, or
``.dagster`` beside the configuration.
"""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from errno import EILSEQ, ENOTDIR
from importlib.resources import files
from pathlib import Path

from forecast_assets.errors import ConfigurationError

CONFIGURATION, DATA, DAGSTER = "FORECAST_CONFIG", "FORECAST_HOME", "DAGSTER_HOME"
"""The environment variables that name these three places; an empty variable counts as not set."""

DATABASE = "commodity.duckdb"
"""The database file in the data folder. SQL clients see its name as the catalog of every table."""

INSTANCE_SETTINGS = "dagster.yaml"
"""The file in a Dagster home that holds the settings of its instance."""

DAGSTER_OF_DATA, DATA_OF_DAGSTER = ".dagster_home", ".data_folder"
"""Note files: the data folder notes which Dagster home it was last used with, and the reverse."""

HISTORIES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
"""The databases of a Dagster home that all runs share."""

PROBE_BYTES = 65536
"""A disk without room for so many bytes counts as full."""

LOCK_SECONDS = 60.0
"""How long to wait for another process that prepares the same Dagster home."""

ANY_BYTES = "surrogateescape"
"""How notes are read and written: names of folders need not be UTF-8, and neither need a note."""

PATIENCE_SECONDS = 0.1
"""How long to wait for a history that another process is writing."""


@dataclass(frozen=True)
class RunHistory:
    """How many runs a Dagster home knows, and when the newest was created."""

    runs: int
    newest: str


NO_HISTORY = RunHistory(0, "")


@dataclass(frozen=True)
class Places:
    """The three places as absolute paths: the configuration file and two folders."""

    configuration: Path
    data: Path
    dagster: Path

    @classmethod
    def here(cls) -> "Places":
        """The places that follow from the environment and the current folder."""
        return cls.of(configuration_path())

    @classmethod
    def of(cls, configuration: Path) -> "Places":
        """The places of a configuration file, which need not exist."""
        folder = real(configuration).parent
        return cls(
            real(configuration.parent) / configuration.name,
            _given(DATA) or folder / "data",
            _given(DAGSTER) or folder / ".dagster",
        )

    @property
    def folder(self) -> Path:
        """The folder of the configuration, where relative paths start; links are followed first."""
        return real(self.configuration).parent

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables by which a process in any folder finds the same places."""
        return {
            CONFIGURATION: str(self.configuration),
            DATA: str(self.data),
            DAGSTER: str(self.dagster),
        }

    def prepare(self) -> list[str]:
        """Make Dagster's home, and write its settings if it has none.

        The settings are those of a ``dagster.yaml`` beside the configuration, or else those of the
        package. Earlier releases made an empty file, which is filled; then the result is a line
        that says so. Raises ConfigurationError if the folder cannot be written.
        """
        from filelock import FileLock

        settings = self.dagster / INSTANCE_SETTINGS
        try:
            self.dagster.mkdir(parents=True, exist_ok=True)
            _require_room(self.dagster)
            with FileLock(self.dagster / ".lock", timeout=LOCK_SECONDS):
                there = settings.exists()
                filled = not _holds_text(settings)
                if filled:
                    _write(settings, self._instance_settings())
                self._remember()
        except OSError as error:
            raise self._no_instance(error) from error
        self._require_readable_history()
        told = (
            f"{settings} was empty and now has the shipped settings (telemetry off, runs watched,"
            " two at once); to have Dagster's own, leave a comment as its only line"
        )
        return [told] if there and filled else []

    def require_dagster(self) -> None:
        """Raise ConfigurationError if Dagster's home cannot be used; it need not exist yet."""
        try:
            _require_folder(self.dagster)
            _holds_text(self.dagster / INSTANCE_SETTINGS)
        except OSError as error:
            raise self._no_instance(error) from error
        self._require_readable_history()

    def _no_instance(self, error: OSError) -> ConfigurationError:
        """The error of a Dagster home that cannot be read or written."""
        where, why = error.filename or self.dagster, error.strerror or str(error)
        return ConfigurationError(
            f"{where}: {why}; {rule(DAGSTER)}: set {DAGSTER} to a folder that can be made and"
            " written"
        )

    def _require_readable_history(self) -> None:
        """Raise ConfigurationError for a database of the history that SQLite cannot read."""
        for name in HISTORIES:
            file = self.dagster / name
            if os.path.lexists(file) and not _is_readable(file):
                raise ConfigurationError(
                    f"{file}: SQLite cannot read this part of Dagster's history: put back a copy of"
                    f" it, or move {file.parent} away to begin a new one; the tables do not need it"
                )

    def require_data(self, *, made: bool) -> None:
        """Raise ConfigurationError if the data folder cannot be used; it need not exist yet.

        ``made``: whether to make it, for a command that writes there.
        """
        try:
            if made:
                self.data.mkdir(parents=True, exist_ok=True)
                _require_room(self.data)
            else:
                _require_folder(self.data)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> ConfigurationError:
        where = f" at {error.filename}" if error.filename not in (None, str(self.data)) else ""
        is_file = os.path.isfile(self.data)  # noqa: PTH113 - Path's own raises for a long name
        why = "is a file" if is_file else f"cannot be used: {error.strerror}{where}"
        return ConfigurationError(
            f"data folder {self.data}: {why}; {rule(DATA)}: set {DATA} to a folder that can be"
            " made and written"
        )

    def full(self) -> list[str]:
        """A line for each of the two folders whose disk has no room, for people who meet an error.

        SQLite calls some errors of a full disk ``disk I/O error``.
        """
        lines = []
        for folder in (self.data, self.dagster):
            try:
                _require_room(folder)
            except OSError as error:
                lines.append(f"{folder}: {error.strerror}: make room, and run again")
        return lines

    def elsewhere(self, holds_rows: Callable[[Path], bool]) -> list[str]:
        """Lines for users about other folders that hold the runs or tables they may expect here.

        ``holds_rows``: whether a database file has rows; one without rows is not mentioned. A
        folder that may not be read is not mentioned either.
        """
        lines: list[str] = []
        with suppress(OSError):
            lines += self._other_histories()
            lines += self._newer_tables(holds_rows)
            lines += self._other_tables()
        return lines

    @property
    def has_own_settings(self) -> bool:
        """Whether the settings of Dagster's home are others than those that it is given."""
        return _text_of(self.dagster / INSTANCE_SETTINGS) != self._instance_settings()

    def _instance_settings(self) -> str:
        beside = self.folder / INSTANCE_SETTINGS
        shipped = files("forecast_assets") / INSTANCE_SETTINGS
        return _text_of(beside) if _holds_text(beside) else shipped.read_text(encoding="utf-8")

    def _remember(self) -> None:
        """Write the note in the data folder and in Dagster's home that names the other.

        Errors of the data folder are ignored here, since ``require_data`` reports them.
        """
        _write_if_new(self.dagster / DATA_OF_DAGSTER, str(self.data))
        with suppress(OSError):
            self.data.mkdir(parents=True, exist_ok=True)
            _write_if_new(self.data / DAGSTER_OF_DATA, str(self.dagster))

    def _other_histories(self) -> Iterator[str]:
        """Lines about other Dagster homes: the one beside the configuration, and one used before.

        A home is mentioned if its runs are newer than those here. If the runs here worked on other
        tables, it is mentioned if it has any runs. A home that other tables are used with, as after
        these were copied from them, is not mentioned.
        """
        known = history_of(self.dagster)
        elsewhere = self._tables_of_runs()
        beside = self.folder / ".dagster"
        for other in dict.fromkeys([beside, _noted(self.data / DAGSTER_OF_DATA) or beside]):
            not_ours = other == self.dagster or self._is_of_others(other)
            found = NO_HISTORY if not_ours else history_of(other)
            way = f"unset {DAGSTER}" if other == beside else f"set {DAGSTER}={other}"
            if found.newest > known.newest:
                yield (
                    f"{other} holds a newer history ({found.runs} runs) than Dagster's home"
                    f" {self.dagster} ({known.runs} runs): {way} to go on with it"
                )
            elif found.runs and elsewhere:
                yield (
                    f"{other} holds a history ({found.runs} runs), and Dagster's home"
                    f" {self.dagster} one of the tables in {elsewhere} ({known.runs} runs):"
                    f" {way} to go on with the former"
                )

    def _is_of_others(self, dagster: Path) -> bool:
        """Whether a Dagster home was last used with another data folder, which exists."""
        tables = _noted(dagster / DATA_OF_DAGSTER)
        return tables is not None and tables != self.data and tables.is_dir()

    def _newer_tables(self, holds_rows: Callable[[Path], bool]) -> Iterator[str]:
        """A line if there are newer tables beside the configuration than in the data folder."""
        beside = self.folder / "data"
        newer = _changed(beside / DATABASE) > _changed(self.data / DATABASE)
        if beside != self.data and newer and holds_rows(beside / DATABASE):
            yield (
                f"{beside} holds newer tables than the data folder {self.data}: unset {DATA} to go"
                " on with them"
            )

    def _other_tables(self) -> Iterator[str]:
        """A line if Dagster's home was used with another data folder before."""
        other = self._tables_of_runs()
        if other:
            yield (
                f"Dagster's home {self.dagster} holds runs on the tables in {other}: the UI shows"
                f" them as if they were of {self.data}; give each its own {DAGSTER}"
            )

    def _tables_of_runs(self) -> Path | None:
        """The data folder that Dagster's home was used with before, if that is another folder.

        The result is None if that folder no longer exists. It is also None if the folder has no
        tables and Dagster's home has no runs; runs alone suffice, since the UI shows them. And it
        is None after that folder and its Dagster home were copied to those here.
        """
        other = _noted(self.dagster / DATA_OF_DAGSTER)
        if other is None or other == self.data or not other.is_dir():
            return None
        home = _noted(self.data / DAGSTER_OF_DATA)
        is_copy = home not in (None, self.dagster) and home == _noted(other / DAGSTER_OF_DATA)
        if home and is_copy and self._is_of_others(home):
            return None
        there = (other / DATABASE).exists() or history_of(self.dagster).runs > 0
        return other if there else None


def configuration_path() -> Path:
    """The path of the configuration file, as the user has given it."""
    return expanded(os.environ.get(CONFIGURATION) or "forecast.yaml")


def expanded(path: str) -> Path:
    """A path with ``~`` replaced. ``~name`` of an unknown user stays, so it will not be found."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises


def local_url(path: Path) -> str:
    """The URL of a local path, as fsspec reads it: what is escaped in a URL it would not undo."""
    return f"file://{path}"


def real(path: Path) -> Path:
    """The absolute path with links followed; a circle of links stays as it is."""
    return Path(os.path.realpath(path))


def rule(variable: str) -> str:
    """A text for users that says why a place is where it is: by its variable, or by default."""
    defaults = {
        CONFIGURATION: "the default: forecast.yaml in the folder you are in",
        DATA: "the default: data beside the configuration",
        DAGSTER: "the default: .dagster beside the configuration",
    }
    return f"{variable} names it" if os.environ.get(variable) else defaults[variable]


def history_of(dagster: Path) -> RunHistory:
    """The runs of a Dagster home; none if it does not keep them in its own SQLite file."""
    file = dagster / "history" / "runs.db"
    if not file.is_file():
        return NO_HISTORY
    question = "SELECT count(*), coalesce(max(create_timestamp), '') FROM runs"
    try:
        address = f"{file.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, timeout=PATIENCE_SECONDS, uri=True)) as runs:
            return RunHistory(*runs.execute(question).fetchone())
    except sqlite3.Error:  # the file is being written, is of another release, or is not Dagster's
        return NO_HISTORY


def _is_readable(file: Path) -> bool:
    """Whether SQLite can read a database; True if another process is writing it."""
    if not file.is_file():
        return False
    try:
        address = f"{file.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, timeout=PATIENCE_SECONDS, uri=True)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            database.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        return error.sqlite_errorname in ("SQLITE_BUSY", "SQLITE_LOCKED")
    except sqlite3.DatabaseError:
        return False
    return True


def _require_folder(path: Path) -> None:
    """Raise OSError if a path, or its nearest parent that exists, is not a folder.

    That is also raised for a path that no folder can have, such as one that is too long.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        path.stat()
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    if not there.is_dir():
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(there))


def _require_room(folder: Path) -> None:
    """Raise OSError if a file cannot be made in a folder, or if its disk is full."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(PROBE_BYTES))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error


def _given(variable: str) -> Path | None:
    named = os.environ.get(variable)
    return real(expanded(named)) if named else None


def _holds_text(path: Path) -> bool:
    return path.is_file() and bool(_text_of(path).strip())


def _text_of(path: Path) -> str:
    """The text of a file of settings. Raises OSError, also for what is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise OSError(EILSEQ, "is not UTF-8", str(path)) from error


def _changed(path: Path) -> float:
    """When a file was last written, in seconds since 1970; 0 if there is none."""
    return path.stat().st_mtime if path.exists() else 0.0


def _noted(path: Path) -> Path | None:
    """The folder that a note file names; None without the file."""
    return Path(path.read_text("utf-8", ANY_BYTES).strip()) if path.is_file() else None


def _write_if_new(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text("utf-8", ANY_BYTES).strip() != text:
        _write(path, f"{text}\n")


def _write(path: Path, text: str) -> None:
    """Write a file and rename it into place, so that nobody reads half of it."""
    whole = path.with_name(f"{path.name}.tmp")
    whole.write_text(text, "utf-8", ANY_BYTES)
    whole.replace(path)

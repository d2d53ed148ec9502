"""Where things lie: the configuration, the data folder, and Dagster's home with its history.

One rule for every command, sensor, run and make target. The configuration is the file that
``FORECAST_CONFIG`` names, or ``forecast.yaml`` in the folder one is in. The other two lie beside
it, as ``data`` and ``.dagster``, unless ``FORECAST_HOME`` and ``DAGSTER_HOME`` say otherwise.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from errno import EACCES, ENOTDIR
from importlib.resources import files
from pathlib import Path

from forecast_assets.errors import ConfigurationError

CONFIGURATION, DATA, DAGSTER = "FORECAST_CONFIG", "FORECAST_HOME", "DAGSTER_HOME"
"""The environment variables that name the three; an empty one counts as absent."""

DATABASE = "commodity.duckdb"
"""The database file in the data folder. Its name is the catalog of every table in it."""

INSTANCE_SETTINGS = "dagster.yaml"
"""The file of a Dagster home that holds the settings of its instance."""

DAGSTER_OF_DATA, DATA_OF_DAGSTER = ".dagster_home", ".data_folder"
"""Files in the data folder and in Dagster's home: which of the other kind was used last."""

PATIENCE_SECONDS = 0.1
"""How long a history that is being written is waited for."""


@dataclass(frozen=True)
class RunHistory:
    """The runs that a Dagster home remembers: how many, and when the newest was asked for."""

    runs: int
    newest: str


NO_HISTORY = RunHistory(0, "")


@dataclass(frozen=True)
class Places:
    """The three places, absolute: a file and two folders."""

    configuration: Path
    data: Path
    dagster: Path

    @classmethod
    def here(cls) -> "Places":
        """The places that the environment and the folder one is in determine."""
        return cls.of(configuration_path())

    @classmethod
    def of(cls, configuration: Path) -> "Places":
        """The places of a configuration file; it need not exist."""
        folder = real(configuration).parent
        return cls(
            real(configuration.parent) / configuration.name,
            _given(DATA) or folder / "data",
            _given(DAGSTER) or folder / ".dagster",
        )

    @property
    def folder(self) -> Path:
        """The folder that holds the configuration itself, where it is a link: paths start here."""
        return real(self.configuration).parent

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which another process finds the same three from any folder."""
        return {
            CONFIGURATION: str(self.configuration),
            DATA: str(self.data),
            DAGSTER: str(self.dagster),
        }

    def prepare(self) -> list[str]:
        """Make Dagster's home, with settings unless it has its own; a line for what was filled.

        The settings are those of a ``dagster.yaml`` beside the configuration, or else the shipped
        ones. An empty file, which earlier releases made, is filled. Raises ConfigurationError
        where the folder cannot be written.
        """
        from filelock import FileLock

        settings = self.dagster / INSTANCE_SETTINGS
        try:
            self.dagster.mkdir(parents=True, exist_ok=True)
            with FileLock(self.dagster / ".lock"):
                there = settings.exists()
                filled = not _holds_text(settings)
                if filled:
                    _write(settings, self._instance_settings())
                self._remember()
        except OSError as error:
            raise ConfigurationError(
                f"{error.filename or self.dagster}: {error.strerror}; {DAGSTER} names Dagster's"
                " home"
            ) from error
        told = (
            f"{settings} was empty and now has the shipped settings (telemetry off, runs watched,"
            " two at once); to have Dagster's own, leave a comment as its only line"
        )
        return [told] if there and filled else []

    def require_data(self, *, made: bool) -> None:
        """Raise ConfigurationError where the data folder cannot be used, which need not exist yet.

        ``made``: make it, for a command that writes there.
        """
        try:
            if made:
                self.data.mkdir(parents=True, exist_ok=True)
            else:
                _require_folder(self.data)
        except OSError as error:
            raise self._unusable(error) from error
        if made and not os.access(self.data, os.W_OK | os.X_OK):
            raise self._unusable(PermissionError(EACCES, os.strerror(EACCES)))

    def _unusable(self, error: OSError) -> ConfigurationError:
        where = f" at {error.filename}" if error.filename not in (None, str(self.data)) else ""
        why = "is a file" if self.data.is_file() else f"cannot be used: {error.strerror}{where}"
        return ConfigurationError(
            f"data folder {self.data}: {why}; {rule(DATA)}: set {DATA} to a folder that can be"
            " made and written"
        )

    def elsewhere(self, holds_rows: Callable[[Path], bool]) -> list[str]:
        """Other places that hold what one may look for here, a line each.

        ``holds_rows`` says whether a database file does: one without any is nothing to go on
        with. A folder that may not be looked into says nothing.
        """
        lines: list[str] = []
        with suppress(OSError):
            lines += self._other_histories()
            lines += self._newer_tables(holds_rows)
            lines += self._other_tables()
        return lines

    def _instance_settings(self) -> str:
        beside = self.folder / INSTANCE_SETTINGS
        shipped = files("forecast_assets") / INSTANCE_SETTINGS
        return (beside if _holds_text(beside) else shipped).read_text(encoding="utf-8")

    def _remember(self) -> None:
        """Note in each folder which of the other kind it is used with.

        A data folder that cannot be written is told by ``require_data``.
        """
        _write_if_new(self.dagster / DATA_OF_DAGSTER, str(self.data))
        with suppress(OSError):
            self.data.mkdir(parents=True, exist_ok=True)
            _write_if_new(self.data / DAGSTER_OF_DATA, str(self.dagster))

    def _other_histories(self) -> Iterator[str]:
        """Dagster homes with runs to go on with: beside the configuration, or used before.

        Their runs must be newer than those here; any will do where those here are on other tables.
        """
        known = history_of(self.dagster)
        elsewhere = self._tables_of_runs()
        beside = self.folder / ".dagster"
        for other in dict.fromkeys([beside, _noted(self.data / DAGSTER_OF_DATA) or beside]):
            found = NO_HISTORY if other == self.dagster else history_of(other)
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

    def _newer_tables(self, holds_rows: Callable[[Path], bool]) -> Iterator[str]:
        """Newer tables beside the configuration than in the data folder."""
        beside = self.folder / "data"
        newer = _changed(beside / DATABASE) > _changed(self.data / DATABASE)
        if beside != self.data and newer and holds_rows(beside / DATABASE):
            yield (
                f"{beside} holds newer tables than the data folder {self.data}: unset {DATA} to go"
                " on with them"
            )

    def _other_tables(self) -> Iterator[str]:
        """The data folder that Dagster's home was used with before."""
        other = self._tables_of_runs()
        if other:
            yield (
                f"Dagster's home {self.dagster} holds runs on the tables in {other}: the UI shows"
                f" them as if they were of {self.data}; give each its own {DAGSTER}"
            )

    def _tables_of_runs(self) -> Path | None:
        """The data folder that the runs of Dagster's home are of, where it is another than this.

        It counts while it is there and has tables, or there are runs: those that failed before
        they made any table are shown, too.
        """
        other = _noted(self.dagster / DATA_OF_DAGSTER)
        if other is None or other == self.data or not other.is_dir():
            return None
        there = (other / DATABASE).exists() or history_of(self.dagster).runs > 0
        return other if there else None


def configuration_path() -> Path:
    """Where the configuration is read from, as it was named."""
    return expanded(os.environ.get(CONFIGURATION) or "forecast.yaml")


def expanded(path: str) -> Path:
    """A path with ``~`` replaced; an unknown user's is left as it is, and will not be found."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises


def real(path: Path) -> Path:
    """The absolute path, links followed; a circle of links is left as it is."""
    return Path(os.path.realpath(path))


def rule(variable: str) -> str:
    """Why a place is where it is, in words: the variable that names it, or the default."""
    defaults = {
        CONFIGURATION: "the default: forecast.yaml in the folder you are in",
        DATA: "the default: data beside the configuration",
        DAGSTER: "the default: .dagster beside the configuration",
    }
    return f"{variable} names it" if os.environ.get(variable) else defaults[variable]


def history_of(dagster: Path) -> RunHistory:
    """What a Dagster home remembers; nothing where it keeps its runs elsewhere than in SQLite."""
    file = dagster / "history" / "runs.db"
    if not file.is_file():
        return NO_HISTORY
    question = "SELECT count(*), coalesce(max(create_timestamp), '') FROM runs"
    try:
        address = f"{file.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, timeout=PATIENCE_SECONDS, uri=True)) as runs:
            return RunHistory(*runs.execute(question).fetchone())
    except sqlite3.Error:  # being written, made by another release, or not Dagster's
        return NO_HISTORY


def _require_folder(path: Path) -> None:
    """Raise OSError where a path, or the nearest of its parents that is there, is no folder."""
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    if not there.is_dir():
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(there))


def _given(variable: str) -> Path | None:
    named = os.environ.get(variable)
    return real(expanded(named)) if named else None


def _holds_text(path: Path) -> bool:
    return path.is_file() and bool(path.read_text(encoding="utf-8").strip())


def _changed(path: Path) -> float:
    """When a file was written last; 0 where there is none."""
    return path.stat().st_mtime if path.exists() else 0.0


def _noted(path: Path) -> Path | None:
    """The folder that a note names."""
    return Path(path.read_text("utf-8", "replace").strip()) if path.is_file() else None


def _write_if_new(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8").strip() != text:
        _write(path, f"{text}\n")


def _write(path: Path, text: str) -> None:
    """A whole file by a rename, so that nobody reads half of one."""
    whole = path.with_name(f"{path.name}.tmp")
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)

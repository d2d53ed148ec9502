"""Source files: those that prices and covariates are read from, and whether they have changed."""

from glob import escape, glob
from pathlib import Path

from forecast_assets.configuration.commodities import FileSource, FredSource, YahooSource
from forecast_assets.configuration.home import expanded
from forecast_assets.configuration.settings import Settings


def files_at(folder: Path, path: str) -> list[Path]:
    """The files that a name or a glob means, in order; ``folder``: where relative paths start."""
    pattern = str(Path(escape(str(folder))) / expanded(path))
    found = map(Path, sorted(glob(pattern, recursive=True)))  # noqa: PTH207 - may be absolute
    return [file for file in found if file.exists() and not file.is_dir()]


def source_state(settings: Settings) -> list[str] | None:
    """What the system says of each source file; it differs after a file was written or replaced.

    None if a source is a service, which must be asked, or if a file or folder cannot be looked at.
    """
    told: list[str] = []
    for name, commodity in settings.commodities.items():
        source = commodity.source
        if isinstance(source, YahooSource | FredSource):
            return None
        paths = [each.path for each in commodity.covariates.values()]
        paths += [source.path] if isinstance(source, FileSource) else []
        try:
            states = [stamp(file) for path in paths for file in files_at(settings.folder, path)]
        except OSError:
            return None
        if not all(states):
            return None
        told += [f"{name} {state}" for state in states]
    return told


def stamp(file: Path) -> str:
    """What the system says of a file; empty if it says nothing."""
    try:
        found = file.stat()
    except OSError:
        return ""
    changed = f"{found.st_mtime_ns} {found.st_ctime_ns}"
    return f"{file} {found.st_dev} {found.st_ino} {found.st_size} {changed}"

"""Names under which files are put away: with a number if the name is taken, and not too long."""

from pathlib import PurePosixPath

LONGEST_SUFFIX = 32
"""A longer end of a name, after its last dot and in bytes, is no suffix that must be kept."""


def numbered(name: str, number: int, longest: int) -> str:
    """A name with a number before its suffix, unless the number is 1.

    ``longest``: how many bytes it may have. If it would have more, its stem is cut.
    """
    path = PurePosixPath(name)
    is_long = len(path.suffix.encode()) > LONGEST_SUFFIX
    stem, suffix = (name, "") if is_long else (path.stem, path.suffix)
    end = f".{number}{suffix}" if number > 1 else suffix
    room = longest - len(end.encode())
    return stem.encode()[:room].decode(errors="ignore") + end

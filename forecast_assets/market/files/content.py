"""The content of a file: its kind, which its bytes show and its name may not, and its text."""

import codecs
import io
import re
import zipfile
from dataclasses import dataclass

from forecast_assets.configuration.file_limits import FileLimits
from forecast_assets.errors import UnclearFormat

PARQUET_SUFFIXES = (".parquet", ".pq")
PARQUET, WORKBOOK = b"PAR1", b"PK\x03\x04"

END_OF_ARCHIVE, END_OF_LARGE, END_BYTES = b"PK\x05\x06", b"PK\x06\x07", 22 + (1 << 16)
"""How the end records of an archive begin, the second in those beyond 4 GB, and how far from the
archive's end the first may be."""

MAX_LIST = 1 << 20
"""How many bytes the list of files in a workbook may have; a file takes about 80."""

FOREIGN = {
    b"\x1f\x8b": "compressed by gzip: unpack it",
    b"BZh": "compressed by bzip2: unpack it",
    b"\xfd7zXZ": "compressed by xz: unpack it",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"\xd0\xcf\x11\xe0": "an old workbook of Excel (.xls): save it as .xlsx or CSV",
    b"%PDF": "a PDF document: save the table as CSV",
    b"{\\rtf": "a document of a word processor: save the table as CSV",
    b"\x89PNG": "a picture (PNG): save the table as CSV",
    b"\xff\xd8\xff": "a picture (JPEG): save the table as CSV",
    b"GIF8": "a picture (GIF): save the table as CSV",
    b"II*\x00": "a picture (TIFF): save the table as CSV",
    b"MM\x00*": "a picture (TIFF): save the table as CSV",
    b"SQLite format 3\x00": "a database of SQLite: export the table as CSV",
    b"ARROW1": "a Feather file: save it as Parquet or CSV",
    b"\x89HDF": "an HDF5 file: save it as Parquet or CSV",
    b"\x93NUMPY": "an array of NumPy: save it as Parquet or CSV",
    b"\x7fELF": "a program",
    b"MZ\x90\x00": "a program",
}
"""The first bytes of files that hold no table of prices, with a hint for users."""

BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The byte-order mark of each encoding. UTF-32 comes first, since its mark begins like UTF-16's."""

ALLOWED = "allowed: text of rows (CSV, TSV), a workbook of Excel (.xlsx), Parquet"
"""The kinds of files that are read, for error texts."""

BEGINS = 8
"""How many of the first bytes of an unknown file an error shows."""

CONTROLS = bytes({*range(32)} - {*b"\t\n\r\x0b\x0c\x1a\x1c\x1d\x1e\x1f"})
"""Bytes that do not occur in a text with one byte for each character."""

WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
PRICED = re.compile(r"[\w\s.,;|/:$%&'\"()+-]", re.ASCII)
"""Encodings with NUL bytes, and the characters that make up at least half of a table of prices."""

SAMPLE = 4096
"""How many bytes at the start of a file are used to recognise an encoding without a mark."""

ONE_BYTE = "cp1252"
"""Text that is not UTF-8 is read so. This matters only for names: dates and numbers are ASCII."""


@dataclass(frozen=True)
class Text:
    """The text of a file, and the encoding by which it was read."""

    text: str
    encoding: str


def require_table(content: bytes) -> None:
    """Raise UnclearFormat for content that cannot be read as a table, whatever keys are set."""
    for first, what in FOREIGN.items():
        if content.startswith(first):
            raise UnclearFormat(f"is {what}; {ALLOWED}")
    start = content[:SAMPLE].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(
        (b"<!doctype", b"<html", b"<head", b"<body", b"<script", b"<table", b"<?xml", b"<!--")
    ):
        raise UnclearFormat("is a page of HTML or XML: was a page saved instead of its download?")
    if start.startswith((b"{", b"[{", b"[[")) or start == b"[]":
        raise UnclearFormat("is JSON: save it as CSV")


def is_workbook(content: bytes, limits: FileLimits) -> bool:
    """Whether content is a workbook of Excel (xlsx), small enough to be unpacked.

    Raises UnclearFormat for other archives, and for one that unpacks to more than ``max_bytes``.
    """
    if not content.startswith(WORKBOOK):
        return False
    _require_short_list(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            size = sum(each.file_size for each in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise UnclearFormat(f"is a broken workbook or archive: {error}") from error
    if "xl/workbook.xml" not in names:
        raise UnclearFormat("is a zip archive: unpack it")
    if size > limits.max_bytes:
        raise UnclearFormat(
            f"unpacks to {size:,} bytes, allowed: {limits.max_bytes:,}: cut it by years, or set"
            " landing.max_bytes to more"
        )
    return True


def _require_short_list(content: bytes) -> None:
    """Raise UnclearFormat if an archive's list of its files is longer than any workbook's.

    The list is found as ``zipfile`` finds it, by the last end record.
    """
    end = content.rfind(END_OF_ARCHIVE, max(0, len(content) - END_BYTES))
    if end < 0 or len(content) < end + 16:
        return  # zipfile says what is broken
    listed = int.from_bytes(content[end + 12 : end + 16], "little")
    if listed > MAX_LIST or content[max(0, end - 20) : end].startswith(END_OF_LARGE):
        raise UnclearFormat("is an archive of too many or too large files to be a workbook")


def text_of(content: bytes, encoding: str | None) -> Text:
    """Decode content by ``encoding``, or if that is None by the encoding that its bytes show.

    Raises UnclearFormat if the content does not have the encoding that is set.
    """
    if is_binary(content, encoding):
        raise UnclearFormat(f"is no text: it begins with {content[:BEGINS]!r}; {ALLOWED}")
    chosen = encoding or _shown(content)
    try:
        text = content.decode(chosen)
    except UnicodeDecodeError as error:
        if chosen == "utf-8" and encoding is None and b"\x00" not in content:
            return Text(content.decode(ONE_BYTE, errors="replace"), ONE_BYTE)
        raise UnclearFormat(f"cannot be read: {error}", "encoding") from error
    if "\x00" in text:
        raise UnclearFormat("holds NUL characters: it is of another encoding", "encoding")
    return Text(text.removeprefix("\ufeff"), chosen)


def is_binary(content: bytes, encoding: str | None = None) -> bool:
    """Whether content is not text: it has control bytes, and is not a table in a wide encoding.

    The encoding that is set is tried as well if its digits are not those of ASCII. A decoded text
    is a table if most of its characters are digits and separators.
    """
    start = content[: SAMPLE - SAMPLE % 4]
    controls = len(start) - len(start.translate(None, CONTROLS))
    if controls <= len(start) / 100 or content.startswith(tuple(BOMS)):
        return False
    whole = start[: len(start) - len(start) % 4]
    own = [encoding] if encoding and "1".encode(encoding) != b"1" else []
    texts = (whole.decode(each, errors="ignore") for each in (*WIDE, *own))
    return all(2 * len(PRICED.findall(text)) < len(text) or not text for text in texts)


def _shown(content: bytes) -> str:
    for mark, encoding in BOMS.items():
        if content.startswith(mark):
            return encoding
    start = content[: SAMPLE - SAMPLE % 4]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if odd > len(start) / 4 and even == 0:
        return "utf-16-le"
    if even > len(start) / 4 and odd == 0:
        return "utf-16-be"
    return "utf-8"

"""Inspecting a file of prices: how it is read, and which keys of the configuration say so."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from glob import escape
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from forecast_assets.configuration.commodities import FileSource
from forecast_assets.configuration.file_format import TAB, FileFormat
from forecast_assets.configuration.names import NAME_PATTERN
from forecast_assets.configuration.sections import PLAUSIBLE, Bounds, Checks
from forecast_assets.errors import SourceError
from forecast_assets.market.files.content import ONE_BYTE, is_binary
from forecast_assets.market.files.header import Column
from forecast_assets.market.files.table_file import TableFile, Understood, open_table
from forecast_assets.market.files.written_days import by_formats
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.observations import Observations
from forecast_assets.market.refusals import grouped, rows_of
from forecast_assets.market.rows import told
from forecast_assets.market.sources import LAYOUT, read_files
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import too_sparse
from forecast_assets.timeline.strange import strange

ENDS = 3
"""How many rows are shown of the beginning and of the end of a file."""

PREVIEW_CHARACTERS = 100
UNIT = "USD"
"""The unit in the suggested section, since a file does not contain it."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What an inspection found out about a file.

    ``facts``: (name, value) pairs for display. ``ends``: the first and last rows. ``strange``:
    lines on what is unusual. ``refusal``: why the file cannot be read, or why its prices are of no
    use; "" if it can be used. ``refused``: lines on rows that a run would refuse. ``section``: a
    part of the configuration that reads the other rows; "" if there is none.
    """

    facts: list[tuple[str, str]]
    ends: pd.DataFrame = field(default_factory=pd.DataFrame)
    strange: list[str] = field(default_factory=list)
    refusal: str = ""
    refused: list[str] = field(default_factory=list)
    section: str = ""


def inspect_file(
    path: Path,
    keys: dict[str, Any],
    name: str,
    folder: Path,
    today: date,
    bounds: Bounds = PLAUSIBLE,
) -> Inspection:
    """Read a file as a run would read it for commodity ``name``, with these keys of a source.

    ``folder``: where the configuration's paths start. ``bounds``: what is plausible.
    """
    source = FileSource.model_validate({"type": "file", "path": _path(path, folder)} | keys)
    meaning = Meaning(bounds=bounds)
    facts: list[tuple[str, str]] = [("file", f"{path}, {path.stat().st_size:,} bytes")]
    try:
        with told(path.name, f"commodities.{name}.source.{{}}"):
            table = open_table(path, source)
            facts += facts_of(table)
            found = table.read(LAYOUT, (source.symbol or name,))
        facts += _meaning(table, found)
        observed = read_files(name, source, folder, today, meaning)
    except SourceError as error:
        return Inspection(facts, strange=_first_lines(path), refusal=str(error))
    days = observed.prices["date"].dt.strftime("%Y-%m-%d")
    facts.append(("prices", f"{len(days):,}, {days.iloc[0]} to {days.iloc[-1]}"))
    refusal = _refusal(name, observed)
    return Inspection(
        facts,
        _ends(found.texts),
        [*_strange(table, found), *_told(observed)],
        refusal,
        [str(each) for each in grouped(observed.rejections)],
        "" if refusal else _section(source, name, table, found, observed, folder, today, meaning),
    )


def _refusal(name: str, observed: Observations) -> str:
    """Why the prices that were read are of no use: most are missing or not daily; else empty."""
    lost, read = rows_of(observed.rejections), len(observed.prices)
    if lost > read:
        return f"{name}: {lost:,} rows cannot be read, {read:,} can"
    reason = too_sparse(observed.prices["date"].to_numpy().astype("datetime64[D]"))
    return f"{name}: {reason}" if reason else ""


def _first_lines(path: Path) -> list[str]:
    """The first lines of a file that cannot be read, if it is text."""
    with path.open("rb") as file:
        start = file.read(ENDS * 1024)
    if is_binary(start):
        return []
    lines = start.decode(errors="replace").splitlines()[: 2 * ENDS]
    return [f"line {number}: {shown(line)}" for number, line in enumerate(lines, 1)]


def facts_of(table: TableFile) -> list[tuple[str, str]]:
    """Facts about the form of a file, such as its delimiter, without its values."""
    grid, header = table.grid, table.header
    facts = [("encoding", grid.encoding), ("sheet", grid.sheet)]
    facts.append(("delimiter", {TAB: "tab"}.get(grid.delimiter, grid.delimiter)))
    lines = " and ".join(map(str, header.lines)) or "none: columns are counted from 1"
    if table.parquet is None:
        facts.append(("header on line", lines))
    facts.append(("columns", str(header)))
    return [(what, said) for what, said in facts if said]


def _meaning(table: TableFile, found: Understood) -> list[tuple[str, str]]:
    facts = [
        (column, f"column {place + 1}, {_name(table.header.columns, place)!r}")
        for column, place in found.places.items()
        if column in LAYOUT.columns
    ]
    facts.append(("days written", ", ".join(found.day_formats)))
    facts.append(("decimals after", found.decimal))
    facts.append(("thousands apart by", {" ": "a space"}.get(found.thousands, found.thousands)))
    facts.append(("rows", f"{len(found.texts):,}"))
    return [(what, said) for what, said in facts if said]


def _ends(texts: pd.DataFrame) -> pd.DataFrame:
    """The first and last rows as they were read."""
    filled = texts[(texts.drop(columns="line").astype("string").fillna("") != "").any(axis=1)]
    ends = filled if len(filled) <= 2 * ENDS else pd.concat([filled.head(ENDS), filled.tail(ENDS)])
    return ends[["line", *(column for column in ends if column != "line")]]


def _strange(table: TableFile, found: Understood) -> list[str]:
    """Lines on what differs from the project's own form and was handled."""
    header = table.header
    said = []
    if header.lines and header.lines[0] > 1:
        before = [i for i in range(table.header.first) if table.grid.lines[i] < header.lines[0]]
        texts = [" ".join(filter(None, table.grid.rows[i])) for i in before]
        texts = [shown(text) for text in texts if text]
        if texts:
            said.append(f"{len(texts)} lines before the header are left out, such as {texts[0]!r}")
    if len(header.lines) > 1:
        said.append(f"the header has {len(header.lines)} rows")
    if table.grid.encoding == ONE_BYTE:
        said.append(f"it is not UTF-8 and was read as {ONE_BYTE}: names may have strange letters")
    unused = [
        column.name
        for place, column in enumerate(header.columns)
        if place not in found.places.values() and column.name
    ]
    if unused:
        more = f" and {len(unused) - 8} more" if len(unused) > 8 else ""
        said.append(f"columns that are not read: {', '.join(map(shown, unused[:8]))}{more}")
    return said


def _told(observed: Observations) -> list[str]:
    """Lines on rows that were left out, and on strange closes."""
    closed = f"{observed.without_close:,} rows without a close are holidays"
    prices = observed.prices
    history = History(observed.commodity, prices["date"].to_numpy(), prices["close"].to_numpy())
    found = strange(history, Checks().spike_bound)
    return [
        *([closed] if observed.without_close else []),
        *observed.notes,
        *([f"strange closes: {found}"] if found else []),
    ]


def _section(
    source: FileSource,
    name: str,
    table: TableFile,
    found: Understood,
    observed: Observations,
    folder: Path,
    today: date,
    meaning: Meaning,
) -> str:
    """A section of the configuration to paste, with all keys that the file needs.

    It is tried first, and left out ("") unless the file reads the same with it.
    """
    given = source.model_dump(mode="json", exclude_unset=True, exclude_defaults=True)
    given |= {"type": "file"}
    if len(source.day_formats) == 1:
        given["date_format"] = source.day_formats[0]
    understood = keys_of(table, found, source)
    said = given | {key: value for key, value in understood.items() if key not in given}
    if isinstance(given.get("columns"), dict):
        said["columns"] = understood.get("columns", {}) | given["columns"]
    again = read_files(name, FileSource.model_validate(said), folder, today, meaning)
    return _yaml(name, said if again.prices.equals(observed.prices) else given)


def keys_of(table: TableFile, found: Understood, form: FileFormat) -> dict[str, Any]:
    """The keys that describe how the file was read, without those that only repeat a default."""
    grid, columns = table.grid, table.header.columns
    keys: dict[str, Any] = {}
    places = {
        column: _place(table, place)
        for column, place in found.places.items()
        if column in LAYOUT.values and (not table.header.lines or columns[place].name != column)
    }
    if places and not form.format and not found.named and len(table.header.lines) < 2:
        keys["columns"] = places
    days, cells = found.day_formats, _cells(table, found)
    if form.format is None and days not in ((), ("iso",)):
        fits = by_formats(cells, days, grid.start)
        if all(fits.get(cell) for cell in cells):
            keys["date_format"] = days[0] if len(days) == 1 else [*days]
    if grid.delimiter not in ("", ",") and table.parquet is None:
        keys["delimiter"] = {TAB: "tab"}.get(grid.delimiter, grid.delimiter)
    if found.decimal == "," or found.thousands:
        keys["decimal"] = found.decimal or "."
    if found.thousands:
        keys["thousands"] = found.thousands
    if grid.encoding and grid.encoding not in ("utf-8", "utf-8-sig"):
        keys["encoding"] = grid.encoding
    if not table.header.lines and columns:
        keys["header_rows"] = 0
    if grid.sheet:
        keys["sheet"] = grid.sheet
    return keys


def _cells(table: TableFile, found: Understood) -> list[str]:
    """The texts of the days that were understood."""
    place = found.places.get("date", 0)
    if table.parquet is not None or "date" not in found.texts:
        return []
    iso = set(found.texts.loc[found.texts["date"].str.match(r"\d{4}-\d\d-\d\d"), "line"])
    lines = table.grid.lines[table.header.first :]
    rows = [row for line, row in zip(lines, table.rows, strict=False) if line in iso]
    return [row[place].strip() for row in rows if place < len(row)]


def _name(columns: Sequence[Column], place: int) -> str:
    return " ".join(cell for cell in columns[place].cells if cell)


def _place(table: TableFile, place: int) -> str | int:
    """A column's name, or its number if the name does not identify it."""
    columns = table.header.columns
    alone = [column.name for column in columns].count(columns[place].name) == 1
    return _name(columns, place) if alone and columns[place].name else place + 1


def _path(path: Path, folder: Path) -> str:
    """The path as a pattern for the configuration that only this file fits."""
    full, start = path.resolve(), folder.resolve()
    near = full.is_relative_to(start)
    return escape(os.path.relpath(full, start) if near else str(full))


def name_of(path: Path) -> str:
    """A name for a commodity, made from a file's name."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", path.stem).strip("._-")[:64]
    return name if NAME_PATTERN.fullmatch(name) else "NAME"


def _yaml(name: str, source: dict[str, Any]) -> str:
    document = {"commodities": {name: {"unit": UNIT, "source": source}}}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def shown(text: str) -> str:
    """A text of a file for the terminal: in one line, without escape sequences, cut if long."""
    clean = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return clean[:PREVIEW_CHARACTERS]

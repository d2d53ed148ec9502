"""Files that no text can say: workbooks, archives, Parquet, and what is no file."""

import io
import os
import socket as sockets
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

DAY = "2026-11-17"

SHEET = "xl/worksheets/sheet1.xml"
"""The part of a workbook that has its cells."""


def _workbook(cells: dict[str, object] | None = None) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    sheet: Any = book.active
    for place, value in {"A1": "date", "B1": "close", "A2": DAY, "B2": 50, **(cells or {})}.items():
        sheet[place] = value
    book.save(content)
    return content.getvalue()


def _changed(book: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook of which one part is changed."""
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(book)) as source,
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in source.namelist():
            made.writestr(name, change(source.read(name)) if name == part else source.read(name))
    return content.getvalue()


def _parquet(table: pa.Table) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def _prices(close: object, rows: int = 1) -> pa.Table:
    return pa.table({"date": pa.array([DAY]).take(pa.array([0] * rows)), "close": close})


def zip_of_zips(path: Path) -> None:
    inner = b"x"
    for _ in range(5):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("inner.zip", inner)
        inner = content.getvalue()
    path.write_bytes(inner)


def bomb(path: Path) -> None:
    path.write_bytes(_changed(_workbook(), SHEET, lambda _: b" " * 5_000_000))


def cut_workbook(path: Path) -> None:
    path.write_bytes(_workbook()[:-100])


def broken_sheet(path: Path) -> None:
    path.write_bytes(_changed(_workbook(), SHEET, lambda xml: xml[: len(xml) // 2]))


ENTITIES = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
BOMB = f'<!DOCTYPE x [<!ENTITY e0 "xxxxxxxxxx">{ENTITIES}]>'.encode()


def entities(path: Path) -> None:
    cell = CELL.replace(b"outer", b"e9")

    def changed(xml: bytes) -> bytes:
        return BOMB + xml.replace(b"</row></sheetData>", cell)

    path.write_bytes(_changed(_workbook(), SHEET, changed))


def entities_in_a_name(path: Path) -> None:
    def changed(xml: bytes) -> bytes:
        return BOMB + xml.replace(b'name="Sheet"', b'name="&e9;"')

    path.write_bytes(_changed(_workbook(), "xl/workbook.xml", changed))


CELL = b'<c r="A3" t="inlineStr"><is><t>&outer;</t></is></c></row></sheetData>'

REFERRING = {
    SHEET: (b"</row></sheetData>", CELL),
    "xl/workbook.xml": (b"</workbook>", b"&outer;</workbook>"),
    "xl/styles.xml": (b"</styleSheet>", b"&outer;</styleSheet>"),
}
"""Parts of a workbook: what of them is replaced by a reference to an entity."""


def outer_entity(path: Path, part: str, address: str) -> None:
    """A workbook of which a part refers to what an address says."""
    head = f'<!DOCTYPE x SYSTEM "{address}" [<!ENTITY outer SYSTEM "{address}">]>'.encode()
    place, reference = REFERRING[part]

    def changed(xml: bytes) -> bytes:
        declared, _, rest = xml.rpartition(b"?>")
        start = declared + b"?>" if declared else b""
        assert rest.count(place) == 1
        return start + head + rest.replace(place, reference)

    path.write_bytes(_changed(_workbook(), part, changed))


def claims(path: Path) -> None:
    true, false = b'ref="A1:B2"', b'ref="A1:XFD1048576"'
    path.write_bytes(_changed(_workbook(), SHEET, lambda xml: xml.replace(true, false)))


def far_cell(path: Path) -> None:
    path.write_bytes(_workbook({"XFD2": 1}))


def deep_cell(path: Path) -> None:
    path.write_bytes(_workbook({"A1048576": 1}))


def cut_parquet(path: Path) -> None:
    path.write_bytes(_parquet(_prices([50.0]))[:-8])


def nested(path: Path) -> None:
    path.write_bytes(_parquet(_prices([[1.0, 2.0]])))


def wide_parquet(path: Path) -> None:
    more = {f"x{place}": [1.0] for place in range(59)}
    path.write_bytes(_parquet(pa.table({"date": [DAY], "close": [50.0], **more})))


def tall_parquet(path: Path) -> None:
    rows = 3_000_000
    table = pa.table({"close": pa.repeat(50.0, rows), "date": pa.repeat(DAY, rows)})
    path.write_bytes(_parquet(table))


def long_texts(path: Path) -> None:
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 1500, pa.int32()), ["5" * 10_000])
    path.write_bytes(_parquet(_prices(text, 1500)))


def far_days(path: Path) -> None:
    days = pa.array([2**62], pa.timestamp("us"))
    path.write_bytes(_parquet(pa.table({"date": days, "close": [50.0]})))


def parquet(path: Path) -> None:
    path.write_bytes(_parquet(_prices([50.0])))


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2_000_000_000)


def link(path: Path) -> None:
    secret = path.parent.parent / "secret.csv"
    secret.write_text(f"date,close\n{DAY},50\n")
    path.symlink_to(secret)


def dangling(path: Path) -> None:
    path.symlink_to("nothing.csv")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # an address of a socket is short
    try:
        with sockets.socket(sockets.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def folder(path: Path) -> None:
    path.mkdir()
    (path / "Coffee.csv").write_text(f"date,close\n{DAY},50\n")


def link_to_folder(path: Path) -> None:
    path.symlink_to("/")

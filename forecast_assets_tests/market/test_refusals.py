"""Refusals: told in a few lines, counted right, and harmless where no price is lost."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from forecast_assets.configuration.commodities import FileSource
from forecast_assets.market.observations import Observations
from forecast_assets.market.refusals import grouped, is_text, lines_of, rows_of, values_of
from forecast_assets.market.rows import Rejection
from forecast_assets.market.sources import read_source

TODAY = date(2026, 11, 25)

Read = Callable[..., Observations]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a file, and read it as the source of WTI."""

    def read_text(text: str, symbol: str | None = None) -> Observations:
        (tmp_path / "wti.csv").write_text(text)
        source = FileSource(type="file", path="wti.csv", symbol=symbol)
        return read_source("WTI", source, tmp_path, TODAY)

    return read_text


def told(lines: Sequence[str]) -> list[str]:
    return [line.partition("wti.csv, ")[2] for line in lines]


DAYS = [f"2026-{month:02}-{day:02}" for month in range(1, 11) for day in range(1, 29)]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([3], "line 3"),
        ([3, 3, 4], "lines 3 to 4"),
        (range(3, 496), "lines 3 to 495"),
        ([2, 5, 6, 7, 9], "lines 2, 5 to 7, 9"),
        (range(2, 100, 2), "49 lines from 2 to 98"),
    ],
)
def test_lines_are_named_by_their_runs(numbers: Sequence[int], said: str) -> None:
    assert lines_of(numbers) == said


def test_more_than_three_of_a_kind_are_one_line_and_count_for_all() -> None:
    few = [Rejection("WTI", "a.csv", line, "close", "x", "no number") for line in (2, 3, 4)]
    many = [Rejection("WTI", "a.csv", line, "date", f"d{line}", "no date") for line in range(4, 40)]
    assert grouped(few) == few
    shown = grouped([*few, *many])
    assert shown[:3] == few
    assert str(shown[3]) == ("WTI: a.csv, lines 4 to 39, column date: first found 'd4': no date")
    assert (values_of(shown), values_of([*few, *many])) == (39, 39)
    assert rows_of([*few, *many]) == 38  # line 4 is wrong twice
    assert len(grouped([*few, *many], singly=50)) == 39


@pytest.mark.parametrize(("volume", "others"), [("148.24 lots", "-"), ("n.v.", ""), ("1,5e", "x")])
def test_values_that_no_model_reads_are_one_note_a_column(
    read: Read, volume: str, others: str
) -> None:
    rows = [f'{day},{others},7{place}.5,"{volume}"' for place, day in enumerate(DAYS)]
    observations = read("\n".join(["date,open,close,volume", *rows, ""]))
    assert len(observations.prices) == len(DAYS)
    assert observations.rejections == []
    columns = ["open", "volume"] if others == "x" else ["volume"]
    assert [note.partition(": first")[0] for note in told(observations.notes)] == [
        f"lines 2 to {len(DAYS) + 1}, column {column}" for column in columns
    ]


@pytest.mark.parametrize(
    "footer",
    [
        '"Downloaded from Barchart.com as of 11-24-2026 07:29pm CDT"',
        "Source: EIA",
        "Total,",
        "Source: EIA, accessed 2026",
        "Quelle: Bundesbank, Börse, alle Rechte vorbehalten",
        "Copyright (c) 2026 LSEG, all rights reserved",
        ",,",
        "-,",
        "date,close",
    ],
)
def test_a_line_of_text_is_a_note_wherever_no_price_is_lost(read: Read, footer: str) -> None:
    observations = read(f"date,close\n2026-11-23,70\n2026-11-24,71\n{footer}\n")
    assert len(observations.prices) == 2
    assert observations.rejections == []
    assert len(observations.notes) == (0 if footer == ",," else 1)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("soon,70", "date"),
        ("Total,141", "date"),
        ("24.11.2026,70", "date"),
        ('24.11.2026,"70,5"', "date"),
        ("2026-02-30,", "date"),
        ("2026-11-20,closed", "close"),
        ("2026-11-20,$70", "close"),
        (",70", "date"),
        ("24.11.2026,1,2", "*"),
    ],
)
def test_a_price_that_may_be_lost_is_refused(read: Read, row: str, column: str) -> None:
    observations = read(f"date,close\n2026-11-23,70\n{row}\n2026-11-24,71\n")
    assert len(observations.prices) == 2
    assert observations.rejections[0].column == column
    assert observations.notes == []


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Downloaded at 11-24-2026 from somewhere", True),
        ("Total", True),
        ("24-Nov-2026", False),
        ("November 24, 2026", False),
        ("131.03K", False),
        ("", False),
        ("x", False),
        ("9.99", False),
    ],
)
def test_words_are_told_from_dates_and_numbers(text: str, holds: bool) -> None:
    assert is_text(text) == holds


@pytest.mark.parametrize("said", ["WTI", " wti ", "Wti"])
def test_merged_cells_lose_no_row_in_silence(read: Read, said: str) -> None:
    rows = [f"{said if place == 0 else ''},{day},70" for place, day in enumerate(DAYS)]
    observations = read("\n".join(["commodity,date,close", *rows, ""]))
    assert len(observations.prices) == 1
    (line,) = told([str(each) for each in grouped(observations.rejections)])
    assert line.startswith(f"lines 3 to {len(DAYS) + 1}, column commodity: first found ''")


def test_cells_that_are_all_blank_are_no_column(read: Read) -> None:
    assert len(read("commodity,date,close\n,2026-11-23,1\n,2026-11-24,2\n").prices) == 2


def test_a_symbol_is_found_whatever_its_case_and_others_are_left(read: Read) -> None:
    text = "commodity,date,close\ncl=f ,2026-11-23,1\nNG=F,2026-11-23,2\n,2026-11-24,3\n"
    observations = read(text, symbol="CL=F")
    assert observations.prices["close"].tolist() == [1.0]
    assert [each.line for each in observations.rejections] == [4]

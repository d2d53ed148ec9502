"""Months by their names in other languages, read and described, or refused with what helps."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from forecast_assets.configuration.commodities import FileSource
from forecast_assets.errors import SourceError
from forecast_assets.market.files.months import in_english, month_of
from forecast_assets.market.inspection import inspect_file
from forecast_assets.market.observations import Observations
from forecast_assets.market.sources import read_files

TODAY = date(2026, 12, 31)
FILES = {
    "French": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "French whole": "janvier février mars avril mai juin juillet aout septembre octobre novembre"
    " decembre",
    "German": "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    "German whole": "Januar Februar März April Mai Juni Juli August September Oktober November"
    " Dezember",
    "Spanish": "ene feb mar abr may jun jul ago sept oct nov dic",
    "Italian": "gen feb mar apr mag giu lug ago set ott nov dic",
    "Portuguese": "jan fev mar abr mai jun jul ago set out nov dez",
    "Dutch": "jan. feb. mrt. apr. mei jun. jul. aug. sep. okt. nov. dec.",
    "English": "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec",
}
SHAPES = ("22-{}-2026", "22 {} 26", "2026-{}-22")


def read(folder: Path, days: list[str], **keys: object) -> Observations:
    rows = [f"{day};{60 + place}.25" for place, day in enumerate(days)]
    (folder / "gas.csv").write_text("\n".join(["Date;Close", *rows]))
    source = FileSource.model_validate({"type": "file", "path": "gas.csv"} | keys)
    return read_files("Gas", source, folder, TODAY)


@pytest.mark.parametrize("shape", [*SHAPES, "22 de {} de 2026", "22. {} 2026 16:30"])
@pytest.mark.parametrize("language", list(FILES))
def test_months_of_vendors_languages_are_read(tmp_path: Path, language: str, shape: str) -> None:
    names = FILES[language].split()
    found = read(tmp_path, [shape.format(name) for name in names])
    assert found.rejections == []
    assert [*found.prices["date"].dt.date] == [date(2026, month, 22) for month in range(1, 13)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("language", list(FILES))
def test_the_section_that_inspect_prints_reads_them(
    tmp_path: Path, language: str, shape: str
) -> None:
    names, year = FILES[language].split(), pd.bdate_range("2026-01-01", "2026-12-30")
    days = [shape.replace("22", f"{day:%d}").format(names[day.month - 1]) for day in year]
    prices = read(tmp_path, days).prices
    found = inspect_file(tmp_path / "gas.csv", {}, "Gas", tmp_path, TODAY)
    assert "date_format:" in found.section
    formats = dict(found.facts)["days written"].split(", ")
    assert read(tmp_path, days, date_format=formats).prices.equals(prices)


@pytest.mark.parametrize("day", ["22-sty-2026", "22 января 2026", "Ocak 22, 2026", "22-xyz-2026"])
def test_a_month_of_another_language_is_refused_with_what_helps(tmp_path: Path, day: str) -> None:
    found = read(tmp_path, ["22-Jan-2026", "23-Jan-2026", day])
    (refused,) = found.rejections
    assert (refused.line, refused.value) == (4, day)
    assert "export the file with numbers for months" in refused.rule
    with pytest.raises(SourceError, match="export the file with numbers for months"):
        read(tmp_path, [day, day.replace("22", "23")])


def test_a_name_that_two_months_begin_with_is_none() -> None:
    assert [month_of(name) for name in ("jui", "ju", "mard", "märzen", "total")] == [None] * 5
    assert in_english("22-janv.-2026, 3 März, April, lundi") == "22-jan.-2026, 3 mar, April, lundi"

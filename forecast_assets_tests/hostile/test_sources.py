"""Files that a configuration names are refused in words as well, and nothing waits for them."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from forecast_assets.configuration.commodities import Covariate, FileSource
from forecast_assets.configuration.file_limits import FileLimits
from forecast_assets.configuration.sections import PLAUSIBLE
from forecast_assets.errors import SourceError
from forecast_assets.market.covariates import read_covariate
from forecast_assets.market.inspection import inspect_file
from forecast_assets.market.meaning import AS_WRITTEN
from forecast_assets.market.sources import read_files
from forecast_assets.outside import is_plain
from forecast_assets_tests.alarm import at_most
from forecast_assets_tests.hostile.cases import LONGEST_SECONDS, cases, put, require

TODAY = date(2026, 11, 20)

LIMITS = FileLimits(max_bytes=200_000, max_columns=50, max_rows=2_000)


@pytest.mark.parametrize("case", cases("sources"))
def test_a_file_of_a_source_is_read_or_refused(case: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "prices"
    folder.mkdir()
    path = folder / case.get("file", "prices.csv")
    put(case, path)
    with at_most(LONGEST_SECONDS):
        told = read(case["through"], path)
    require(told, case["message"])
    assert is_plain(told)


def read(through: str, path: Path) -> str:
    """What a source, a covariate or an inspection says of a file: its refusal, or its first day."""
    folder, name = path.parent, path.name
    try:
        match through:
            case "file":
                source = FileSource(type="file", path=name)
                found = read_files("Gold", source, folder, TODAY, AS_WRITTEN, LIMITS)
                return str(found.prices["date"].iloc[0])
            case "covariate":
                covariate = Covariate(path=name, column="close")
                read_covariate("Gold", "vix", covariate, folder, TODAY, AS_WRITTEN, LIMITS)
                return ""
            case _:
                seen = inspect_file(path, {}, "Gold", folder, TODAY, PLAUSIBLE, LIMITS)
                return seen.refusal
    except SourceError as error:
        return str(error)

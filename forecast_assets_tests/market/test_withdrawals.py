"""A dropped file that withdraws sessions in so many words, in every form that files have."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
from upath import UPath

from forecast_assets.configuration.settings import Settings
from forecast_assets.market.dropped_files import Dropped, read_arrival
from forecast_assets.market.landing import Arrival
from forecast_assets_tests.caretaker import configuration

NOW = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it
LONG = {"date": ["2026-11-17", "2026-11-18", "2026-11-19"], "close": ["50", "Withdrawn", "51.5"]}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "forecast.yaml"
    path.write_text(configuration("Coffee", "Sugar"))
    return Settings.load(path)


def csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False)


def german(table: pd.DataFrame, path: Path) -> None:
    """As Excel writes it in German."""
    dates = pd.to_datetime(table["date"]).dt.strftime("%d.%m.%Y")
    closes = table["close"].str.replace(".", ",")
    table.assign(date=dates, close=closes).to_csv(path, index=False, sep=";")


def workbook(table: pd.DataFrame, path: Path) -> None:
    cells = [float(each) if each[0].isdigit() else each for each in table["close"]]
    table.assign(date=pd.to_datetime(table["date"]), close=cells).to_excel(path, index=False)


def parquet(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False)


def read(settings: Settings, path: Path) -> Dropped:
    found = path.stat()
    return read_arrival(Arrival(UPath(path), found.st_size, found.st_mtime), settings, NOW)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (csv, "Coffee.csv"),
        (german, "Coffee.csv"),
        (workbook, "Coffee.xlsx"),
        (parquet, "Coffee.parquet"),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_the_word_stands_where_a_close_would(
    settings: Settings, tmp_path: Path, write: Callable[[pd.DataFrame, Path], None], name: str
) -> None:
    write(pd.DataFrame(LONG), tmp_path / name)
    dropped = read(settings, tmp_path / name)
    (coffee,) = dropped.observations
    assert coffee.prices["close"].tolist() == [50.0, 51.5]
    assert list(coffee.withdrawn) == [date(2026, 11, 18)]
    assert (dropped.rejections, coffee.without_close) == ([], 0)


def test_a_long_file_says_whose_session_it_is(settings: Settings, tmp_path: Path) -> None:
    whose = ["Sugar", "Coffee", "Coffee"]
    csv(pd.DataFrame(LONG | {"commodity": whose}), tmp_path / "both.csv")
    coffee, sugar = read(settings, tmp_path / "both.csv").observations
    assert (list(coffee.withdrawn), list(sugar.withdrawn)) == ([date(2026, 11, 18)], [])


def test_a_wide_file_withdraws_a_session_of_one_commodity(
    settings: Settings, tmp_path: Path
) -> None:
    wide = {"date": LONG["date"], "Coffee": ["50", "51", "52"], "Sugar": LONG["close"]}
    csv(pd.DataFrame(wide), tmp_path / "wide.csv")
    coffee, sugar = read(settings, tmp_path / "wide.csv").observations
    assert (list(coffee.withdrawn), list(sugar.withdrawn)) == ([], [date(2026, 11, 18)])
    assert (len(coffee.prices), len(sugar.prices)) == (3, 2)


@pytest.mark.parametrize("write", [csv, parquet, workbook], ids=lambda x: x.__name__)
def test_a_file_may_hold_nothing_but_withdrawals(
    settings: Settings, tmp_path: Path, write: Callable[[pd.DataFrame, Path], None]
) -> None:
    path = tmp_path / f"Coffee.{ {'csv': 'csv', 'parquet': 'parquet'}.get(write.__name__, 'xlsx') }"
    write(pd.DataFrame({"date": LONG["date"][:2], "close": ["withdrawn", "WITHDRAWN"]}), path)
    (coffee,) = read(settings, path).observations
    assert list(coffee.withdrawn) == [date(2026, 11, 17), date(2026, 11, 18)]
    assert coffee.prices.empty

"""A dropped file that withdraws sessions in so many words, in every form that files have."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.market.dropped_files import Dropped, read_dropped
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
    return read_dropped(path.name, path.read_bytes(), settings, NOW)


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


def test_nothing_is_withdrawn_by_a_file_whose_days_are_a_day_early(settings: Settings) -> None:
    sundays = pd.bdate_range("2026-09-07", "2026-10-30") - pd.Timedelta(days=1)
    closes = ["withdrawn" if place == 12 else f"{50 + place / 8}" for place in range(len(sundays))]
    table = pd.DataFrame({"date": sundays.strftime("%Y-%m-%d"), "close": closes})
    dropped = read_dropped("Coffee.csv", table.to_csv(index=False).encode(), settings, NOW)
    assert dropped.observations == []
    (refused,) = dropped.rejections
    assert "8 of 40 days are Sundays whose Fridays are missing" in refused.rule
    assert refused.count == len(closes)


def test_nothing_is_withdrawn_by_a_file_of_several_rows_a_day(settings: Settings) -> None:
    hours = [f"2026-11-{day} {hour}:00" for day in range(10, 18) for hour in (10, 16)]
    lines = [f"{hour},{'withdrawn' if hour.endswith('16:00') else 50}\n" for hour in hours]
    content = ("date,close\n" + "".join(lines)).encode()
    dropped = read_dropped("Coffee.csv", content, settings, NOW)
    assert dropped.observations == []
    assert "several rows a day, at 10:00, 16:00" in dropped.rejections[0].rule

"""The landing folder: whole files are told from halves, read whatever their shape, and kept."""

import os
import subprocess
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError, LandingError, SourceError
from forecast_assets.market import landing
from forecast_assets.market.directory import Entry
from forecast_assets.market.dropped_files import Dropped, Names, read_dropped
from forecast_assets.market.landing import HELD, Arrival, LandingFolder
from forecast_assets.market.reception import note, note_about, receive
from forecast_assets.market.records import FileMerge, PriceChanges
from forecast_assets.market.rows import Rejection
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.scrutiny import DoubtedWithdrawals
from forecast_assets_tests.caretaker import caretaker

NOW = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it

GOOD = "date,close\n2026-11-17,50\n2026-11-18,51.5\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    landing = {"settle_seconds": 5, "incomplete_seconds": 60}
    commodities = {
        "Coffee": {"unit": "USc/lb", "source": {"type": "landing", "symbol": "KC=F"}},
        "Sugar": {"unit": "USc/lb", "source": {"type": "landing"}},
        "Sugar_5": {"unit": "USD/t", "source": {"type": "landing"}},
    }
    return caretaker(tmp_path, landing=landing, commodities=commodities).settings


@pytest.fixture
def folder(settings: Settings) -> LandingFolder:
    made = LandingFolder(settings)
    made.make()
    return made


def drop(folder: LandingFolder, name: str, content: str | bytes | pd.DataFrame) -> Arrival:
    path = Path(folder.path.path) / name
    if isinstance(content, pd.DataFrame):
        content.to_parquet(path, index=False)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Arrival(Entry.of(name, path.stat()))


def place(folder: LandingFolder, arrival: Arrival) -> Path:
    return Path(folder.path.path) / arrival.entry.name


def whole(folder: LandingFolder, seconds: float) -> list[str]:
    """The files that are whole so many seconds from now."""
    return [arrival.name for arrival in folder.waiting(time.time() + seconds).whole]


def closes(dropped: Dropped) -> dict[str, dict[str, float]]:
    return {
        each.commodity: dict(
            zip(each.prices["date"].astype(str), each.prices["close"].tolist(), strict=True)
        )
        for each in dropped.observations
    }


def read(folder: LandingFolder, name: str, content: str | bytes | pd.DataFrame) -> Dropped:
    found = folder.read(drop(folder, name, content))
    return read_dropped(name, found, folder.settings, NOW)


def test_a_file_is_whole_when_it_has_not_changed_for_a_while(folder: LandingFolder) -> None:
    drop(folder, "sugar.csv", GOOD)
    assert whole(folder, 4) == []
    assert whole(folder, 6) == ["sugar.csv"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sugar.csv", GOOD.rstrip()),
        ("sugar.csv", ""),
        ("sugar.parquet", b"PAR1\x00\x00"),
        ("sugar.pq", b"PAR1"[:3]),
    ],
)
def test_one_that_does_not_end_as_whole_files_do_is_given_longer(
    folder: LandingFolder, name: str, content: str | bytes
) -> None:
    drop(folder, name, content)
    assert whole(folder, 58) == []
    assert [x.name for x in folder.waiting(time.time()).unfinished] == [name]
    assert whole(folder, 62) == [name]


@pytest.mark.parametrize(
    "name",
    [".sugar.csv", "_sugar.csv", "sugar.csv.tmp", "sugar.csv.PART", "s.csv.crdownload", "s~"],
)
def test_names_of_unfinished_files_are_left_alone(folder: LandingFolder, name: str) -> None:
    drop(folder, name, GOOD)
    waiting = folder.waiting(time.time() + 1e6)
    assert (waiting.whole, waiting.unfinished) == ([], [])


def test_a_file_that_a_program_has_open_for_writing_is_not_whole(folder: LandingFolder) -> None:
    path = place(folder, drop(folder, "sugar.csv", GOOD))
    writing = "import sys; f = open(sys.argv[1], 'a'); print('open', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", writing, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        assert whole(folder, 1e6) == []
    finally:
        process.communicate()
    assert whole(folder, 1e6) == ["sugar.csv"]


def test_a_file_that_a_program_reads_is_whole(folder: LandingFolder) -> None:
    with open(place(folder, drop(folder, "sugar.csv", GOOD))):  # noqa: PTH123 - any reader
        assert whole(folder, 1e6) == ["sugar.csv"]


def test_folders_are_no_files_and_the_oldest_file_comes_first(folder: LandingFolder) -> None:
    (Path(folder.path.path) / "more").mkdir()
    for name, age in (("b.csv", 300), ("a.csv", 100), ("c.csv", 200)):
        path = place(folder, drop(folder, name, GOOD))
        os.utime(path, (time.time() - age,) * 2)
    assert whole(folder, 0) == ["b.csv", "c.csv", "a.csv"]


@pytest.mark.parametrize(
    ("name", "commodity"),
    [
        ("Sugar.csv", "Sugar"),
        ("sugar_2026-11-20.csv", "Sugar"),
        ("SUGAR 2.csv", "Sugar"),
        ("sugar_5.csv", "Sugar_5"),
        ("Sugar_5-2026.csv", "Sugar_5"),
        ("kc=f.csv", "Coffee"),
        ("coffee.v2.csv", "Coffee"),
    ],
)
def test_a_file_without_a_commodity_is_known_by_its_name(
    folder: LandingFolder, name: str, commodity: str
) -> None:
    expected = {commodity: {"2026-11-17": 50.0, "2026-11-18": 51.5}}
    assert closes(read(folder, name, GOOD)) == expected


@pytest.mark.parametrize(
    "name",
    [
        "Sugar_2026-11-20", "sugar-20261120", "Sugar 20.11.2026", "sugar_2026_11", "Sugar.2026",
        "sugar_2026-11-20T18-30-00", "sugar_20261120T183000Z", "sugar_24Nov2026", "sugar-nov-2026",
        "Sugar_November_2026", "sugar_2026Q4", "sugar-2026-W47", "sugar_7", "Sugar (1)",
        "Sugar - Copy", "Sugar copy", "Sugar copy 2", "Sugar (copy)", "Sugar - Kopie (2)",
        "sugar.v2", "SUGAR_2026-11-20 (1)", "Sugar__3", "sugar.csv", "Sugar_2026.CSV", "sugar.xlsx",
        "sugar (1).csv", "sugar.csv (2)", "sugar.csv.csv",
    ],
)  # fmt: skip
def test_dates_numbers_and_copy_marks_may_follow_a_name(folder: LandingFolder, name: str) -> None:
    assert Names(folder.settings).of_file(name) == "Sugar"


@pytest.mark.parametrize(
    "name",
    [
        "sugar_eur", "sugar-white-2026-11", "Sugar.EUR", "sugar spread", "sugar_2026_white",
        "sugar_new", "sugar_v2b", "sugar_2026b", "sugar_z26", "sugar_copyright", "sugar_march_raw",
        "sugar_5_eur", "sugar_5-white", "kc=f_eur", "coffee-robusta-2026-11",
    ],
)  # fmt: skip
def test_a_name_that_goes_on_is_of_another_commodity(folder: LandingFolder, name: str) -> None:
    with pytest.raises(SourceError, match="whose prices are these") as caught:
        read(folder, f"{name}.csv", GOOD)
    begun = "Coffee" if name.startswith(("kc", "coffee")) else "Sugar"
    caught.match(f"Its name begins with {begun}")
    caught.match("Give it a column commodity, or a name .* Coffee, Sugar, Sugar_5; or set")


@pytest.mark.parametrize("name", ["sugar_5", "Sugar-5", "SUGAR 5", "sugar.5_2026", "sugar 5 (2)"])
def test_of_two_names_the_longer_one_counts_whatever_separates(
    folder: LandingFolder, name: str
) -> None:
    assert Names(folder.settings).of_file(name) == "Sugar_5"


def landed(symbol: str | None = None) -> dict[str, Any]:
    return {"unit": "USD/t", "source": {"type": "landing", "symbol": symbol}}


@pytest.mark.parametrize(
    "commodities",
    [
        {"Tea-1": landed("TEA"), "Tea-2": landed("TEA")},
        {"Tea-1": landed("TEA 1"), "Tea-2": landed("tea_1")},
        {"Tea": landed(), "Coffee": landed("tea")},
        {"Coffee": landed("tea"), "Tea": landed()},
        {"Sugar_11": landed(), "Sugar-11": landed()},
        {"Street": landed("STRASSE"), "Way": landed("straße")},
    ],
)
def test_two_commodities_of_one_name_in_dropped_files_are_refused(
    tmp_path: Path, commodities: dict[str, Any]
) -> None:
    with pytest.raises(
        ConfigurationError, match=r"commodities: .* a dropped file called"
    ) as caught:
        caretaker(tmp_path, commodities=commodities)
    for name in commodities:
        caught.match(f"of {name}, ")


def test_a_symbol_of_a_file_source_gives_way_in_dropped_files(tmp_path: Path) -> None:
    def of_file(symbol: str) -> dict[str, Any]:
        return {"unit": "USD/t", "source": {"type": "file", "path": "x.csv", "symbol": symbol}}

    commodities = {
        "Brent": of_file("B one"), "Raw": of_file("WTI"), "WTI": landed("CL=F"),
        "Crude": of_file("cl=f"), "First": of_file("ICE B"), "Second": of_file("ice_b"),
    }  # fmt: skip
    names = Names(caretaker(tmp_path, commodities=commodities).settings)
    found = {text: names.find(text) for text in ("b ONE", "wti", "CL=F", "ICE B", "ice_b")}
    assert found == {"b ONE": "Brent", "wti": "WTI", "CL=F": "WTI", "ICE B": None, "ice_b": None}
    assert [names.of_file(stem) for stem in ("b_one", "ICE-B 2026")] == ["Brent", None]


@pytest.mark.parametrize("name", ["prices.csv", "sugarcane.csv", "new_sugar.csv"])
def test_a_file_of_nobody_knows_what_is_told(folder: LandingFolder, name: str) -> None:
    with pytest.raises(SourceError, match=f"{name}: whose prices are these\\? Give"):
        read(folder, name, GOOD)


@pytest.mark.parametrize("name", ["sugar.csv", "all.csv"])
@pytest.mark.parametrize("said", ["Sugar", " SUGAR ", "sugar"])
def test_rows_without_a_commodity_are_refused_where_others_name_one(
    folder: LandingFolder, name: str, said: str
) -> None:
    text = f"date,commodity,close\n2026-11-16,{said},1\n2026-11-17,,2\n2026-11-18, ,3\n"
    dropped = read(folder, name, text + f"2026-11-19,{said},4\n")
    assert closes(dropped) == {"Sugar": {"2026-11-16": 1.0, "2026-11-19": 4.0}}
    assert [(x.line, x.column) for x in dropped.rejections] == [(3, "commodity"), (4, "commodity")]


def test_where_no_row_names_a_commodity_the_files_name_does(folder: LandingFolder) -> None:
    text = "date,commodity,close\n2026-11-16,,1\n2026-11-17,,2\n"
    assert closes(read(folder, "sugar.csv", text)) == {
        "Sugar": {"2026-11-16": 1.0, "2026-11-17": 2.0}
    }


def test_what_does_no_harm_is_a_line_a_kind(folder: LandingFolder) -> None:
    rows = [
        f"2026-{month:02}-{day:02},{day}.{month},1.5 lots"
        for month in (9, 10)
        for day in range(1, 29)
    ]
    text = "\n".join(["date,close,volume", *rows, "Source: ICE, LSEG, accessed today", ""])
    dropped = read(folder, "sugar.csv", text + "2026-11-23,6,\n")
    assert dropped.rejections == []
    assert [note.partition(": found")[0].partition(": first")[0] for note in dropped.notes] == [
        "Sugar: sugar.csv, line 58, column date",
        "Sugar: sugar.csv, line 59, column date",
        "Sugar: sugar.csv, lines 2 to 57, column volume",
    ]
    assert len(closes(dropped)["Sugar"]) == 56


def test_columns_of_other_commodities_are_one_line(folder: LandingFolder) -> None:
    text = "date,A,B,Sugar,,C,D,E,F,\n2026-11-17,1,1,20,1,1,1,1,1,\n"
    dropped = read(folder, "w.csv", text)
    assert closes(dropped) == {"Sugar": {"2026-11-17": 20.0}}
    assert dropped.rejections == []
    assert dropped.notes == [
        "w.csv: left out the columns of no commodity of the configuration: a, b, c, d, e and 1"
        " more",
        "w.csv: left out the columns without a name",
    ]


def test_a_dropped_file_is_of_the_day_and_the_rules_of_its_commodity(tmp_path: Path) -> None:
    source = {"type": "landing", "timezone": "Europe/Berlin", "aggregate": "last"}
    keeper = caretaker(tmp_path, commodities={"TTF": {"unit": "EUR/MWh", "source": source}})
    folder = LandingFolder(keeper.settings)
    folder.make()
    text = "date,close\n2026-11-17T23:00:00Z,1\n2026-11-18T16:00:00Z,2\n2026-11-18T23:00:00Z,3\n"
    assert closes(read(folder, "ttf.csv", text)) == {"TTF": {"2026-11-18": 2.0, "2026-11-19": 3.0}}


def test_an_intraday_file_is_refused_and_told_in_its_note(
    folder: LandingFolder, tmp_path: Path
) -> None:
    rows = [f"2026-11-{day} {hour}:00,5" for day in (17, 18) for hour in (10, 11, 12)]
    arrival = drop(folder, "sugar.csv", "\n".join(["date,close", *rows, ""]))
    store = open_store(folder.settings)
    received = receive(folder, arrival, store.landings, NOW, "run")
    assert not received.accepted
    note = (folder.path / "rejected" / "sugar.csv.txt").read_text().splitlines()
    assert note[1] == "refused: 6 rows"
    assert note[2].startswith(
        "Sugar: sugar.csv, lines 2 to 7, column date: first found '2026-11-17"
    )
    assert "several rows a day, at 10:00, 11:00, 12:00" in note[2]
    assert len(note) == 4


def test_a_price_of_tomorrow_is_left_out_with_a_note_to_drop_it_again(
    folder: LandingFolder,
) -> None:
    arrival = drop(folder, "sugar.csv", GOOD + "2026-11-21,52\n")
    store = open_store(folder.settings)
    received = receive(folder, arrival, store.landings, NOW, "run")
    assert (received.accepted, received.rejections) == (True, [])
    note = (folder.path / "accepted" / "sugar.csv.txt").read_text()
    assert "set commodities.Sugar.source.known_ahead: 1" in note
    assert "drop again" in note


LONG = [
    ("2026-11-17", "Coffee", 300.0),
    ("2026-11-17", "sugar", 20.0),
    ("2026-11-18", "kc=f", 301.0),
]
BOTH = {"Coffee": {"2026-11-17": 300.0, "2026-11-18": 301.0}, "Sugar": {"2026-11-17": 20.0}}
TEXT = "date,commodity,close\n" + "".join(f"{day},{name},{x}\n" for day, name, x in LONG)


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        "\ufeff" + TEXT,
        TEXT.replace("date,commodity,close", "Date, COMMODITY ,Close"),
        pd.DataFrame(LONG, columns=["date", "commodity", "close"]),
        pd.DataFrame(LONG, columns=["date", "commodity", "close"]).assign(
            date=lambda table: pd.to_datetime(table["date"])
        ),
        "Date,COFFEE,Sugar\n2026-11-17,300,20\n2026-11-18,301,\n",
        pd.DataFrame(
            {"date": ["2026-11-17", "2026-11-18"], "KC=F": [300.0, 301.0], "Sugar": [20, np.nan]}
        ),
    ],
)
def test_long_and_wide_csv_and_parquet_say_the_same(folder: LandingFolder, content: Any) -> None:
    name = "all.parquet" if isinstance(content, pd.DataFrame) else "all.csv"
    dropped = read(folder, name, content)
    assert closes(dropped) == BOTH
    assert dropped.rejections == []
    assert not any(each.complete for each in dropped.observations)


def test_an_unknown_commodity_is_refused_beside_known_ones(folder: LandingFolder) -> None:
    dropped = read(folder, "all.csv", TEXT + "2026-11-18,Cocoa,9000\n2026-11-18,,1\n")
    assert closes(dropped) == BOTH
    assert [(x.line, x.column, x.value) for x in dropped.rejections] == [
        (5, "commodity", "Cocoa"),
        (6, "commodity", ""),
    ]
    wide = read(folder, "wide.csv", "date,sugar,cocoa\n2026-11-17,20,9000\n")
    assert closes(wide) == {"Sugar": {"2026-11-17": 20.0}}
    assert wide.rejections == []
    assert wide.notes == [
        "wide.csv: left out the columns of no commodity of the configuration: cocoa"
    ]


def test_bad_rows_are_refused_by_line_and_column_and_the_others_land(folder: LandingFolder) -> None:
    content = (
        "date,open,high,low,close,volume\n"
        "2026-11-09,1,2,1,1.5,3\n"
        "09.11.2026,1,2,1,1.5,3\n"
        "2026-11-10,1,2,1,one,3\n"
        "2026-11-11,1,1,2,1.5,3\n"
        "2026-12-24,1,2,1,1.5,3\n"
        "2026-11-12,1,2,1,1.5,-3\n"
        "2026-11-13,1,2,1,1.5,3,4\n"
        "2026-11-16,1,2,1,,3\n"
        "\n"
        "2026-11-17,1,2,1,1.6,3\n"
        "2026-11-18,1,2,1,1.6,3\n"
        "2026-11-18,1,2,1,1.7,3\n"
    )
    dropped = read(folder, "sugar.csv", content)
    days = ("2026-11-09", "2026-11-11", "2026-11-12")
    assert closes(dropped) == {"Sugar": dict.fromkeys(days, 1.5) | {"2026-11-17": 1.6}}
    assert sorted((x.line, x.column) for x in dropped.rejections) == [
        (3, "date"),
        (4, "close"),
        (6, "date"),
        (8, "*"),
        (12, "close"),
        (13, "close"),
    ]
    assert {x.file for x in dropped.rejections} == {"sugar.csv"}
    assert [note.partition(": found")[0] for note in dropped.notes] == [
        "Sugar: sugar.csv, line 5, column high",
        "Sugar: sugar.csv, line 7, column volume",
    ]
    assert dropped.observations[0].without_close == 1


def test_a_wide_files_bad_value_is_named_by_its_own_column(folder: LandingFolder) -> None:
    dropped = read(folder, "w.csv", "date,Coffee,Sugar\n2026-11-17,x,20\n2026-11-18,301,y\n")
    assert [(x.commodity, x.line, x.column, x.value) for x in dropped.rejections] == [
        ("Coffee", 2, "coffee", "x"),
        ("Sugar", 3, "sugar", "y"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "Datum;Schluss\n17.11.2026;1.050,5\n18.11.2026;1.051,5\n",
        'Date,Price\n"Nov 17, 2026","1,050.50"\n"Nov 18, 2026","1,051.50"\n',
        "observation_date,PSUGA\n2026-11-17,1050.5\n2026-11-18,1051.5\n",
        "date\tSugar\tCocoa\n2026/11/17\t1050.5\t1\n2026/11/18\t1051.5\t1\n".encode("utf-16"),
    ],
)
def test_files_of_vendors_are_understood(folder: LandingFolder, content: str | bytes) -> None:
    expected = {"Sugar": {"2026-11-17": 1050.5, "2026-11-18": 1051.5}}
    assert closes(read(folder, "sugar.csv", content)) == expected


def test_a_doubt_about_a_dropped_file_is_settled_by_a_rule_for_its_name(tmp_path: Path) -> None:
    commodities = {"Sugar": {"unit": "USc/lb", "source": {"type": "landing"}}}
    text = "Date,Price\n3/11/2026,1.5\n"
    keeper = caretaker(tmp_path / "a", commodities=commodities)
    plain = LandingFolder(keeper.settings)
    plain.make()
    said = r"sugar.csv: holds days in doubt: .* set date_format of a rule of landing.formats"
    with pytest.raises(SourceError, match=said):
        read(plain, "sugar.csv", text)
    rules = [{"files": "SUGAR*", "date_format": "%d/%m/%Y"}]
    keeper = caretaker(tmp_path / "b", commodities=commodities, landing={"formats": rules})
    ruled = LandingFolder(keeper.settings)
    ruled.make()
    assert closes(read(ruled, "sugar.csv", text)) == {"Sugar": {"2026-11-03": 1.5}}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("sugar.doc", "x", "sugar.doc: found a file '.doc', allowed: .csv, .tsv, .txt, .xlsx"),
        ("sugar.xlsx", "x", "sugar.xlsx: is no workbook of Excel"),
        ("sugar", "x", "sugar: the file's name has no suffix, allowed: .csv, .tsv"),
        ("sugar.csv", "", "found the columns \\(none\\)"),
        ("sugar.csv", "date;bid;ask\n2026-11-17;1;2\n", "found the columns date, bid, ask"),
        ("sugar.csv", "date,close,close\n2026-11-17,1,2\n", "names the column close twice"),
        ("sugar.csv", "close\n1\n", "lacks the column date"),
        ("sugar.csv", b"\xff\xfe\x00date", "cannot be read"),
        ("sugar.parquet", b"PAR1 nonsense PAR1", "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_of_prices_is_told_by_its_name(
    folder: LandingFolder, name: str, content: str | bytes, said: str
) -> None:
    with pytest.raises(SourceError, match=said) as error:
        read(folder, name, content)
    assert "/tmp" not in str(error.value)  # noqa: S108 - of the copy that is read


def test_a_table_without_rows_holds_nothing(folder: LandingFolder) -> None:
    for name, content in (("sugar.csv", "date,close\n"), ("w.csv", "date,Sugar\n")):
        assert read(folder, name, content).observations == []


def test_a_file_is_put_away_under_a_free_name_with_its_note(folder: LandingFolder) -> None:
    for number in range(3):
        folder.put_away(drop(folder, "my sugar.v1.csv", f"{number}"), "accepted", f"n{number}\n")
    accepted = folder.path / "accepted"
    assert {path.name: path.read_text() for path in accepted.iterdir()} == {
        "my sugar.v1.csv": "0",
        "my sugar.v1.csv.txt": "n0\n",
        "my sugar.v1.2.csv": "1",
        "my sugar.v1.2.csv.txt": "n1\n",
        "my sugar.v1.3.csv": "2",
        "my sugar.v1.3.csv.txt": "n2\n",
    }
    assert [path.name for path in folder.path.iterdir() if path.is_file()] == []


def test_a_name_that_looks_like_a_secret_is_kept(folder: LandingFolder) -> None:
    arrival = drop(folder, "Sugar token=3.csv", GOOD)
    assert arrival.name == "Sugar token=3.csv"
    assert folder.put_away(arrival, "accepted", "n\n").endswith("/accepted/Sugar token=3.csv")


def test_a_dropped_note_is_not_written_over(folder: LandingFolder) -> None:
    folder.put_away(drop(folder, "sugar.csv.txt", "mine"), "rejected", "n1\n")
    folder.put_away(drop(folder, "sugar.csv", "0"), "rejected", "n2\n")
    texts = [path.read_text() for path in (folder.path / "rejected").iterdir()]
    assert sorted(texts) == ["0", "mine", "n1\n", "n2\n"]


def test_any_file_system_will_do(tmp_path: Path) -> None:
    keeper = caretaker(
        tmp_path,
        landing={"url": "memory://drops", "settle_seconds": 0, "incomplete_seconds": 0},
    )
    folder = LandingFolder(keeper.settings)
    folder.make()
    (folder.path / "coffee.csv").write_text(GOOD)
    (folder.path / "notes.md").write_text("x")
    arrivals = folder.waiting(time.time() + 1).whole
    assert sorted(arrival.name for arrival in arrivals) == ["coffee.csv", "notes.md"]
    store = open_store(keeper.settings)
    for arrival in arrivals:
        receive(folder, arrival, store.landings, NOW, "run")
    assert store.prices.history("Coffee").closes.tolist() == [50.0, 51.5]
    assert (folder.path / "accepted" / "coffee.csv").read_text() == GOOD
    assert (folder.path / "rejected" / "notes.md.txt").exists()
    assert folder.waiting(time.time() + 1).whole == []


WAITING = DoubtedWithdrawals([date(2026, 11, 18)], stored=30, newest=1)


def held(folder: LandingFolder, name: str, content: str) -> list[str]:
    """What waits, as the note of a held file says it."""
    dropped = read(folder, name, content)
    merge = FileMerge("Coffee", PriceChanges(0, 0, 0, 0, 0, held=1), False, WAITING)
    arrival = drop(folder, name, content)
    folder.put_away(arrival, HELD, note_about(dropped, [merge]))
    (waiting,) = folder.held()
    return waiting.waits


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("all.csv", "waits: Gold: 500 closes would change"),
        ("waits: Gold: 500 closes.csv", "Cocoa"),
        ("refused: Gold.csv", "Cocoa"),
    ],
)
def test_what_a_file_holds_does_not_say_what_waits(
    folder: LandingFolder, name: str, cell: str
) -> None:
    content = f"date,commodity,close\n2026-11-18,Coffee,withdrawn\n2026-11-18,{cell},1\n"
    assert held(folder, name, content) == [f"Coffee: {WAITING}; none of its 1 rows is merged"]


def test_what_waits_is_told_however_long_the_note_is(
    folder: LandingFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "LONGEST_NOTE", 300)
    content = "date,commodity,close\n2026-11-18,Coffee,withdrawn\n2026-11-18,Cocoa,1\n" * 2
    assert held(folder, "all.csv", content) == [f"Coffee: {WAITING}; none of its 1 rows is merged"]


def test_a_note_has_the_first_of_many_lines_and_how_many_more_there_are() -> None:
    refused = [Rejection("Coffee", "a.csv", 2, f"c{each}", "x", "no number") for each in range(700)]
    left_out = [f"note {each}" for each in range(501)]
    lines = note("a.csv", "Coffee: 1 rows", refused, left_out).splitlines()
    assert lines[2:4] == ["refused: 1 rows", str(refused[0])]
    assert lines[502:505] == [str(refused[499]), "and 200 more lines", "left out, without harm:"]
    assert lines[1004:1006] == ["note 499", "and 1 more lines"]


def test_a_file_for_which_there_is_no_memory_stays(folder: LandingFolder) -> None:
    class Full:
        def merge(self, *_: Any) -> list[FileMerge]:
            """There is no memory for the rows."""
            raise MemoryError

    arrival = drop(folder, "coffee.csv", GOOD)
    with pytest.raises(LandingError, match=r"coffee\.csv: there is not enough memory for its 41"):
        receive(folder, arrival, Full(), NOW, "run")
    assert whole(folder, 70) == ["coffee.csv"]

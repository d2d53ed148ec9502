"""Yahoo Finance, by answers in the shape of its own, served on this machine to yfinance itself."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from forecast_assets.defs.services import YahooResource
from forecast_assets.errors import SourceError
from forecast_assets.market import live
from forecast_assets_tests.web import Answer, Asked, Server, served

FINAL, SINCE = date(2026, 11, 20), date(2026, 11, 1)

Bar = tuple[str, float | None, float | None, float | None]
"""Day, high, low and close."""

BARS: list[Bar] = [
    ("2026-11-18", 61.0, 59.0, 60.1),
    ("2026-11-19", None, None, None),
    ("2026-11-20", 62.0, 60.0, 61.2),
    ("2026-11-23", 63.0, 61.0, 62.5),
]


def chart(bars: Sequence[Bar]) -> str:
    """An answer of the chart service."""
    period = {"timezone": "EST", "start": 1, "end": 2, "gmtoffset": -18000}
    meta = {
        "currency": "USD",
        "symbol": "CL=F",
        "instrumentType": "FUTURE",
        "gmtoffset": -18000,
        "timezone": "EST",
        "exchangeTimezoneName": "America/New_York",
        "priceHint": 2,
        "dataGranularity": "1d",
        "validRanges": ["1d", "5d", "1mo", "max"],
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
    }
    midnights = [int(datetime.fromisoformat(f"{bar[0]}T05:00:00Z").timestamp()) for bar in bars]
    quote = {
        "open": [bar[3] for bar in bars],
        "high": [bar[1] for bar in bars],
        "low": [bar[2] for bar in bars],
        "close": [bar[3] for bar in bars],
        "volume": [1000 if bar[3] else None for bar in bars],
    }
    found = {
        "meta": meta,
        "timestamp": midnights,
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]},
    }
    return json.dumps({"chart": {"result": [found], "error": None}})


UNKNOWN = json.dumps(
    {"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}}
)


def only_chart(answer: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
    """The services that yfinance asks first answer as they do; the chart answers this."""

    def said(asked: Asked) -> Answer:
        if "getcrumb" in asked.path:
            return Answer("crumb")
        return answer(asked) if "/chart/" in asked.path else Answer("hello", 404)

    return said


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(live, "_pause", lambda state: 0.0)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def server() -> Iterator[Server]:
    with served(only_chart(lambda asked: Answer(chart(BARS)))) as listening:
        yield listening


def yahoo(server: Server, **keys: float) -> YahooResource:
    return YahooResource(base_url=server.url, requests_per_minute=1e6, **keys)  # type: ignore[arg-type]


def charts(server: Server, symbol: str) -> list[dict[str, str]]:
    """The questions about the bars of a symbol, without those about its time zone."""
    return [x.query for x in server.asked if x.path.endswith(symbol) and "period1" in x.query]


def test_bars_are_read_unadjusted_without_holidays_and_without_the_running_one(
    server: Server,
) -> None:
    observed = yahoo(server).read("WTI", "CL=F", SINCE, FINAL)
    rows = observed.prices.assign(date=observed.prices["date"].astype(str))
    assert rows.to_dict("records") == [
        {"date": day, "open": close, "high": high, "low": low, "close": close, "volume": 1000.0}
        for day, high, low, close in BARS[::2][:2]
    ]
    assert (observed.origin, observed.without_close) == ("yahoo:CL=F", 1)
    assert not observed.complete
    (query,) = charts(server, "CL=F")
    begun = datetime.fromtimestamp(int(query["period1"]), UTC)
    assert (begun.date(), query["interval"]) == (SINCE, "1d")


def test_the_first_time_everything_is_asked_for(server: Server) -> None:
    yahoo(server).read("WTI", "ALL=F", None, FINAL)
    (query,) = charts(server, "ALL=F")
    assert datetime.fromtimestamp(int(query["period1"]), UTC).year < 1970


def test_a_high_below_the_low_is_left_empty_beside_its_close(server: Server) -> None:
    bars: list[Bar] = [*BARS[:1], ("2026-11-19", 59.0, 61.0, 60.0), *BARS[2:]]
    server.answer = only_chart(lambda asked: Answer(chart(bars)))
    observed = yahoo(server).read("WTI", "BAD=F", SINCE, FINAL)
    assert observed.prices["close"].tolist()[1] == 60.0
    assert observed.prices["high"].isna().tolist() == [False, True, False]
    assert observed.rejections == []
    (note,) = observed.notes
    assert note.startswith("yahoo:BAD=F, line 2, column high: found '59.0': the high is below")


@pytest.mark.parametrize(
    ("symbol", "answer"),
    [
        ("NO1=F", Answer(UNKNOWN, 404)),
        ("NO2=F", Answer(UNKNOWN)),
        ("NO3=F", Answer("<html>Will be right back</html>")),
        ("NO4=F", Answer("{}")),
        ("NO5=F", Answer(chart([]))),
    ],
)
def test_an_answer_without_bars_is_told(server: Server, symbol: str, answer: Answer) -> None:
    server.answer = only_chart(lambda asked: answer)
    with pytest.raises(SourceError, match=f"WTI: Yahoo.*{symbol}"):
        yahoo(server).read("WTI", symbol, SINCE, FINAL)


def test_a_service_that_is_down_is_asked_as_often_as_allowed(server: Server) -> None:
    server.answer = lambda asked: Answer("busy", 503)
    with pytest.raises(SourceError, match="Yahoo does not answer for DOWN=F: status 503, 2 times"):
        yahoo(server, attempts=2).read("WTI", "DOWN=F", SINCE, FINAL)


def test_a_service_that_comes_back_is_heard(server: Server) -> None:
    def limping(asked: Asked) -> Answer:
        seen = sum(each.path == asked.path for each in server.asked)
        return Answer(chart(BARS)) if seen > 2 else Answer("", 429, {"Retry-After": "0"})

    server.answer = only_chart(limping)
    assert len(yahoo(server).read("WTI", "LIMP=F", SINCE, FINAL).prices) == 2


def test_a_service_that_hangs_is_not_waited_for(server: Server) -> None:
    def slow(asked: Asked) -> Answer:
        time.sleep(0.5)
        return Answer(chart(BARS))

    server.answer = only_chart(slow)
    with pytest.raises(SourceError, match="SLOW=F"):
        yahoo(server, attempts=1, timeout_seconds=0.1).read("WTI", "SLOW=F", SINCE, FINAL)


def test_yfinance_keeps_no_pickled_cookies(server: Server, tmp_path: Path) -> None:
    yahoo(server).read("WTI", "COOK=F", SINCE, FINAL)
    assert [str(x) for x in tmp_path.rglob("*") if "yfinance" in str(x)] == []

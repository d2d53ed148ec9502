"""FRED, by answers in the shape of its own, served on this machine."""

import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from dagster import DagsterInstance

from forecast_assets.defs.assets import prices
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.services import FredResource
from forecast_assets.errors import SourceError
from forecast_assets.market import live
from forecast_assets.market.fred import MOST_BYTES
from forecast_assets_tests.caretaker import caretaker
from forecast_assets_tests.graphs import QUIET
from forecast_assets_tests.web import Answer, Server, served, trickling

SERIES = """observation_date,DCOILWTICO
2026-11-16,60.1
2026-11-17,.
2026-11-18,61.25
2026-11-19,
2026-11-20,62
"""

FINAL = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_pause", lambda state: 0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with served(lambda asked: Answer(SERIES)) as listening:
        yield listening


def fred(server: Server, **keys: float) -> FredResource:
    return FredResource(base_url=server.url, requests_per_minute=1e6, **keys)  # type: ignore[arg-type]


def test_a_series_is_read_without_its_holidays(server: Server) -> None:
    observed = fred(server).read("WTI", "DCOILWTICO", date(2026, 11, 1), FINAL)
    assert [str(day)[:10] for day in observed.prices["date"]] == [
        "2026-11-16",
        "2026-11-18",
        "2026-11-20",
    ]
    assert observed.prices["close"].tolist() == [60.1, 61.25, 62.0]
    assert (observed.without_close, observed.origin, observed.complete) == (
        2,
        "fred:DCOILWTICO",
        False,
    )
    (asked,) = server.asked
    assert asked.path == "/graph/fredgraph.csv"
    assert asked.query == {"id": "DCOILWTICO", "cosd": "2026-11-01"}


def test_the_first_time_everything_is_asked_for(server: Server) -> None:
    fred(server).read("WTI", "DCOILWTICO", None, FINAL)
    assert server.asked[0].query == {"id": "DCOILWTICO"}


def test_a_value_that_is_not_final_is_left_for_the_next_time(server: Server) -> None:
    observed = fred(server).read("WTI", "DCOILWTICO", None, date(2026, 11, 19))
    assert (len(observed.prices), observed.rejections) == (2, [])


def test_a_value_that_is_no_number_is_refused_beside_good_ones(server: Server) -> None:
    server.answer = lambda asked: Answer(SERIES.replace("61.25", "n.s."))
    observed = fred(server).read("WTI", "DCOILWTICO", None, FINAL)
    (refused,) = observed.rejections
    assert (refused.file, refused.line, refused.column, refused.value) == (
        "fred:DCOILWTICO",
        4,
        "close",
        "n.s.",
    )
    assert len(observed.prices) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("<html><body>Not here", 404), "answers NOSUCH with status 404"),
        (Answer("<html><body>Welcome"), "is not that series: found '<html><body>Welcome'"),
        (Answer(""), "is not that series"),
        (Answer(SERIES), "is not that series"),
        (Answer("observation_date,NOSUCH\n"), "has no value of NOSUCH"),
        (
            Answer(f"observation_date,NOSUCH\n2026-11-17,{'5' * 140_000}"),
            "is no series: field larger",
        ),
        (Answer("x" * (MOST_BYTES + 1)), "has more than 10,000,000 bytes"),
    ],
)
def test_an_answer_without_the_series_is_told(server: Server, answer: Answer, said: str) -> None:
    server.answer = lambda asked: answer
    with pytest.raises(SourceError, match=f"WTI: FRED.*{said}"):
        fred(server).read("WTI", "NOSUCH", None, FINAL)


def test_a_service_that_is_down_is_asked_as_often_as_allowed(server: Server) -> None:
    server.answer = lambda asked: Answer("busy", 503)
    with pytest.raises(SourceError, match="FRED does not answer for X: status 503, 3 times"):
        fred(server, attempts=3).read("WTI", "X", None, FINAL)
    assert len(server.asked) == 3


def test_a_service_that_comes_back_is_heard(server: Server) -> None:
    server.answer = lambda asked: Answer(SERIES) if len(server.asked) > 2 else Answer("", 500)
    assert len(fred(server).read("WTI", "DCOILWTICO", None, FINAL).prices) == 3


@pytest.mark.parametrize(
    "head",
    ["", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"],
    ids=["nothing", "headers", "body"],
)
def test_a_service_that_trickles_is_not_waited_for(head: str) -> None:
    with trickling(head) as address:
        asker = fred(Server(address, lambda _: Answer()), attempts=2, timeout_seconds=0.5)
        with pytest.raises(SourceError, match=r"Timeout: no answer in 0\.5 seconds, 2 times"):
            asker.read("WTI", "X", None, FINAL)


def test_a_service_that_hangs_is_not_waited_for(server: Server) -> None:
    def slow(asked: object) -> Answer:
        time.sleep(0.5)
        return Answer(SERIES)

    server.answer = slow
    with pytest.raises(SourceError, match="Timeout"):
        fred(server, attempts=2, timeout_seconds=0.1).read("WTI", "X", None, FINAL)
    assert len(server.asked) == 2


def test_prices_are_asked_for_from_shortly_before_the_newest_and_keep_their_revisions(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"type": "fred", "series": "DCOILWTICO"}
    keeper = caretaker(tmp_path, commodities={"WTI": {"unit": "USD/bbl", "source": source}})

    def load(day: int) -> dict[str, object]:
        monkeypatch.setattr(prices, "now", lambda: datetime(2026, 11, day, 12))  # noqa: DTZ001
        definitions = build_definitions(keeper.settings)
        job = definitions.resolve_job_def("load_prices")
        result = job.execute_in_process(
            instance=DagsterInstance.ephemeral(tempdir=str(tmp_path / "instance")),
            partition_key="WTI",
            resources={"fred": fred(server)},
            run_config={"loggers": QUIET},
        )
        (event,) = result.asset_materializations_for_node("prices")
        return {name: value.value for name, value in event.metadata.items()}

    first = load(20)
    assert (first["sessions_added"], first["newest_session"]) == (2, "2026-11-18")
    again = load(21)
    assert server.asked[-1].query["cosd"] == "2026-10-19"
    assert (again["sessions_added"], again["sessions_revised"]) == (1, 0)
    changed = SERIES.replace("61.25", "61.5").replace("2026-11-16", "2026-11-15")
    server.answer = lambda asked: Answer(changed)
    revised = load(22)
    assert (revised["sessions_revised"], revised["sessions_withdrawn"]) == (1, 0)
    assert keeper.store.prices.history("WTI").closes.tolist() == [60.1, 60.1, 61.5, 62.0]

"""Alerts: what turned is told once, and a webhook that is down is told later."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRun, DagsterRunStatus, SkipReason, build_sensor_context

from forecast_assets.defs import alerts, checks
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.sensors import sensors, tell
from forecast_assets.errors import AlertFailed
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import Caretaker, caretaker, drawn
from forecast_assets_tests.graphs import QUIET
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.web import Answer, Server, served, trickling


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "wait_random", lambda *_: lambda *_: 0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with served(lambda asked: Answer("thanks")) as listening:
        yield listening


@dataclass
class Watch:
    """A caretaker whose checks are evaluated on given days, and who tells a webhook."""

    keeper: Caretaker
    patch: pytest.MonkeyPatch
    cursor: str | None = None
    said: list[str] = field(default_factory=list)

    def evaluate(self, day: int) -> None:
        """The checks of freshness, on a day of January 2020."""
        self.patch.setattr(checks, "now", lambda: datetime(2020, 1, day, 6))  # noqa: DTZ001
        job = build_definitions(self.keeper.settings).resolve_job_def("watch")
        job.execute_in_process(instance=self.keeper.instance, run_config={"loggers": QUIET})

    def look(self) -> str:
        """One tick of the sensor, as the daemon keeps its cursor."""
        definitions = build_definitions(self.keeper.settings)
        with build_sensor_context(
            self.keeper.instance,
            cursor=self.cursor,
            repository_def=definitions.get_repository_def(),
        ) as context:
            found = tell(self.keeper.settings)(context)
            self.cursor = context.cursor
        assert isinstance(found, SkipReason)
        return str(found.skip_message)


@pytest.fixture
def watch(
    tmp_path: Path, beginnings: Beginnings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> Watch:
    drawn(beginnings, tmp_path, {"prices.csv": [make_history(530)]})
    keeper = caretaker(tmp_path, alerts={"webhook": f"{server.url}/hook?token=secret"})
    return Watch(keeper, monkeypatch)


def told(server: Server) -> list[tuple[str, str, str]]:
    documents: list[dict[str, Any]] = [json.loads(asked.body) for asked in server.asked]
    return [(x["name"], x["was"], x["now"]) for x in documents]


def test_each_turn_of_a_check_is_told_once(watch: Watch, server: Server) -> None:
    turns: list[list[tuple[str, str, str]]] = []
    for day in (13, 13, 15, 16, 20, 13):
        watch.evaluate(day)
        watch.look()
        watch.look()
        turns.append([(name.partition(".")[2], was, now) for name, was, now in told(server)])
        server.asked.clear()
    both = ("forecast_freshness", "price_freshness")
    fresh = [x for x in turns[0] if x[0] in both]
    assert fresh == []
    assert turns[1:] == [
        [],
        [(name, "green", "yellow") for name in both],
        [],
        [(name, "yellow", "red") for name in both],
        [(name, "red", "green") for name in both],
    ]


def test_a_document_says_what_is_wrong_of_whom_and_in_which_run(
    watch: Watch, server: Server
) -> None:
    watch.evaluate(13)
    watch.look()
    server.asked.clear()
    watch.evaluate(20)
    watch.look()
    document = json.loads(server.asked[-1].body)
    run_id = document.pop("run_id")
    assert document == {
        "project": "forecast_assets",
        "kind": "check",
        "name": "prices.price_freshness",
        "was": "green",
        "now": "red",
        "text": "Coffee: the newest price is of 2020-01-10, 5 sessions ago",
    }
    assert watch.keeper.instance.has_run(run_id)
    assert (server.asked[-1].method, server.asked[-1].path) == ("POST", "/hook")


def test_what_could_not_be_told_is_told_later_and_what_was_told_is_not_told_again(
    watch: Watch, server: Server
) -> None:
    watch.evaluate(13)
    watch.look()
    watch.evaluate(20)
    server.asked.clear()
    server.answer = lambda asked: Answer(status=200 if len(server.asked) == 1 else 503)
    said = watch.look()
    assert said == (
        "127.0.0.1: found status 503, 3 times; check prices.price_freshness is told at the next"
        " look"
    )
    assert len(server.asked) == 1 + alerts.TRIES
    server.asked.clear()
    server.answer = lambda asked: Answer()
    assert watch.look() == "1 alerts sent"
    assert told(server) == [("prices.price_freshness", "green", "red")]
    assert watch.look() == "nothing turned"


def test_a_webhook_that_is_gone_is_named_without_its_secret(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, alerts={"webhook": "http://127.0.0.1:9/hook?token=secret"})
    alert = alerts.Alert("run", "catch_up", "green", "red", "it failed", "c0ffee")
    with pytest.raises(AlertFailed) as failed:
        alerts.deliver(keeper.settings.alerts, alert)
    assert "secret" not in str(failed.value)
    assert str(failed.value).startswith("127.0.0.1: found ConnectionError, 3 times")


def test_a_webhook_that_trickles_is_not_waited_for(tmp_path: Path) -> None:
    with trickling("HTTP/1.1 200 OK\r\nX: ") as address:
        alert = alerts.Alert("run", "catch_up", "green", "red", "it failed", "c0ffee")
        keeper = caretaker(tmp_path, alerts={"webhook": address, "timeout_seconds": 0.2})
        with pytest.raises(AlertFailed, match=r"127\.0\.0\.1: found Timeout, 3 times"):
            alerts.deliver(keeper.settings.alerts, alert)


def test_a_webhook_that_sends_elsewhere_is_not_followed(tmp_path: Path) -> None:
    with served(lambda _: Answer()) as elsewhere:
        moved = Answer(status=307, headers={"Location": f"{elsewhere.url}/hook"})
        with served(lambda _: moved) as webhook:
            keeper = caretaker(tmp_path, alerts={"webhook": f"{webhook.url}/hook?token=secret"})
            alert = alerts.Alert("run", "catch_up", "green", "red", "it failed", "c0ffee")
            with pytest.raises(AlertFailed, match="found status 307, 3 times"):
                alerts.deliver(keeper.settings.alerts, alert)
            assert len(webhook.asked) == 3
        assert elsewhere.asked == []


def test_a_failed_run_is_told_once_and_those_of_before_the_first_look_are_not(
    watch: Watch, server: Server
) -> None:
    fail(watch, "00000000")
    watch.look()
    assert [name for name, _, _ in told(server) if name == "catch_up"] == []
    server.asked.clear()
    fail(watch, "11111111")
    watch.look()
    watch.look()
    assert told(server) == [("catch_up", "green", "red")]
    assert json.loads(server.asked[0].body)["text"].startswith("the run 11111111 of catch_up")


def fail(watch: Watch, run_id: str) -> None:
    run = DagsterRun("catch_up", run_id=run_id, status=DagsterRunStatus.FAILURE)
    watch.keeper.instance.add_run(run)


def test_without_a_webhook_nobody_looks(tmp_path: Path) -> None:
    names = [sensor.name for sensor in sensors(caretaker(tmp_path).settings)]
    assert names == ["new_market_data", "due_work"]

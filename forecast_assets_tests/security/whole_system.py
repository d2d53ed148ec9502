"""The promises of SECURITY.md, on a whole system: commands, daemon, webserver and browser.

It runs once for all tests here, as processes of its own. ``make security`` calls them, and not
``make suite``.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IWOTH
from typing import Any

import pytest
from dagster import AssetMaterialization, DagsterInstance, DagsterRunStatus, MetadataValue

from forecast_assets.defs.metadata import failures, notes, table
from forecast_assets.defs.record import markdown_of
from forecast_assets.record.damage import Damage, Group
from forecast_assets_tests.browser import Tab, opened
from forecast_assets_tests.daemons import within
from forecast_assets_tests.security.alone import attempts, is_alone
from forecast_assets_tests.security.estate import CLOSED, SECRETS, Estate
from forecast_assets_tests.security.hostile_texts import RAN, hostile_texts
from forecast_assets_tests.security.listeners import addresses, doors, family_of
from forecast_assets_tests.security.traces import traces
from forecast_assets_tests.security.watched import Noted, noted
from forecast_assets_tests.web import Answer, asked, free_port, served

PATIENCE_SECONDS = 600.0

LANDED = "![x](javascript:window.ran=1) <img src=x onerror=window.ran=1>.csv"
"""The name of a file that is dropped."""

RESOURCES = """
query Resources { repositoriesOrError { ... on RepositoryConnection { nodes {
  name location { name }
  allTopLevelResourceDetails {
    name configuredValues { key value type } configFields { name defaultValueAsJson }
    nestedResources { name }
  } } } } }
"""

RUNS = """
query Runs { runsOrError { ... on Runs { results {
  runId status runConfigYaml tags { key value }
  eventConnection { events { ... on MessageEvent { message } } } } } } }
"""

SENSORS = """
query Sensors { repositoriesOrError { ... on RepositoryConnection { nodes {
  sensors { name sensorState { ticks(limit: 20) {
    status skipReason cursor error { message stack causes { message } } } } } } } } }
"""

SHOW = """
(() => { for (const each of document.querySelectorAll('button, [role=button]'))
  if (/^(show|view|more)/i.test(each.innerText)) each.click(); return true })()
"""


SAID: dict[str, tuple[int, list[str]]] = {
    "artifacts": (1, ["cannot be reached (ConnectionRefusedError", "look at artifacts.url"]),
    "artifacts, as recorded": (0, ["model version vault"]),
    "landing folder": (1, ["failed: landing: ftp:///landing: Connection refused"]),
    "configuration": (1, ["alerts.webhook: found a value that is not shown", "'many'"]),
}
"""The exit code of a command that meets an address that cannot be used, and what it says."""


@dataclass
class Seen:
    """What was seen of the system while it ran."""

    estate: Estate
    port: int = 0
    graphql: dict[str, Any] = field(default_factory=dict)
    listening: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)
    left: int = 0
    """How many calls of other machines the system counted, before the browser began."""
    doors: dict[str, int] = field(default_factory=dict)
    requests: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    ran: dict[str, Any] = field(default_factory=dict)

    @property
    def noted(self) -> list[Noted]:
        """What the hook noted in all processes."""
        return list(noted(self.estate.watched))


def report_hostile(estate: Estate, texts: list[str]) -> None:
    """Log materializations whose metadata have hostile texts wherever ours have texts."""
    damages = [Damage(text, text, text, text, text, None, text, text) for text in texts]
    metadata = {
        **notes(texts),
        **failures(texts),
        "files": table([dict.fromkeys(texts, text) for text in texts]),
        "damage": MetadataValue.md(markdown_of([Group(each, None, None, 1) for each in damages])),
        "page": MetadataValue.url((estate.home / "report.html").as_uri()),
        "path": MetadataValue.path(texts[0]),
        **{f"text {place}": text for place, text in enumerate(texts)},
    }
    with DagsterInstance.from_config(str(estate.dagster)) as instance:
        for asset in ("report", "record"):
            instance.report_runless_asset_event(
                AssetMaterialization(asset, description=" ".join(texts), metadata=metadata)
            )


def fail_with_secrets(estate: Estate) -> None:
    """Have commands fail on a configuration whose addresses cannot be used."""
    password, key, landing = list(SECRETS.values())[3:]

    def meet(what: str, *arguments: str) -> None:
        estate.failed[what] = estate.command(*arguments), estate.said[-1]

    artifacts = {
        "url": f"ftp://models:{password}@{CLOSED}/models?key={key}",
        "threshold_bytes": 0,
    }
    dropped = {"url": f"ftp://files:{landing}@{CLOSED}/landing"}
    estate.configure(artifacts=artifacts, model_version="vault")
    meet("artifacts", "run", "--commodity", "Coffee")
    meet("artifacts, as recorded", "status")
    estate.configure(landing=dropped, model_version="vault")
    meet("landing folder", "run", "--commodity", "Sugar")
    broken = {"webhook": "htp://desk:" + "@".join(list(SECRETS.values())[:3])}
    estate.configure(alerts=broken, artifacts=artifacts | {"threshold_bytes": "many"})
    meet("configuration", "status")
    estate.configure()


def await_quiet(estate: Estate) -> None:
    """Wait until Sugar's file is landed by the daemon, and its alerts were tried."""
    with DagsterInstance.from_config(str(estate.dagster)) as instance:

        def done() -> bool:
            runs = instance.get_runs()
            jobs = [run.job_name for run in runs if "dagster/sensor_name" in run.tags]
            ended = all(run.is_finished for run in runs)
            return ended and {"land", "catch_up"} <= set(jobs) and len(estate.webhook.asked) >= 3

        within(PATIENCE_SECONDS, "the daemon", done)
        assert any(run.status == DagsterRunStatus.SUCCESS for run in instance.get_runs())


def look(seen: Seen, tab: Tab, name: str, address: str, ready: str) -> None:
    """Visit a page, open what it hides, and note what it showed, fetched and ran."""
    tab.requests.clear()
    tab.visit(address, ready)
    for _ in range(2):
        tab.ask(SHOW)
        time.sleep(1)  # whatever a click shows may fetch or run something only then
    seen.texts[name] = tab.ask("document.body.innerText")
    seen.ran[name] = tab.ask(RAN)
    seen.requests[name] = list(tab.requests)


def browse(seen: Seen, profile: Path) -> None:
    """Look at the pages of the UI and at the report in a browser."""
    host = f"http://127.0.0.1:{seen.port}"
    shows = "/materiali[sz]ed|Metadata|Value/i.test(document.body.innerText)"
    with opened(profile) as tab:
        for asset in ("report", "record", "landed_files", "prices"):
            look(seen, tab, asset, f"{host}/assets/{asset}?view=overview", shows)
        look(seen, tab, "events", f"{host}/assets/report?view=events", shows)
        failed = [
            run["runId"]
            for run in seen.graphql["runs"]["runsOrError"]["results"]
            if run["status"] == "FAILURE"
        ]
        ready = "/RUN_FAILURE|STEP_FAILURE/.test(document.body.innerText)"
        look(seen, tab, "failed run", f"{host}/runs/{failed[0]}", ready)
        page = (seen.estate.home / "report.html").as_uri()
        look(seen, tab, "the report", page, "document.readyState == 'complete'")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """The system, after it ran."""
    assert is_alone(), "run it by `make security`, which gives it a network of its own"
    before = attempts()
    folder = tmp_path_factory.mktemp("estate")
    with served(lambda _: Answer()) as outside:
        moved = Answer(status=302, headers={"Location": f"{outside.url}/webhook"})
        with served(lambda _: moved) as webhook:
            estate = Estate(folder, webhook, outside)
            estate.configure()
            estate.fill()
            assert estate.command("run") == 1  # there is no file of Tea
            fail_with_secrets(estate)
            estate.drop(LANDED)
            seen = Seen(estate, free_port())
            with estate.ui(seen.port):
                log = estate.folder / "ui.log"
                within(PATIENCE_SECONDS, "the UI", lambda: "Ready: " in log.read_text())
                await_quiet(estate)
                report_hostile(estate, hostile_texts(outside))
                for name, query in {"resources": RESOURCES, "runs": RUNS, "ticks": SENSORS}.items():
                    seen.graphql[name] = asked(seen.port, query)
                seen.left = attempts() - before
                browse(seen, tmp_path_factory.mktemp("browser") / "profile")
                look_at_sockets(seen)
            yield seen


def look_at_sockets(seen: Seen) -> None:
    """Note where the processes of the UI listen, and whom they are connected to."""
    (leader,) = {
        each
        for each in map(int, (x.name for x in Path("/proc").glob("[0-9]*")))
        if f"--port\0{seen.port}\0" in command_line(each)
        and "forecast_assets.cli" in command_line(each)
    }
    family = family_of(leader)
    for own, other, listens in addresses(family):
        (seen.listening if listens else seen.connected).append(own if listens else other)
    seen.doors = {str(file): file.stat().st_mode for file in doors(family)}


def command_line(process: int) -> str:
    """The program and arguments of a process, each ended by NUL; empty if it has gone."""
    try:
        return (Path("/proc") / str(process) / "cmdline").read_text()
    except OSError:
        return ""


def test_nothing_that_was_read_from_a_file_or_table_is_unpickled(seen: Seen) -> None:
    unpickled = [each for each in seen.noted if each.is_unpickling]
    assert [str(each) for each in unpickled if not each.is_from_a_pipe] == []
    assert unpickled  # what training processes sent each other was noted
    programs = {" ".join(each.argv) for each in seen.noted}
    for program in ("forecast_assets.cli run", "dagster_webserver", "dagster._daemon", "loky"):
        assert any(program in each for each in programs), program


def test_no_address_is_called_but_those_configured(seen: Seen) -> None:
    ports = [seen.estate.webhook.url.rpartition(":")[2], str(seen.port), CLOSED.rpartition(":")[2]]
    own = {f"{host}:{port}" for host in ("127.0.0.1", "localhost") for port in ports}
    called = [each for each in seen.noted if each.is_call and each.event != "socket.bind"]
    strange = [
        str(each)
        for each in called
        if each.what not in own
        and not (each.event == "socket.connect" and each.what.startswith("/"))  # of this machine
    ]
    assert strange == []
    assert {each.what for each in called} >= {CLOSED, f"127.0.0.1:{ports[0]}"}
    assert seen.estate.outside.asked == []
    assert len(seen.estate.webhook.asked) >= 3


def test_no_library_tries_to_leave_the_machine(seen: Seen) -> None:
    assert seen.left == 0


@pytest.mark.parametrize("what", SAID)
def test_an_address_that_cannot_be_used_is_told(seen: Seen, what: str) -> None:
    (code, said), (expected, words) = seen.estate.failed[what], SAID[what]
    assert code == expected, said
    assert [each for each in words if each not in said] == [], said


def test_only_the_ui_listens_and_only_on_this_machine(seen: Seen) -> None:
    assert seen.listening == [f"127.0.0.1:{seen.port}"]
    assert [each for each in seen.connected if not each.startswith("127.0.0.1:")] == []


def test_only_the_user_and_his_group_may_connect_to_the_code_servers(seen: Seen) -> None:
    assert seen.doors
    assert {file: oct(mode) for file, mode in seen.doors.items() if mode & S_IWOTH} == {}


def test_no_page_fetches_anything_from_elsewhere(seen: Seen) -> None:
    allowed = (f"http://127.0.0.1:{seen.port}/", "data:", "blob:", "file:///", "ws://127.0.0.1:")
    for page, requests in seen.requests.items():
        assert [each for each in requests if not each.startswith(allowed)] == [], page
    assert all(each.startswith(("file:", "data:")) for each in seen.requests["the report"])
    assert seen.estate.outside.asked == []


def test_no_page_runs_what_hostile_texts_say(seen: Seen) -> None:
    assert {page: ran for page, ran in seen.ran.items() if ran is not None} == {}
    assert len(seen.ran) == 7
    for page in ("report", "record"):
        assert f"<script>{RAN}=1</script>" in seen.texts[page], seen.texts[page]
    assert "<img src=x onerror=window.ran=1>" in seen.texts["the report"]


def test_nobody_else_can_write_what_was_written(seen: Seen) -> None:
    open_files = [
        f"{file.relative_to(folder)} {oct(file.stat().st_mode)}"
        for folder in (seen.estate.home, seen.estate.dagster)
        for file in folder.rglob("*")
        if file.stat().st_mode & S_IWOTH
    ]
    assert open_files == []


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_nowhere_but_in_the_configuration(seen: Seen, what: str) -> None:
    secret, estate = SECRETS[what], seen.estate
    written = {estate.folder / "forecast.yaml"}
    assert traces(estate.folder, [secret], but=written) == []
    said = [line for text in estate.said for line in text.splitlines() if secret in line]
    assert said == []
    for name, answer in seen.graphql.items():
        assert secret not in json.dumps(answer), name
    for page, text in seen.texts.items():
        assert secret not in text, page

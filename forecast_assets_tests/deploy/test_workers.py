"""Workers of Celery do the steps of runs, beside readers, on S3 and PostgreSQL; some are killed."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter
from deltalake import DeltaTable

from forecast_assets.defs.run_history import COMMODITY
from forecast_assets.record.verification import verify
from forecast_assets.store.delta.storage import options_of
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.clock import now
from forecast_assets_tests.beginnings import at_home
from forecast_assets_tests.broker import Broker, broker
from forecast_assets_tests.chaos.crowd import PER_FILE, PER_SOURCE
from forecast_assets_tests.chaos.likeness import Likeness, likeness_of
from forecast_assets_tests.daemons import end_group, kill_group, within
from forecast_assets_tests.deployed import PATIENCE_SECONDS, SEVERAL, Machine
from forecast_assets_tests.graphs import Graph, catch_up
from forecast_assets_tests.postgres import postgres
from forecast_assets_tests.seaweed import BUCKET, Seaweed
from forecast_assets_tests.site import said_since
from forecast_assets_tests.units import start

pytestmark = [pytest.mark.engine, pytest.mark.long]

NAMES = ["Cocoa", "Coffee", "Copper", "Corn", "Cotton", "Gold", "Oats", "Silver", "Sugar", "Wheat"]

TRAINING = {"cadence": "annually", "start": "2020-01-01"}

WINDOW = "2020-01-01"

SESSIONS = 545
"""From 2018-01-01 to 2020-01-31: most of them are there to be trained on."""

URL = f"s3://{BUCKET}/several"

LOST_AFTER_SECONDS = 240
"""In place of an hour: after it, what a killed worker had begun is another one's."""

READERS = 3

WORKER = SEVERAL / "forecast-worker@.service"


@dataclass
class Machines:
    """One machine with the daemon, and two with a worker each, which have folders of their own."""

    home: Machine
    others: dict[str, Machine]
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a worker, as its unit does after a kill too."""
        machine = self.others[name]
        self.workers[name] = start(WORKER, machine.folder, machine.whole_environment, name)

    @contextmanager
    def working(self) -> Iterator[None]:
        """All programs; they end with the block."""
        with self.home.daemon():
            for name in self.others:
                self.start(name)
            try:
                yield
            finally:
                for worker in self.workers.values():
                    end_group(worker)

    def drawing(self, name: str) -> int | None:
        """The process of a worker that is writing a window's forecasts in this moment."""
        for claim in (
            DeltaTable(f"{URL}/claims", storage_options=options_of(URL))
            .to_pyarrow_table()
            .to_pylist()
        ):
            process = int(claim["process"])
            held = claim["until"] > now() and parent_of(process) == self.workers[name].pid
            if held and self.steps_begun(claim["commodity"])[-1:] == ["distributions"]:
                return process
        return None

    def steps_begun(self, commodity: str) -> list[str]:
        """The steps that the run of a commodity has begun."""
        going_on = RunsFilter(statuses=[DagsterRunStatus.STARTED], tags={COMMODITY: commodity})
        history, begins = self.home.instance, DagsterEventType.STEP_START
        return [
            record.step_key or ""
            for run in history.get_runs(going_on)
            for record in history.all_logs(run.run_id, of_type=begins)
        ]

    def rests(self) -> bool:
        """Whether the sensor has found nothing due since the last run ended."""
        records = self.home.instance.get_run_records()
        if not records or not all(record.dagster_run.is_finished for record in records):
            return False
        ended = max(record.end_time or 0.0 for record in records)
        said = dict(said_since(self.home.instance, ended)).get("due_work", "")
        return "nothing due until" in said


def parent_of(process: int) -> int | None:
    """The parent of a process, if there is such a process."""
    try:
        told = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return None
    return int(told.rpartition(")")[2].split()[1])


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker(tmp_path_factory.mktemp("redis")) as made:
        yield made


@pytest.fixture
def machines(
    s3: Seaweed, redis: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machines]:
    with postgres() as history:
        lost = {"FORECAST_LOST_AFTER_SECONDS": str(LOST_AFTER_SECONDS)}
        data = {"FORECAST_HOME": str(tmp_path / "home" / "home")}
        servers = s3.environment | redis.environment | history.environment | lost | data
        folders = {name: tmp_path / name for name in ("home", "east", "west")}
        made = {}
        for name, folder in folders.items():
            folder.mkdir()
            made[name] = Machine(folder, servers)
            made[name].build(
                NAMES,
                sessions=SESSIONS,
                training=TRAINING,
                store={"type": "delta", "url": URL},
                execution={"executor": "celery", "one_commodity_a_run": True},
                automation={"interval_seconds": 2, "retry_seconds": 1},
            )
        for name, value in made["home"].whole_environment.items():
            monkeypatch.setenv(name, value)
        yield Machines(made.pop("home"), made)


def alone(folder: Path) -> Likeness:
    """What the tables hold after the same work by one process, in a file."""
    folder.mkdir()
    machine = Machine(folder, {})
    machine.build(NAMES, sessions=SESSIONS, training=TRAINING)
    with at_home(folder), DagsterInstance.ephemeral(str(folder)) as instance:
        graph = Graph(machine.settings, instance)
        graph.run("load_prices", NAMES[0], NAMES[-1])
        assets = ("trained_models", "distributions", "scores")
        catch_up(graph, assets, f"{NAMES[0]}|{WINDOW}", f"{NAMES[-1]}|{WINDOW}")
        graph.definitions.resolve_job_def("publish").execute_in_process(instance=instance)
        return likeness_of(machine.settings, PER_SOURCE)


@contextmanager
def readers(folder: Path) -> Iterator[list[dict[str, object]]]:
    """Programs that read all the while; the list has what each says when the block has ended."""
    end, said = folder / "end", list[dict[str, object]]()
    command = [sys.executable, "-m", "forecast_assets_tests.deploy.polling", URL, str(end)]
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            for _ in range(READERS)
        ]
        try:
            yield said
        finally:
            end.touch()
            for each in started:
                out, _ = each.communicate(timeout=PATIENCE_SECONDS)
                said.append(json.loads(out.splitlines()[-1]))


def test_ten_commodities_by_two_workers_of_which_two_are_killed_while_three_programs_read(
    machines: Machines, tmp_path: Path
) -> None:
    like = alone(tmp_path / "alone")
    with machines.working():
        within(
            PATIENCE_SECONDS,
            "a forecast",
            lambda: DeltaTable.is_deltatable(
                f"{URL}/forecast/forecasts", storage_options=options_of(URL)
            ),
        )
        with readers(tmp_path) as said:
            within(PATIENCE_SECONDS, "east draws", lambda: machines.drawing("east"), 0.05)
            kill_group(machines.workers["east"])
            machines.start("east")
            process = within(PATIENCE_SECONDS, "west draws", lambda: machines.drawing("west"), 0.05)
            os.kill(process, signal.SIGKILL)
            within(2 * PATIENCE_SECONDS, "all is done", machines.rests)
    settings = machines.home.settings
    mine = likeness_of(settings, PER_SOURCE)
    assert {name: mine[name] for name in like if name not in PER_FILE} == {
        name: like[name] for name in like if name not in PER_FILE
    }
    assert verify(settings, open_store(settings), redraw=None).damages == []
    assert [each["wrong"] for each in said] == [[]] * READERS
    assert all(int(str(each["rounds"])) > 1 for each in said)
    runs = machines.home.instance.get_runs()
    assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS}
    assert {run.tags[COMMODITY] for run in runs if COMMODITY in run.tags} == set(NAMES)
    assert not (settings.home / ".runs").exists()


def test_a_worker_unpickles_nothing(redis: Broker, tmp_path: Path) -> None:
    proof = tmp_path / "unpickled"
    harm = f"cposix\nsystem\n(S'touch {proof}'\ntR."
    message = {
        "body": base64.b64encode(harm.encode()).decode(),
        "content-type": "application/x-python-serialize",
        "content-encoding": "binary",
        "headers": {"task": "execute_plan", "id": "harm", "lang": "py"},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": "harm",
            "delivery_info": {"exchange": "", "routing_key": "dagster"},
        },
    }
    redis.client().lpush("dagster", json.dumps(message))
    configured = SEVERAL / "dagster_celery_config.py"
    (tmp_path / configured.name).write_text(configured.read_text())
    worker = start(WORKER, tmp_path, redis.environment, "careful")
    log = tmp_path / "careful.log"
    try:
        within(PATIENCE_SECONDS, "refused", lambda: "ContentDisallowed" in log.read_text())
    finally:
        end_group(worker)
    assert not proof.exists()

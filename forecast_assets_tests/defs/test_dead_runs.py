"""Runs of processes that were killed are reported and cleaned up; those of the living are not."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    MetadataValue,
)
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.events import EngineEventData
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from forecast_assets.configuration.sections import Automation
from forecast_assets.defs.dead_runs import bury
from forecast_assets.defs.pulse import Pulses
from forecast_assets.defs.run_history import DEFINITIONS, OURS, PLAN
from forecast_assets.defs.run_process import RunProcess, lives_since

POLICY = Automation(silence_seconds=60)
RUN = "c0ffee00-0000-4000-8000-000000000000"
LIMIT_SECONDS = 30

Change = Callable[[RunProcess], RunProcess]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral(str(tmp_path / "instance")) as made:
        yield made


@pytest.fixture
def pulses(tmp_path: Path) -> Pulses:
    return Pulses(tmp_path / ".runs")


@pytest.fixture
def killed() -> Iterator[RunProcess]:
    """A process that was killed, and that nobody has waited for yet."""
    hears, says = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(says, RunProcess.here(RUN).started.encode())
        signal.pause()
    process = replace(RunProcess.here(RUN), pid=child, started=os.read(hears, 100).decode())
    assert process.fate == "alive"
    os.kill(child, signal.SIGKILL)
    until = time.monotonic() + LIMIT_SECONDS
    while process.fate == "alive":
        assert time.monotonic() < until
    yield process
    os.waitpid(child, 0)
    assert process.fate == "gone"
    os.close(hears)
    os.close(says)


def add(
    history: DagsterInstance,
    tags: dict[str, str],
    status: DagsterRunStatus = DagsterRunStatus.STARTED,
) -> None:
    history.add_run(DagsterRun(job_name="catch_up", run_id=RUN, status=status, tags=tags))


def status_of(history: DagsterInstance) -> DagsterRunStatus:
    run = history.get_run_by_id(RUN)
    assert run is not None
    return run.status


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        (DagsterRunStatus.NOT_STARTED, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.STARTED, DagsterRunStatus.FAILURE),
        (DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED),
    ],
)
def test_a_run_of_a_killed_process_is_reported_at_once_with_its_reason_and_leaves_no_lock(
    history: DagsterInstance,
    pulses: Pulses,
    killed: RunProcess,
    status: DagsterRunStatus,
    becomes: DagsterRunStatus,
) -> None:
    add(history, killed.tag, status)
    pulses.begin(RUN).release()
    found = bury(history, POLICY, pulses, datetime.now(UTC))
    assert status_of(history) == becomes
    assert found.going_on == []
    assert f"PID {killed.pid} on {killed.host}" in found.lines[0]
    told = [each.dagster_event.message for each in history.all_logs(RUN) if each.dagster_event]
    assert any("gone without a word" in (reason or "") for reason in told)
    assert list(pulses.folder.iterdir()) == []
    assert bury(history, POLICY, pulses, datetime.now(UTC)).lines == []


LIVING: dict[str, Change] = {
    "this very process": lambda here: here,
    "another machine": lambda here: replace(here, host="elsewhere", boot="other", pid=1),
    "a container on this machine": lambda here: replace(here, space="pid:[1]"),
    "of the run that is executed again": lambda here: replace(here, run_id="first", started="1"),
}


@pytest.mark.parametrize("changed", LIVING.values(), ids=LIVING)
def test_a_run_whose_process_may_live_is_not_touched(
    history: DagsterInstance, pulses: Pulses, changed: Change
) -> None:
    add(history, changed(RunProcess.here(RUN)).tag)
    found = bury(history, POLICY, pulses, datetime.now(UTC))
    assert found.lines == []
    assert [record.dagster_run.run_id for record in found.going_on] == [RUN]
    assert status_of(history) == DagsterRunStatus.STARTED


DEAD: dict[str, Change] = {
    "its number is that of another process": lambda here: replace(here, started="1"),
    "the machine has started again": lambda here: replace(here, boot="other"),
}


@pytest.mark.parametrize("changed", DEAD.values(), ids=DEAD)
def test_a_run_whose_process_cannot_live_is_reported_unless_it_has_a_pulse(
    history: DagsterInstance, pulses: Pulses, changed: Change
) -> None:
    add(history, changed(RunProcess.here(RUN)).tag)
    lock = pulses.begin(RUN)
    assert bury(history, POLICY, pulses, datetime.now(UTC)).lines == []
    pulses.end(lock)
    assert len(bury(history, POLICY, pulses, datetime.now(UTC)).lines) == 1
    assert status_of(history) == DagsterRunStatus.FAILURE


def test_a_process_that_cannot_be_seen_is_given_time(
    history: DagsterInstance, pulses: Pulses
) -> None:
    add(history, replace(RunProcess.here(RUN), space="pid:[1]").tag)
    later = datetime.now(UTC) + timedelta(seconds=POLICY.silence_seconds + 1)
    assert len(bury(history, POLICY, pulses, later).lines) == 1


def test_where_dagster_tells_dead_runs_only_those_of_gone_processes_are_reported(
    history: DagsterInstance, pulses: Pulses, killed: RunProcess
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    add(history, OURS)
    found = bury(history, POLICY, pulses, later, "multiprocess")
    assert (found.lines, found.working) == ([], [RUN])
    assert status_of(history) == DagsterRunStatus.STARTED
    history.add_run_tags(RUN, killed.tag)
    assert len(bury(history, POLICY, pulses, later, "multiprocess").lines) == 1
    assert status_of(history) == DagsterRunStatus.FAILURE


@pytest.mark.parametrize(("lock", "dies"), [("free", 1), ("held", 0), ("absent", 0)])
def test_a_run_of_another_machine_is_dead_by_its_lock_if_that_is_here(
    history: DagsterInstance, pulses: Pulses, lock: str, dies: int
) -> None:
    add(history, LIVING["another machine"](RunProcess.here(RUN)).tag)
    held = None if lock == "absent" else pulses.begin(RUN)
    if lock == "free" and held:
        held.release()
    assert bury(history, POLICY, pulses, datetime.now(UTC)).lines == []
    later = datetime.now(UTC) + timedelta(seconds=POLICY.silence_seconds + 1)
    assert len(bury(history, POLICY, pulses, later).lines) == dies
    if held:
        held.release()


def test_a_run_that_ends_well_while_it_is_judged_has_ended_well(
    history: DagsterInstance, pulses: Pulses, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(history, replace(RunProcess.here(RUN), started="1").tag)

    def beats(_: Pulses, run_id: str) -> bool:
        ended = DagsterEvent(DagsterEventType.RUN_SUCCESS.value, "catch_up")
        history.report_dagster_event(ended, run_id)
        return False

    monkeypatch.setattr(Pulses, "beats", beats)
    found = bury(history, POLICY, pulses, datetime.now(UTC))
    assert (found.lines, found.going_on) == ([], [])
    assert status_of(history) == DagsterRunStatus.SUCCESS


@pytest.mark.parametrize("lives", [True, False])
def test_a_process_that_was_started_long_ago_and_has_said_nothing_yet_is_waited_for(
    history: DagsterInstance, pulses: Pulses, killed: RunProcess, lives: bool
) -> None:
    tags = {PLAN: "due_work"}
    add(history, tags, DagsterRunStatus.STARTING)
    run = history.get_run_by_id(RUN)
    assert run is not None
    pid = os.getpid() if lives else killed.pid
    said = EngineEventData(metadata={"pid": MetadataValue.text(str(pid))})
    history.report_engine_event("Started process for run", run, said)
    later = datetime.now(UTC) + timedelta(days=1)
    assert len(bury(history, POLICY, pulses, later).lines) == (0 if lives else 1)


def test_a_number_that_a_younger_process_has_is_not_that_of_the_run() -> None:
    assert lives_since(os.getpid(), time.time())
    assert not lives_since(os.getpid(), time.time() - 9 * 86400)


def test_runs_of_other_programs_in_the_history_are_theirs(
    history: DagsterInstance, pulses: Pulses
) -> None:
    add(history, {})
    later = datetime.now(UTC) + timedelta(days=9)
    assert bury(history, POLICY, pulses, later).lines == []
    assert status_of(history) == DagsterRunStatus.STARTED


@pytest.mark.parametrize("module", [DEFINITIONS, "another.definitions"])
def test_a_run_that_was_killed_before_its_process_said_which_one_it_is_is_known_by_what_it_ran(
    history: DagsterInstance, pulses: Pulses, module: str
) -> None:
    loaded = RepositoryPythonOrigin("python", ModuleCodePointer(module, "defs"))
    asked_for = JobPythonOrigin("__ASSET_JOB", loaded)
    going_on = DagsterRunStatus.STARTED
    run = DagsterRun("__ASSET_JOB", RUN, status=going_on, job_code_origin=asked_for)
    history.add_run(run)
    later = datetime.now(UTC) + timedelta(days=9)
    assert len(bury(history, POLICY, pulses, later).lines) == (module == DEFINITIONS)


def test_a_run_of_a_job_is_known_by_the_tag_of_the_job(
    history: DagsterInstance, pulses: Pulses
) -> None:
    add(history, OURS)
    later = datetime.now(UTC) + timedelta(days=9)
    assert len(bury(history, POLICY, pulses, later).lines) == 1


@pytest.mark.parametrize(
    ("status", "days", "stays"),
    [(DagsterRunStatus.SUCCESS, 0, False), (None, 0, True), (None, 9, False)],
)
def test_a_lock_that_nobody_holds_stays_only_while_its_run_may_begin(
    history: DagsterInstance,
    pulses: Pulses,
    status: DagsterRunStatus | None,
    days: int,
    stays: bool,
) -> None:
    if status:
        add(history, RunProcess.here(RUN).tag, status)
    pulses.begin(RUN).release()
    bury(history, POLICY, pulses, datetime.now(UTC) + timedelta(days=days))
    assert [file.stem for file in pulses.folder.iterdir()] == [RUN] * stays

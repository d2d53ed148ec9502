"""The loop over partitions: what each of them goes through, and what ends it."""

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Event

import pytest

from forecast_assets.automation.partition_loop import (
    THE_REST,
    Done,
    Failed,
    Steps,
    each_by_itself,
)
from forecast_assets.automation.results import Result
from forecast_assets.errors import ChecksFailed, Interrupted, ModelsFailed, StoreLocked
from forecast_assets.evaluation.findings import Finding

KEYS = ["Coffee|2020-01-01", "Coffee|2020-04-01", "Coffee|2020-07-01"]
FIRST, SECOND, THIRD = KEYS

SOUND = Finding("no_null", passed=True, found="12 forecasts drawn")
BLOCKING = Finding("no_null", passed=False, found="a path is no number")
WARNING = Finding("spread_grows", passed=False, found="naive narrows")


@dataclass(frozen=True)
class Written(Result):
    """What came of a partition; ``part``: what of it broke."""

    key: str
    part: str = ""

    @property
    def broken(self) -> str:
        return self.part


@dataclass
class Asset:
    """Partitions whose steps are written down, and may go wrong in some of them."""

    errors: dict[tuple[str, str], Exception] = field(default_factory=dict)
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    steps: list[tuple[str, str]] = field(default_factory=list)

    def step(self, name: str, key: str) -> None:
        self.steps.append((name, key))
        if error := self.errors.get((name, key)):
            raise error

    def work(self, key: str) -> str:
        self.step("work", key)
        return key

    def inspect(self, value: str) -> Sequence[Finding]:
        self.step("inspect", value)
        return self.findings.get(value, [SOUND])

    def commit(self, value: str) -> Written:
        self.step("commit", value)
        return Written(value, self.parts.get(value, ""))

    def describe(self, key: str, result: Written) -> str:
        self.step("describe", key)
        return f"{result.key} is described"

    def run(self, keys: Iterator[str] | None = None) -> list[Done[Written, str] | Failed[Written]]:
        steps = Steps(self.work, self.commit, self.describe, self.inspect)
        return list(each_by_itself(keys or iter(KEYS), steps))

    @property
    def committed(self) -> list[str]:
        return [key for name, key in self.steps if name == "commit"]


def lines(became: Sequence[Done[Written, str] | Failed[Written]]) -> dict[str, str]:
    return {each.key: each.line for each in became if isinstance(each, Failed)}


def test_each_partition_is_worked_inspected_committed_and_described_before_the_next() -> None:
    asset = Asset()
    became = asset.run()
    names = ("work", "inspect", "commit", "describe")
    assert asset.steps == [(name, key) for key in KEYS for name in names]
    assert became == [Done(key, Written(key), f"{key} is described", [SOUND]) for key in KEYS]


def test_nothing_is_worked_ahead_of_whoever_loops() -> None:
    asset = Asset()
    loop = each_by_itself(KEYS, Steps(asset.work, asset.commit, asset.describe))
    assert next(loop).key == FIRST
    assert {key for _, key in asset.steps} == {FIRST}
    assert next(loop).key == SECOND
    assert THIRD not in {key for _, key in asset.steps}


@dataclass(eq=False)
class Paths:
    """A value that is large in earnest."""

    key: str


@pytest.mark.parametrize("fails", [False, True])
def test_the_value_of_a_partition_is_let_go_before_the_next_is_worked(fails: bool) -> None:
    alive: list[weakref.ref[Paths]] = []
    left: list[int] = []

    def work(key: str) -> Paths:
        gc.collect()
        left.append(sum(each() is not None for each in alive))
        value = Paths(key)
        alive.append(weakref.ref(value))
        return value

    def commit(value: Paths) -> Written:
        if fails:
            raise ValueError(value.key)
        return Written(value.key)

    steps: Steps[Paths, Written, str] = Steps(work, commit, lambda key, result: key)
    for became in each_by_itself(KEYS, steps):
        assert isinstance(became, Failed) == fails
    assert left == [0, 0, 0]


@pytest.mark.parametrize("step", ["work", "inspect", "commit", "describe"])
def test_a_partition_that_fails_in_the_middle_stops_no_other(step: str) -> None:
    asset = Asset({(step, SECOND): ValueError("out of\n order")})
    became = asset.run()
    assert [each.key for each in became] == KEYS
    assert lines(became) == {SECOND: f"{SECOND}: ValueError: out of order"}
    assert (SECOND in asset.committed) == (step in ("commit", "describe"))
    assert became[1] == Failed(
        SECOND,
        f"{SECOND}: ValueError: out of order",
        asset.errors[step, SECOND],
        [SOUND] if step in ("commit", "describe") else (),
    )


def test_a_finding_that_blocks_keeps_its_partition_from_being_committed_and_is_given() -> None:
    asset = Asset(findings={SECOND: [BLOCKING, WARNING]})
    became = asset.run()
    assert asset.committed == [FIRST, THIRD]
    assert ("describe", SECOND) not in asset.steps
    assert became[1].findings == [BLOCKING, WARNING]
    assert isinstance(became[1], Failed)
    assert isinstance(became[1].error, ChecksFailed)
    said = "nothing was committed: no_null: a path is no number"
    assert lines(became) == {SECOND: f"{SECOND}: {said}"}


def test_a_finding_that_warns_keeps_nothing_from_being_committed() -> None:
    asset = Asset(findings={SECOND: [WARNING]})
    became = asset.run()
    assert asset.committed == KEYS
    assert lines(became) == {}
    assert became[1].findings == [WARNING]


def test_a_partition_of_which_a_part_broke_fails_with_what_is_committed_of_it() -> None:
    asset = Asset(parts={SECOND: "garch: no convergence"})
    became = asset.run()
    assert asset.committed == KEYS
    assert ("describe", SECOND) not in asset.steps
    assert lines(became) == {SECOND: f"{SECOND}: garch: no convergence"}
    assert isinstance(became[1], Failed)
    assert isinstance(became[1].error, ModelsFailed)
    assert became[1].result == Written(SECOND, "garch: no convergence")


def asked(keys: Sequence[str], before: str) -> Iterator[str]:
    """Keys whose giver is told to stop before one of them."""
    for key in keys:
        if key == before:
            raise Interrupted("interrupted: run again")
        yield key


def test_a_wish_to_stop_between_two_partitions_is_told_of_the_rest() -> None:
    asset = Asset({("work", FIRST): ValueError("no luck")})
    became = asset.run(asked(KEYS, before=THIRD))
    assert [each.key for each in became] == [FIRST, SECOND, THE_REST]
    assert lines(became)[THE_REST] == "interrupted: run again"
    assert asset.committed == [SECOND]


@pytest.mark.parametrize("step", ["work", "commit"])
def test_a_wish_to_stop_inside_a_partition_commits_nothing_more(step: str) -> None:
    asset = Asset({(step, SECOND): Interrupted("interrupted: run again")})
    became = asset.run()
    assert [each.key for each in became] == [FIRST, THE_REST]
    assert asset.steps[-1] == (step, SECOND)
    assert not [key for _, key in asset.steps if key == THIRD]


def test_tables_that_are_kept_end_the_loop() -> None:
    asset = Asset({("commit", SECOND): StoreLocked("kept for 5 s")})
    became = asset.run()
    assert lines(became) == {SECOND: f"{SECOND}: kept for 5 s"}
    assert [each.key for each in became] == [FIRST, SECOND]


@dataclass
class Overlapping(Asset):
    """Partitions that are begun while the one before is committed, and the keys that must wait."""

    waiting: tuple[str, ...] = ()
    computed: dict[str, Event] = field(default_factory=lambda: {key: Event() for key in KEYS})
    overlaps: list[str] = field(default_factory=list)

    def ahead(self, value: str, following: str) -> Callable[[], str] | None:
        self.step("read", following)
        if following in self.waiting:
            return None

        def compute() -> str:
            self.step("compute", following)
            self.computed[following].set()
            return following

        return compute

    def commit(self, value: str) -> Written:
        following = dict(pairwise(KEYS)).get(value)
        is_begun = ("read", following) in self.steps and following not in self.waiting
        if is_begun and self.computed[str(following)].wait(60.0):
            self.overlaps.append(value)
        return super().commit(value)

    def run(self, keys: Iterator[str] | None = None) -> list[Done[Written, str] | Failed[Written]]:
        steps = Steps(self.work, self.commit, self.describe, self.inspect, self.ahead)
        return list(each_by_itself(keys or iter(KEYS), steps, KEYS))


def test_the_next_partition_is_read_before_a_commit_and_computed_during_it() -> None:
    asset = Overlapping()
    became = asset.run()
    assert became == [Done(key, Written(key), f"{key} is described", [SOUND]) for key in KEYS]
    assert asset.overlaps == [FIRST, SECOND]
    assert [key for name, key in asset.steps if name == "work"] == [FIRST]
    assert asset.committed == KEYS


def test_a_partition_that_must_wait_is_worked_after_the_commit() -> None:
    asset = Overlapping(waiting=(SECOND,))
    asset.run()
    assert asset.steps.index(("commit", FIRST)) < asset.steps.index(("work", SECOND))
    assert asset.overlaps == [SECOND]


@pytest.mark.parametrize("step", ["read", "compute"])
def test_what_goes_wrong_ahead_fails_the_partition_in_its_turn(step: str) -> None:
    asset = Overlapping({(step, SECOND): ValueError("no luck")})
    asset.computed[SECOND].set()  # nobody will
    became = asset.run()
    assert [each.key for each in became] == KEYS
    assert lines(became) == {SECOND: f"{SECOND}: ValueError: no luck"}
    assert asset.committed == [FIRST, THIRD]
    assert ("work", THIRD) in asset.steps


@pytest.mark.parametrize("step", ["read", "compute"])
def test_a_wish_to_stop_ahead_leaves_what_is_being_committed(step: str) -> None:
    asset = Overlapping({(step, SECOND): Interrupted("interrupted: run again")})
    asset.computed[SECOND].set()
    became = asset.run()
    assert [each.key for each in became] == [FIRST, THE_REST]
    assert asset.committed == [FIRST]


def test_nothing_is_begun_after_a_partition_that_a_finding_blocks() -> None:
    asset = Overlapping(findings={FIRST: [BLOCKING]})
    asset.run()
    assert [key for name, key in asset.steps if name == "work"] == [FIRST, SECOND]
    assert asset.committed == [SECOND, THIRD]


def test_no_more_than_two_values_are_kept_when_the_next_is_begun() -> None:
    alive: list[weakref.ref[Paths]] = []
    left: list[int] = []

    def work(key: str) -> Paths:
        gc.collect()
        left.append(sum(each() is not None for each in alive))
        value = Paths(key)
        alive.append(weakref.ref(value))
        return value

    def ahead(value: Paths, key: str) -> Callable[[], Paths]:
        return lambda: work(key)

    steps: Steps[Paths, Written, str] = Steps(
        work, lambda value: Written(value.key), lambda key, result: key, ahead=ahead
    )
    keys = [*KEYS, "Coffee|2020-10-01"]
    assert [each.key for each in each_by_itself(keys, steps, keys)] == keys
    assert left[0] == 0
    assert max(left) <= 1


def test_without_an_inspection_nothing_is_found() -> None:
    asset = Asset()
    steps: Steps[str, Written, str] = Steps(asset.work, asset.commit, asset.describe)
    assert [list(each.findings) for each in each_by_itself(KEYS, steps)] == [[], [], []]


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_process_goes_through(raised: Callable[[], BaseException]) -> None:
    asset = Asset()

    def end(value: str) -> Written:
        raise raised()

    steps: Steps[str, Written, str] = Steps(asset.work, end, asset.describe)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        list(each_by_itself(KEYS, steps))

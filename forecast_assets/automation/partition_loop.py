"""The loop over the partitions of a run: each is computed, checked, committed and described.

A partition that fails does not stop the others. Nothing of it is committed, unless its result says
that only a part of it broke. The loop is a generator that yields after each partition. While one
is committed, the next may be computed in a thread; memory never holds the values of three.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from traceback import clear_frames
from typing import Generic, TypeVar

from forecast_assets.automation.results import Result
from forecast_assets.boundary import told_of
from forecast_assets.errors import Interrupted, ModelsFailed, StoreLocked
from forecast_assets.evaluation.findings import Finding, require_sound

Value = TypeVar("Value")
Outcome = TypeVar("Outcome", bound=Result)
Shown = TypeVar("Shown")

THE_REST = "the rest"
"""Stands for the partitions that were not begun when a user asked to stop."""


def nothing_found(value: object) -> list[Finding]:
    """The findings of partitions that are not inspected."""
    return []


def nothing_ahead(value: object, following: str) -> None:
    """Each partition waits until the one before is committed."""


@dataclass(frozen=True)
class Steps(Generic[Value, Outcome, Shown]):
    """The functions that are called for each partition, in this order.

    ``work`` computes the value of a partition. ``inspect`` finds what is wrong with the value; a
    finding that blocks prevents the commit. ``commit`` writes the value in one transaction and
    returns a result. ``describe`` turns the result into what is shown, such as metadata.

    ``ahead`` is given the value that is about to be committed and the key after it. It reads what
    that partition is made of, and returns the function that computes it in place of ``work``; it
    may run while the other is committed, so it must not read what a commit writes. None if the
    partition must wait for the commit.
    """

    work: Callable[[str], Value]
    commit: Callable[[Value], Outcome]
    describe: Callable[[str, Outcome], Shown]
    inspect: Callable[[Value], Sequence[Finding]] = nothing_found
    ahead: Callable[[Value, str], Callable[[], Value] | None] = nothing_ahead


@dataclass(frozen=True)
class Done(Generic[Outcome, Shown]):
    """A partition that is committed."""

    key: str
    result: Outcome
    shown: Shown
    findings: Sequence[Finding]


@dataclass(frozen=True)
class Failed(Generic[Outcome]):
    """A partition that failed.

    ``line``: the reason, beginning with the key. ``result``: what was committed although a part
    broke; None if nothing was committed.
    """

    key: str
    line: str
    error: Exception
    findings: Sequence[Finding] = ()
    result: Outcome | None = None


def each_by_itself(
    keys: Iterable[str], steps: Steps[Value, Outcome, Shown], order: Sequence[str] = ()
) -> Iterator[Done[Outcome, Shown] | Failed[Outcome]]:
    """Do the steps for each partition, and yield whether it is done or has failed.

    ``order``: the keys that will come, if ``ahead`` may begin them. Two errors end the loop early.
    Interrupted, which ``keys`` or a step raises when the user asks to stop, yields a failure of
    ``THE_REST``. StoreLocked, since another process keeps the tables open and the values of the
    other partitions could not be written either.
    """
    with ThreadPoolExecutor(1, "ahead") as thread:
        begun = Begun(steps, thread, dict(pairwise(order)))
        try:
            for key in keys:
                became = _one(key, steps, begun)
                yield became
                if isinstance(became, Failed):
                    clear_frames(became.error.__traceback__)  # it holds on to the partition's value
                    if isinstance(became.error, StoreLocked):
                        return
        except Interrupted as error:
            yield Failed(THE_REST, str(error), error)


@dataclass
class Begun(Generic[Value, Outcome, Shown]):
    """The partition that was begun ahead of its turn, if one was; ``after``: which follows which.

    What goes wrong in it is raised in its turn.
    """

    steps: Steps[Value, Outcome, Shown]
    thread: ThreadPoolExecutor
    after: dict[str, str]
    values: dict[str, Future[Value]] = field(default_factory=dict)

    def value(self, key: str) -> Value:
        """The value of a partition whose turn has come."""
        value = self.values.pop(key, None)
        return self.steps.work(key) if value is None else value.result()

    def begin_after(self, key: str, value: Value) -> None:
        """Begin the partition after one whose value is about to be committed."""
        if key not in self.after:
            return
        following = self.after[key]
        try:
            compute = self.steps.ahead(value, following)
        except Exception as error:  # noqa: BLE001 - raised again in its turn
            self.values[following] = Future()
            self.values[following].set_exception(error)
        else:
            if compute is not None:
                self.values[following] = self.thread.submit(compute)


def _one(
    key: str, steps: Steps[Value, Outcome, Shown], begun: Begun[Value, Outcome, Shown]
) -> Done[Outcome, Shown] | Failed[Outcome]:
    findings: Sequence[Finding] = ()
    try:
        value = begun.value(key)
        findings = steps.inspect(value)
        require_sound(findings)
        begun.begin_after(key, value)
        result = steps.commit(value)
        if result.broken:
            error = ModelsFailed(result.broken)
            return Failed(key, told_of(key, error), error, findings, result)
        return Done(key, result, steps.describe(key, result), findings)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - a partition's boundary: the caller gets a Failed
        return Failed(key, told_of(key, error), error, findings)

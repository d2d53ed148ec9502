"""The loop over the partitions of a run: each is computed, checked, committed and described.

A partition that fails does not stop the others. Nothing of it is committed, unless its result says
that only a part of it broke. The loop is a generator that yields after each partition, so that
memory never holds the values of two.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Steps(Generic[Value, Outcome, Shown]):
    """The functions that are called for each partition, in this order.

    ``work`` computes the value of a partition. ``inspect`` finds what is wrong with the value; a
    finding that blocks prevents the commit. ``commit`` writes the value in one transaction and
    returns a result. ``describe`` turns the result into what is shown, such as metadata.
    """

    work: Callable[[str], Value]
    commit: Callable[[Value], Outcome]
    describe: Callable[[str, Outcome], Shown]
    inspect: Callable[[Value], Sequence[Finding]] = nothing_found


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
    keys: Iterable[str], steps: Steps[Value, Outcome, Shown]
) -> Iterator[Done[Outcome, Shown] | Failed[Outcome]]:
    """Do the steps for each partition, and yield whether it is done or has failed.

    Two errors end the loop early. Interrupted, which ``keys`` or a step raises when the user asks
    to stop, yields a failure of ``THE_REST``. StoreLocked, since another process keeps the tables
    open and the values of the other partitions could not be written either.
    """
    try:
        for key in keys:
            became = _one(key, steps)
            yield became
            if isinstance(became, Failed):
                clear_frames(became.error.__traceback__)  # it holds on to the partition's value
                if isinstance(became.error, StoreLocked):
                    return
    except Interrupted as error:
        yield Failed(THE_REST, str(error), error)


def _one(key: str, steps: Steps[Value, Outcome, Shown]) -> Done[Outcome, Shown] | Failed[Outcome]:
    findings: Sequence[Finding] = ()
    try:
        value = steps.work(key)
        findings = steps.inspect(value)
        require_sound(findings)
        result = steps.commit(value)
        if result.broken:
            error = ModelsFailed(result.broken)
            return Failed(key, told_of(key, error), error, findings, result)
        return Done(key, result, steps.describe(key, result), findings)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - a partition's boundary: the caller gets a Failed
        return Failed(key, told_of(key, error), error, findings)

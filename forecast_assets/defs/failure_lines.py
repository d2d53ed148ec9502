"""Why a run failed, as lines for users."""

from dagster import DagsterEventType, ExecuteInProcessResult
from dagster_shared.error import SerializableErrorInfo

from forecast_assets import errors

OURS = f"{errors.__name__}."
"""The prefix of the class names of this package's own errors, whose messages are complete."""


def failure_lines(result: ExecuteInProcessResult, job: str) -> list[str]:
    """Why a run failed: a line for each partition, or each error that stopped a step or all."""
    steps = [each.step_failure_data.error for each in result.get_step_failure_events()]
    runs = [
        event.job_failure_data.error  # errors outside the steps, mostly of resources
        for event in result.all_events
        if event.event_type == DagsterEventType.RUN_FAILURE
    ]
    found = [error for error in steps if error] or [error for error in runs if error]
    lines = [line for error in found for line in lines_of(error, job)]
    return list(dict.fromkeys(lines)) or [f"{job}: the run failed; the Dagster UI has its log"]


def lines_of(error: SerializableErrorInfo, job: str) -> list[str]:
    """The lines of the innermost error that is this package's own, or of the original error."""
    while error.cause is not None and not error.message.startswith(OURS):
        error = error.cause
    if error.message.startswith(OURS):
        return error.message.partition(": ")[2].strip().splitlines()
    return [f"{job}: {' '.join(error.message.split())}"]

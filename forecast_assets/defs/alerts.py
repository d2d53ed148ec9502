"""Alerts: messages to a webhook, as JSON, about checks that changed and runs that failed.

The sensor's cursor remembers what was delivered, and is updated after each delivery. So an alert
that could not be delivered is sent again later. If the webhook answers too late, it may receive an
alert twice.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from dagster import (
    AssetCheckKey,
    DagsterInstance,
    DagsterRunStatus,
    RunsFilter,
)
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from forecast_assets.automation.freshness import GREEN, RED
from forecast_assets.configuration.sections import Alerts
from forecast_assets.defs.verdicts import Verdict
from forecast_assets.errors import AlertFailed
from forecast_assets.market.deadline import Timeout, answer_within

TRIES = 3
"""How often one delivery is tried in one tick of the sensor."""

RUNS_READ = 50
"""How many of the newest failed runs are looked at."""


@dataclass(frozen=True)
class Alert:
    """One message: a check whose level changed, or a run that failed.

    ``kind``: check or run. ``name``: that of the check or of the run's job. ``was`` and ``now``:
    green, yellow or red. ``text``: what is wrong, one line each.
    """

    kind: str
    name: str
    was: str
    now: str
    text: str
    run_id: str
    project: str = "forecast_assets"


@dataclass(frozen=True)
class Told:
    """What was delivered to the webhook.

    ``checks``: by name, the last level of a check and a line that says what is wrong with whom.
    ``runs``: the ids of failed runs.
    """

    checks: dict[str, list[str]] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)

    @classmethod
    def from_cursor(cls, cursor: str | None) -> "Told | None":
        """Read a cursor; None before the first tick of the sensor."""
        return cls(**json.loads(cursor)) if cursor else None

    @property
    def cursor(self) -> str:
        """The text of the cursor."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Untold:
    """An alert to deliver, and ``told``: what was delivered once this alert is."""

    alert: Alert
    told: Told


def untold(
    instance: DagsterInstance,
    checks: Mapping[str, AssetCheckKey],
    told: Told | None,
    since: datetime | None = None,
) -> Iterator[Untold]:
    """The alerts that are due after what was ``told``.

    At the first tick, ``told`` is None: checks that are not green are due, but no older run is.
    ``since``: runs that were made before it are not looked at.
    """
    failed = failed_runs(instance, since)
    known = told or Told(runs=list(failed))
    for name, key in checks.items():
        was, of_whom = known.checks.get(name, [GREEN, ""])
        now = verdict(instance, key)
        if (now.level, now.of_whom) != (was, of_whom):
            known = Told(known.checks | {name: [now.level, now.of_whom]}, known.runs)
            yield Untold(Alert("check", name, was, now.level, now.text, now.run_id), known)
    for run_id, job in failed.items():
        if run_id not in known.runs:
            known = Told(known.checks, [*known.runs, run_id][-RUNS_READ * 2 :])
            text = f"the run {run_id[:8]} of {job} failed; Dagster has its log"
            yield Untold(Alert("run", job, GREEN, RED, text, run_id), known)


def verdict(instance: DagsterInstance, key: AssetCheckKey) -> Verdict:
    """The result of the last evaluation of a check; green if there was none."""
    record = instance.get_latest_asset_check_evaluation_record(key)
    event = record.event.dagster_event if record and record.event else None
    if record is None or event is None or event.event_type_value != "ASSET_CHECK_EVALUATION":
        return Verdict()
    return Verdict.of(event.asset_check_evaluation_data, record.run_id)


def failed_runs(instance: DagsterInstance, since: datetime | None = None) -> dict[str, str]:
    """The ids and jobs of the newest failed runs that were made since, the oldest first.

    If old runs are deleted, ``since`` keeps the few of them that are left out of the newest.
    """
    failed = RunsFilter(statuses=[DagsterRunStatus.FAILURE], created_after=since)
    runs = instance.get_runs(filters=failed, limit=RUNS_READ)
    return {run.run_id: run.job_name for run in reversed(runs)}


def deliver(alerts: Alerts, alert: Alert) -> None:
    """Post one alert. Raises AlertFailed, which names the host and not the whole address."""
    address = alerts.webhook.get_secret_value() if alerts.webhook else ""

    def post() -> None:
        with requests.post(  # what it answers is not read
            address,
            json=asdict(alert),
            timeout=alerts.timeout_seconds,
            allow_redirects=False,
            stream=True,
        ) as answer:
            answer.raise_for_status()
            if answer.is_redirect:  # another address would get what was meant for this one
                raise requests.TooManyRedirects(response=answer)

    attempts = Retrying(
        retry=retry_if_exception_type((requests.RequestException, Timeout)),
        stop=stop_after_attempt(TRIES),
        wait=wait_random(0.1, 1.0),
    )
    try:
        attempts(lambda: answer_within(alerts.timeout_seconds, post))
    except RetryError as error:
        failure: Any = error.last_attempt.exception()
        status = getattr(getattr(failure, "response", None), "status_code", None)
        found = type(failure).__name__ if status is None else f"status {status}"
        raise AlertFailed(
            f"{urlsplit(address).hostname}: found {found}, {TRIES} times; {alert.kind}"
            f" {alert.name} is told at the next look"
        ) from None

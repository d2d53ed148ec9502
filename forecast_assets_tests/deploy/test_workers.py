"""Workers of Celery unpickle nothing of what comes through the broker."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecast_assets_tests.broker import Broker, broker
from forecast_assets_tests.daemons import end_group, within
from forecast_assets_tests.deployed import PATIENCE_SECONDS, SEVERAL
from forecast_assets_tests.units import start

pytestmark = pytest.mark.engine

WORKER = SEVERAL / "forecast-worker@.service"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path) as made:
        yield made


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

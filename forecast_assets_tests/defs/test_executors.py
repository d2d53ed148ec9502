"""Executors are Dagster's own, chosen by the configuration."""

import sys

import pytest
from dagster import in_process_executor, multiprocess_executor

from forecast_assets.configuration.sections import DeltaLake, Execution
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.defs.executors import ONLY_JSON, executor_of
from forecast_assets.errors import ConfigurationError


def configured(executor: str) -> Settings:
    changed = {
        "store": DeltaLake(type="delta", url="lake"),
        "execution": Execution.model_validate({"executor": executor}),
    }
    return load_settings().model_copy(update=changed)


def test_an_executor_is_that_of_the_configuration() -> None:
    assert executor_of(configured("in_process")) is in_process_executor
    assert executor_of(configured("multiprocess")) is multiprocess_executor


def test_steps_of_workers_go_by_the_broker_of_the_environment_and_only_as_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORECAST_BROKER", "redis://:secret@127.0.0.1:1/0")
    executor = executor_of(configured("celery"))
    mapped = executor.apply_config_mapping({"config": {}}).value
    assert mapped is not None
    asked = mapped["config"]
    assert asked["broker"] == asked["backend"] == "redis://:secret@127.0.0.1:1/0"
    assert asked["config_source"] == ONLY_JSON
    assert set(map(str, ONLY_JSON.values())) == {"json", "['json']"}


def test_a_package_that_is_missing_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "dagster_celery", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'forecast_assets\[celery\]'"):
        executor_of(configured("celery"))

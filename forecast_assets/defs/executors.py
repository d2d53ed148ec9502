"""Executors: what works the steps of the daemon's runs. All of them are Dagster's own.

Workers of Celery need no code of this project but the package: ``deploy/several_machines`` has
their configuration. What is sent through the broker are the names of a run and its step, and what
comes back are Dagster's events, both as JSON.
"""

from dagster import ExecutorDefinition, in_process_executor, multiprocess_executor

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError

BROKER = "FORECAST_BROKER"
"""The environment variable with the address of the broker and of the results of steps."""

ONLY_JSON = {
    "accept_content": ["json"],
    "result_accept_content": ["json"],
    "task_serializer": "json",
    "result_serializer": "json",
}
"""Settings of Celery by which nothing that comes through the broker is unpickled."""


def executor_of(settings: Settings) -> ExecutorDefinition:
    """The executor of a configuration. Raises ConfigurationError if its package is missing."""
    match settings.execution.executor:
        case "in_process":
            return in_process_executor
        case "multiprocess":
            return multiprocess_executor
        case "celery":
            return celery()


def celery() -> ExecutorDefinition:
    """The executor that has workers of Celery do the steps, by the broker of the environment."""
    try:
        from dagster_celery import celery_executor
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"execution: executor celery needs the package {error.name}:"
            " pip install 'forecast_assets[celery]'"
        ) from error
    address = {"env": BROKER}
    configured: ExecutorDefinition = celery_executor.configured(
        {"broker": address, "backend": address, "config_source": ONLY_JSON}, name="celery"
    )
    return configured

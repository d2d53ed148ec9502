"""The graph as a reviewed literal: a change of it is a change of this file."""

from importlib.resources import files
from typing import Any

import pytest
import yaml
from dagster import AssetKey, Definitions, MultiPartitionsDefinition, PartitionsDefinition

from forecast_assets.configuration.sections import DeltaLake, EmbeddedStore, Execution, Tables
from forecast_assets.configuration.settings import load_settings
from forecast_assets.definitions import defs
from forecast_assets.defs.build import assets
from forecast_assets.defs.run_history import OURS


def dimensions(partitions: PartitionsDefinition[str] | None) -> list[str]:
    if partitions is None:
        return []
    if isinstance(partitions, MultiPartitionsDefinition):
        return sorted(partitions.partition_dimension_names)
    return ["commodity"]


def assets_of(job: str) -> list[str]:
    keys = defs.resolve_job_def(job).asset_layer.executable_asset_keys
    return sorted(key.to_user_string() for key in keys)


def test_the_graph_is_this() -> None:
    Definitions.validate_loadable(defs)
    graph = defs.resolve_asset_graph()
    shape = {
        key.to_user_string(): (
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            graph.get(key).group_name,
            dimensions(graph.get(key).partitions_def),
        )
        for key in graph.get_all_asset_keys()
    }
    window = ["commodity", "training_date"]
    assert shape == {
        "landed_files": ([], "market", []),
        "prices": (["landed_files"], "market", ["commodity"]),
        "features": (["prices"], "market", ["commodity"]),
        "trained_models": (["features"], "forecast", window),
        "distributions": (["features", "trained_models"], "forecast", window),
        "scores": (["distributions", "prices"], "trust", window),
        "leaderboard": (["scores", "trained_models"], "trust", []),
        "published_distributions": (["distributions", "scores"], "trust", []),
        "report": (["leaderboard", "published_distributions"], "trust", []),
        "record": (["leaderboard", "published_distributions"], "trust", []),
    }
    assert sorted(
        job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")
    ) == [
        *("catch_up", "forecast", "land", "load_prices", "prune", "publish", "score", "train"),
        *("verify", "watch"),
    ]
    assert {
        job: assets_of(job) for job in ("land", "load_prices", "score", "catch_up", "publish")
    } == {
        "land": ["landed_files"],
        "load_prices": ["features", "prices"],
        "score": ["scores"],
        "catch_up": [
            "distributions",
            "leaderboard",
            "published_distributions",
            "report",
            "scores",
            "trained_models",
        ],
        "publish": ["leaderboard", "published_distributions", "report"],
    }


@pytest.mark.parametrize(
    ("store", "pool"),
    [(EmbeddedStore(), "one_file"), (DeltaLake(type="delta", url="lake"), None)],
)
def test_whatever_writes_one_file_is_in_a_pool(store: Tables, pool: str | None) -> None:
    made = assets(load_settings().model_copy(update={"store": store}))
    assert {each.op.name: each.op.pool for each in made} == dict.fromkeys(
        (each.op.name for each in made), pool
    )
    shipped = yaml.safe_load((files("forecast_assets") / "dagster.yaml").read_text())
    assert shipped["concurrency"]["pools"] == {"granularity": "run", "default_limit": 1}


@pytest.mark.parametrize(
    ("asked", "store", "in_vain"),
    [
        ({}, EmbeddedStore(), False),
        ({"executor": "multiprocess"}, EmbeddedStore(), True),
        ({"one_commodity_a_run": True}, EmbeddedStore(), True),
        ({"executor": "multiprocess"}, DeltaLake(type="delta", url="lake"), False),
    ],
)
def test_runs_at_once_on_one_file_are_warned_of(
    asked: dict[str, Any], store: Tables, in_vain: bool
) -> None:
    changed = {"store": store, "execution": Execution(**asked)}
    assert load_settings().model_copy(update=changed).queues_in_vain == in_vain


def test_the_checks_are_these() -> None:
    graph = defs.resolve_asset_graph()
    checks = [(key, graph.get_check_spec(key).blocking) for key in graph.asset_check_keys]
    assert sorted((key.asset_key.to_user_string(), key.name, b) for key, b in checks) == [
        ("distributions", "forecast_freshness", False),
        ("distributions", "median_near_close", False),
        ("distributions", "models_failed", False),
        ("distributions", "newest_forecast", False),
        ("distributions", "no_gaps", False),
        ("distributions", "no_leakage", True),
        ("distributions", "no_null", True),
        ("distributions", "no_stale_forecasts", False),
        ("distributions", "path_count", True),
        ("distributions", "spread_grows", False),
        ("features", "covariates_match", False),
        ("prices", "no_missing_sessions", False),
        ("prices", "no_strange_prices", False),
        ("prices", "price_freshness", False),
        ("record", "record_is_sound", False),
        ("scores", "coverage", False),
    ]


def test_the_sensors_are_these_and_run_from_the_start() -> None:
    sensors = {
        sensor.name: (
            sorted(target.job_name for target in sensor.targets),
            sensor.minimum_interval_seconds,
            sensor.default_status.value,
        )
        for sensor in (defs.resolve_sensor_def(each.name) for each in defs.sensors or [])
    }
    assert sensors == {
        "new_market_data": (["land"], 5, "RUNNING"),
        "due_work": (["catch_up", "load_prices"], 5, "RUNNING"),
    }


def test_whatever_people_launch_says_what_it_does() -> None:
    graph = defs.resolve_asset_graph()
    jobs = [job for job in defs.resolve_all_job_defs() if not job.name.startswith("__")]
    assert all(job.tags.items() >= OURS.items() for job in jobs)
    sensors = [defs.resolve_sensor_def(each.name) for each in defs.sensors or []]
    schedules = [defs.resolve_schedule_def(each.name) for each in defs.schedules or []]
    said = [
        *(job.description for job in jobs),
        *(sensor.description for sensor in sensors),
        *(schedule.description for schedule in schedules),
        *(graph.get_check_spec(key).description for key in graph.asset_check_keys),
    ]
    assert len(said) == 10 + 2 + 4 + 16
    assert all(each and each.endswith(".") for each in said)


def test_partition_keys_order_commodity_before_date_and_reach_the_current_window() -> None:
    graph = defs.resolve_asset_graph()
    partitions = graph.get(AssetKey("distributions")).partitions_def
    assert partitions is not None
    keys = list(partitions.get_partition_keys())
    assert keys[0] == "WTI|2012-01-01"
    assert "Gold|2020-01-01" in keys
    assert partitions == graph.get(AssetKey("trained_models")).partitions_def


def test_runs_choose_a_version_models_and_a_recomputation_with_a_description_on_each() -> None:
    choices = {
        ("train", "trained_models"): ["model_version", "models", "rewrite", "training_date"],
        ("forecast", "distributions"): [
            "model_version",
            "models",
            "recompute",
            "training_date",
        ],
        ("score", "scores"): ["model_version"],
    }
    for (job, asset), names in choices.items():
        definition = defs.resolve_job_def(job)
        (op,) = (node.definition for node in definition.graph.nodes if node.name == asset)
        fields = op.config_schema.as_field().config_type.fields  # type: ignore[union-attr]
        assert sorted(fields) == names
        assert all(field.description for field in fields.values())

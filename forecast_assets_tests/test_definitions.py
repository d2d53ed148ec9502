"""The graph as a reviewed literal: a change of it is a change of this file."""

from dagster import AssetKey, Definitions, MultiPartitionsDefinition, PartitionsDefinition

from forecast_assets.definitions import defs


def dimensions(partitions: PartitionsDefinition[str] | None) -> list[str]:
    assert partitions is not None
    if isinstance(partitions, MultiPartitionsDefinition):
        return sorted(partitions.partition_dimension_names)
    return ["commodity"]


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
        "prices": ([], "market", ["commodity"]),
        "features": (["prices"], "market", ["commodity"]),
        "trained_models": (["features"], "forecast", window),
        "distributions": (["features", "trained_models"], "forecast", window),
    }
    assert sorted(
        job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")
    ) == ["forecast", "load_prices", "train"]
    assert sorted(node.name for node in defs.resolve_job_def("load_prices").graph.nodes) == [
        "features",
        "prices",
    ]


def test_every_asset_is_described_and_says_what_it_is_made_with() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description is not None
        assert len(node.description) > 100
        assert node.kinds
        assert node.owners == []


def test_partition_keys_order_commodity_before_date_and_reach_the_current_window() -> None:
    graph = defs.resolve_asset_graph()
    partitions = graph.get(AssetKey("distributions")).partitions_def
    assert partitions is not None
    keys = list(partitions.get_partition_keys())
    assert keys[0] == "WTI|2012-01-01"
    assert "Gold|2020-01-01" in keys
    assert partitions == graph.get(AssetKey("trained_models")).partitions_def


def test_runs_choose_a_version_models_and_a_recomputation_with_a_description_on_each() -> None:
    training, forecasting = ["model_version", "models"], ["model_version", "models", "recompute"]
    for job, names in (("train", training), ("forecast", forecasting)):
        definition = defs.resolve_job_def(job)
        (op,) = (node.definition for node in definition.graph.nodes)
        fields = op.config_schema.as_field().config_type.fields  # type: ignore[union-attr]
        assert sorted(fields) == names
        assert all(field.description for field in fields.values())

"""What a run said of the partitions that it materialized."""

from dagster import AssetMaterialization, ExecuteInProcessResult


def materializations(
    result: ExecuteInProcessResult, asset: str | None = None
) -> dict[str, AssetMaterialization]:
    events = [event.materialization for event in result.get_asset_materialization_events()]
    events = [event for event in events if asset in (None, event.asset_key.to_user_string())]
    again = len(events) - len({event.partition for event in events})
    assert again <= 1  # the newest window, which is logged last
    return {event.partition or "": event for event in events}


def value(materialization: AssetMaterialization, name: str) -> object:
    return materialization.metadata[name].value

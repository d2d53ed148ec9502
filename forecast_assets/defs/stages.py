"""Stages: what the work on an asset is called while it goes on, and what is counted in it."""

from collections.abc import Sequence

from forecast_assets.defs.partitions import commodity_of

STAGES = {
    "features": "prices",
    "trained_models": "train",
    "distributions": "forecast",
    "scores": "score",
}
"""What the work on an asset is called; that on any other has the asset's name."""

UNITS = {"prices": "sources", "features": "covariate sets"}
"""What the partitions of an asset are counted as, where they are no windows."""

COMMODITIES_NAMED = 3
"""A stage of more commodities than these counts the others."""


def stage_of(asset: str, keys: Sequence[str]) -> str:
    """What the work on some partitions of an asset is called: ``WTI train``."""
    names = list(dict.fromkeys(commodity_of(key) or key for key in keys))
    named, more = ", ".join(names[:COMMODITIES_NAMED]), len(names) - COMMODITIES_NAMED
    others = f" and {more} more" if more > 0 else ""
    return f"{named}{others} {STAGES.get(asset, asset)}"


def unit_of(asset: str) -> str:
    """What the partitions of an asset are counted as, in the plural."""
    return UNITS.get(asset, "windows")

"""Names for the progress of an asset: that of its stage, and that of the items it counts."""

from collections.abc import Sequence

from forecast_assets.defs.partitions import commodity_of

STAGES = {
    "features": "prices",
    "trained_models": "train",
    "distributions": "forecast",
    "scores": "score",
}
"""The name of an asset's work; other assets use their own name."""

UNITS = {"prices": "sources", "features": "covariate sets"}
"""The name of an asset's partitions, if they are not windows."""

COMMODITIES_NAMED = 3
"""A stage names at most this many commodities, and counts the others."""


def stage_of(asset: str, keys: Sequence[str]) -> str:
    """The name of the work on some partitions of an asset: ``WTI train``."""
    names = list(dict.fromkeys(commodity_of(key) or key for key in keys))
    named, more = ", ".join(names[:COMMODITIES_NAMED]), len(names) - COMMODITIES_NAMED
    others = f" and {more} more" if more > 0 else ""
    return f"{named}{others} {STAGES.get(asset, asset)}"


def unit_of(asset: str) -> str:
    """The name of an asset's partitions, in the plural."""
    return UNITS.get(asset, "windows")

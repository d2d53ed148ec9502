"""The configuration file, with one module for each of its sections.

``from forecast_assets.configuration import Settings, load_settings`` works. The names are imported
at first use, since commands that only look for folders need neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast_assets.configuration.settings import Settings, load_settings

__all__ = ["Settings", "load_settings"]


def __getattr__(name: str) -> Any:
    """Import ``Settings`` or ``load_settings`` when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.settings"), name)

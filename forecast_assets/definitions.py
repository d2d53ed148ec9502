"""The ``Definitions`` that Dagster loads, made from the configuration file."""

from forecast_assets.configuration.file_modes import keep_others_from_writing
from forecast_assets.configuration.settings import load_settings
from forecast_assets.defs.build import build_definitions

__all__ = ["build_definitions", "defs"]

keep_others_from_writing()
defs = build_definitions(load_settings())

"""The ``Definitions`` that Dagster loads, made from the configuration file."""

import logging

from dagster import get_dagster_logger

from forecast_assets.configuration.file_modes import keep_others_from_writing
from forecast_assets.configuration.settings import load_settings
from forecast_assets.defs.build import build_definitions

__all__ = ["build_definitions", "defs"]

keep_others_from_writing()
settings = load_settings()
# Code servers show warnings, unless they are told to show more.
level = logging.WARNING if settings.queues_in_vain else logging.INFO
get_dagster_logger("forecast_assets").log(level, "store: %s", settings.store.writers)
defs = build_definitions(settings)

"""Runs the console script by ``python -m forecast_assets.cli``."""

from forecast_assets.cli import app

app()

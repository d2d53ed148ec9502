"""``python -m forecast_assets.cli``: the console script without its name."""

from forecast_assets.cli import app

app()

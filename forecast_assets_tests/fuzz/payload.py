"""The loader of saved models: any bytes are a model, or an error that says why they are none."""

import json

from forecast_assets.errors import ForecastAssetsError
from forecast_assets.models import roster


def take(data: bytes) -> None:
    """Rebuild a model from bytes."""
    try:
        roster.load(json.loads(data))
    except ForecastAssetsError:
        return

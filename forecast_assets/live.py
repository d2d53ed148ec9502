"""The name ``forecast_assets.live`` of ``market.live``, for programs that import ``final_day``."""

from forecast_assets.market.live import final_day

__all__ = ["final_day"]

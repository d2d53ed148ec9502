"""What is final of a live source, for programs that ask under this name; see ``market.live``."""

from forecast_assets.market.live import final_day

__all__ = ["final_day"]

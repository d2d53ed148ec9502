"""Live price services as Dagster resources."""

from datetime import date
from typing import Any

from dagster import ConfigurableResource
from pydantic import Field, PrivateAttr

from forecast_assets.configuration.sections import PLAUSIBLE, Bounds, Fetch
from forecast_assets.market.fred import HOST, Fred
from forecast_assets.market.live import Asker
from forecast_assets.market.observations import Observations
from forecast_assets.market.yahoo import YahooFinance


class LiveResource(ConfigurableResource):  # type: ignore[type-arg]
    """What the resources of live sources share: how they are asked."""

    timeout_seconds: float = Field(30, description="For one answer.")
    attempts: int = Field(4, description="How often one request is tried.")
    requests_per_minute: float = Field(30, description="At most.")
    _asker: "Asker" = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Make the one asker that limits the pace of all requests."""
        super().model_post_init(context)
        self._asker = Asker(
            Fetch(
                timeout_seconds=self.timeout_seconds,
                attempts=self.attempts,
                requests_per_minute=self.requests_per_minute,
            )
        )


class YahooResource(LiveResource):
    """Prices from Yahoo Finance."""

    base_url: str | None = Field(
        default=None, description="A host asked in place of Yahoo's; for a proxy, or a test."
    )

    def read(
        self, name: str, symbol: str, since: date | None, final: date, bounds: Bounds = PLAUSIBLE
    ) -> Observations:
        """Bars up to ``final``. Raises SourceError."""
        return YahooFinance(self._asker, self.base_url).read(name, symbol, since, final, bounds)


class FredResource(LiveResource):
    """Prices from FRED."""

    base_url: str = Field(HOST, description="Where FRED is asked.")

    def read(
        self, name: str, symbol: str, since: date | None, final: date, bounds: Bounds = PLAUSIBLE
    ) -> Observations:
        """A series up to ``final``. Raises SourceError."""
        return Fred(self._asker, self.base_url).read(name, symbol, since, final, bounds)

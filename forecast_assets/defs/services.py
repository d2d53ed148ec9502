"""Services as resources."""

from typing import Any

from dagster import ConfigurableResource
from pydantic import Field, PrivateAttr

from forecast_assets.configuration.sections import Fetch
from forecast_assets.market.live import Asker


class LiveResource(ConfigurableResource):  # type: ignore[type-arg]
    """What the resources of live sources share: how they are asked."""

    timeout_seconds: float = Field(30, description="For one answer.")
    attempts: int = Field(4, description="How often one request is tried.")
    requests_per_minute: float = Field(30, description="At most.")
    _asker: "Asker" = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Keep one pace for all that is asked."""
        super().model_post_init(context)
        self._asker = Asker(
            Fetch(
                timeout_seconds=self.timeout_seconds,
                attempts=self.attempts,
                requests_per_minute=self.requests_per_minute,
            )
        )

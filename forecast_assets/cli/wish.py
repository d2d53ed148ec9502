"""What a user wants of ``forecast run``, checked before anything is loaded or begun."""

from dataclasses import dataclass
from datetime import date

from forecast_assets.configuration.names import valid_reason
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError


@dataclass(frozen=True)
class Wish:
    """The options that a user gave to ``forecast run``."""

    commodity: list[str] | None
    model_version: str | None
    first: date | None
    last: date | None
    recompute: bool
    train_on: date | None
    allow_withdrawals: bool
    rewrite: str | None

    @property
    def is_plain(self) -> bool:
        """Whether no option was given: all that is due is to be done."""
        return self == Wish(None, None, None, None, False, None, False, None)

    def require_possible(self, settings: Settings) -> None:
        """Raise ConfigurationError for options that contradict each other or the configuration."""
        self._require_whole_rewrite()
        if self.first and self.last and self.first > self.last:
            raise ConfigurationError(f"--from {self.first} is later than --to {self.last}")
        version = settings.version(self.model_version)
        if self.train_on is not None:
            self._require_retraining(settings, version, self.train_on)

    def _require_whole_rewrite(self) -> None:
        """Raise ConfigurationError for a rewrite of a part, or for a reason that is none."""
        if self.rewrite is None:
            return
        if self.commodity or self.first or self.last or self.train_on:
            raise ConfigurationError(
                "--rewrite: allowed: without --commodity, --from, --to and --train-on, since a"
                " model_version means the same for all commodities and windows"
            )
        valid_reason(self.rewrite)

    def _require_retraining(self, settings: Settings, version: str, day: date) -> None:
        """Raise ConfigurationError unless ``--train-on`` names a day inside a begun window."""
        if version == settings.model_version:
            raise ConfigurationError(f"--train-on {day} needs a --model-version of its own")
        if self.first or self.last:
            raise ConfigurationError(f"--train-on {day}: allowed: without --from and --to")
        windows = settings.windows.of(next(iter(settings.commodities)))
        if not any(window.training_date < day < window.end for window in windows):
            raise ConfigurationError(
                f"--train-on {day}: allowed: a day inside a window that has begun, after its"
                " training date"
            )

"""The errors that users see. Each message says what was found, where, and what to do."""

from forecast_assets.outside import plain


class ForecastAssetsError(Exception):
    """The base class of all errors that this package raises on purpose.

    Each argument is a line of the message. The lines are shown without secrets, and with escapes in
    place of characters that are no text, since most of them quote what came from outside.
    """

    def __str__(self) -> str:
        return "\n".join(plain(str(line)) for line in self.args)


class ConfigurationError(ForecastAssetsError):
    """The configuration, or a name that a user gave, cannot be used."""


class SourceError(ForecastAssetsError):
    """A price source cannot be read at all."""


class UnclearFormat(SourceError):
    """It cannot be determined for certain how a file is written.

    ``key``: the key of the configuration that would settle it; empty if none would.
    """

    def __init__(self, reason: str, key: str = "") -> None:
        super().__init__(f"{reason}: set {key}" if key else reason)
        self.reason, self.key = reason, key


class LandingError(ForecastAssetsError):
    """The landing folder, or a file in it, cannot be used; nothing of it was changed."""


class FileChanged(LandingError):
    """A file of the landing folder was changed or replaced since it was looked at."""


class LookAheadError(ForecastAssetsError):
    """A computation asked for something that was not known at its cutoff."""


class CannotFit(ForecastAssetsError):
    """A model could not be fitted; the message names commodity, date and reason."""


class Declined(CannotFit):
    """A model does not apply to a history, such as one with negative prices; nothing is wrong."""


class MissingCovariate(CannotFit):
    """A model needs a covariate that a commodity lacks, or has for too few sessions."""


class CannotForecast(ForecastAssetsError):
    """A fitted model was asked for an origin that it declines."""


class MissingExtra(CannotFit, CannotForecast):
    """A model needs a package of an optional extra; the message says how to install it."""


class StoreError(ForecastAssetsError):
    """The tables refused a read or a write; nothing was changed."""


class VersionCorrupted(StoreError):
    """What a model version was pinned to mean cannot be read from its row."""


class StoreLocked(StoreError):
    """Another process held the lock of the tables for longer than a run waits."""


class ModelNotFound(ForecastAssetsError):
    """There is no active model of that name; the message lists those that exist."""


class PayloadCorrupted(ForecastAssetsError):
    """The stored bytes of a model are not those that were written, or no model can be made of them.

    A new training of the same model mends it.
    """


class ArtifactMissing(PayloadCorrupted):
    """There is no file where the payload of a stored model should be."""


class ArtifactsUnavailable(ForecastAssetsError):
    """Artifacts cannot be read or written for now; what is stored there may be sound."""


class SchemaTooNew(ForecastAssetsError):
    """A stored model was written by a newer release than this one."""


class UnknownModel(ForecastAssetsError):
    """A model name that this release does not have."""


class ChecksFailed(ForecastAssetsError):
    """What was computed for a partition is not sound; nothing of it was committed."""


class NoSession(ForecastAssetsError):
    """A run was asked for windows in which no forecast can start yet."""


class ModelsFailed(ForecastAssetsError):
    """Some models of a window failed; the results of the others are committed."""


class CommoditiesFailed(ForecastAssetsError):
    """Some commodities failed and the others did not; the message has a line for each failure."""


class FilesFailed(ForecastAssetsError):
    """Some files of the landing folder could not be moved; they are still where they were."""


class AlertFailed(ForecastAssetsError):
    """The webhook could not be reached; the message is sent again later."""


class Interrupted(ForecastAssetsError):
    """The user asked a run to stop; what was committed stays."""


class PartitionsFailed(ForecastAssetsError):
    """Some partitions of a run failed; the message has one line for each."""

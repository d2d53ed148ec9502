"""The errors that users meet. Each says what was found, where, and what to do."""


class ForecastAssetsError(Exception):
    """Root of every error that this package raises on purpose."""


class ConfigurationError(ForecastAssetsError):
    """The configuration or a name given by a user is not usable."""


class SourceError(ForecastAssetsError):
    """A price source cannot be read at all."""


class UnclearFormat(SourceError):
    """How a file is written cannot be told for certain.

    ``key`` of the configuration would say it; empty where none would.
    """

    def __init__(self, reason: str, key: str = "") -> None:
        super().__init__(f"{reason}: set {key}" if key else reason)
        self.reason, self.key = reason, key


class LookAheadError(ForecastAssetsError):
    """A computation asked for something that was not known at its cutoff."""


class CannotFit(ForecastAssetsError):
    """A model could not be fitted; the message names commodity, date and reason."""


class Declined(CannotFit):
    """A model does not apply to a history, by its nature: nothing broke."""


class MissingCovariate(CannotFit):
    """A model needs a covariate that a commodity does not have, or not for long enough."""


class CannotForecast(ForecastAssetsError):
    """A fitted model was asked for an origin that it declines."""


class MissingExtra(CannotFit, CannotForecast):
    """A model needs a package of an optional extra; the message says how to install it."""


class StoreError(ForecastAssetsError):
    """The tables refused a read or a write; nothing was changed."""


class StoreLocked(StoreError):
    """Another process kept the database file for longer than we wait."""


class ModelNotFound(ForecastAssetsError):
    """No active model under that name; the message lists the ones that exist."""


class PayloadCorrupted(ForecastAssetsError):
    """A stored model's bytes are not those that were written."""


class SchemaTooNew(ForecastAssetsError):
    """A stored model was written by a newer release than this one."""


class UnknownModel(ForecastAssetsError):
    """A model name that this release does not have."""


class ChecksFailed(ForecastAssetsError):
    """What was computed for a partition is not sound; nothing of it was committed."""


class NoSession(ForecastAssetsError):
    """A run was asked for windows that no forecast can start in yet."""


class ModelsFailed(ForecastAssetsError):
    """Some models of a window broke; what the others gave is committed."""


class CommoditiesFailed(ForecastAssetsError):
    """Some commodities could not be done; the others were. The message has a line for each."""


class FilesFailed(ForecastAssetsError):
    """Some files of the landing folder could not be put away; they are where they were."""


class AlertFailed(ForecastAssetsError):
    """The webhook could not be told; it is told later."""


class Interrupted(ForecastAssetsError):
    """The user asked a run to stop; what was committed stays."""


class PartitionsFailed(ForecastAssetsError):
    """Some partitions of a run failed; the message has one line for each."""

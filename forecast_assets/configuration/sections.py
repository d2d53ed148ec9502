"""The sections of forecast.yaml other than commodities and models."""

from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from forecast_assets.configuration.addresses import Folder, WebAddress
from forecast_assets.configuration.file_format import PLAIN, FileFormat
from forecast_assets.configuration.file_limits import FileLimits
from forecast_assets.configuration.names import Owner, TimeZone
from forecast_assets.configuration.section import Section
from forecast_assets.timeline.windows import Cadence

MOST_SESSIONS = 100_000
"""The largest number of sessions or days that is configured; it is more than 270 years."""

LONGEST_SECONDS = 10_000_000.0
"""The longest time that is configured, some months: longer ones overflow in libraries."""

MOST_ATTEMPTS = 1000

MOST_DAYS_KEPT = 36_500
"""A hundred years: the moment so long ago is one that Python has."""


class Training(Section):
    """When models are fitted, and how many sessions they need."""

    cadence: Cadence = "semiannually"
    start: date = Field(
        ge=date(1900, 1, 1),
        le=date(2199, 12, 31),
        description="First training date: the cadence's first on or after it.",
    )
    min_observations: int = Field(
        500, strict=True, ge=30, le=MOST_SESSIONS, description="Fewer sessions than this: no fit."
    )


class Artifacts(Section):
    """Where payloads are stored that are too large for a table."""

    url: Folder | None = Field(None, description="Any fsspec URL; a folder of the data by default.")
    threshold_bytes: int = Field(
        1_000_000, ge=0, le=10**12, description="Payloads this large go there."
    )
    timeout_seconds: float = Field(
        10,
        gt=0,
        le=LONGEST_SECONDS,
        description="For one file, where it is not on this machine.",
    )


class EmbeddedStore(Section):
    """The tables in one file of the data folder."""

    type: Literal["duckdb"] = "duckdb"

    @property
    def kind(self) -> str:
        """What Dagster's UI shows a symbol of."""
        return "duckdb"

    @property
    def keep(self) -> timedelta:
        """How long what was replaced is kept: not at all."""
        return timedelta()

    @property
    def pool(self) -> str | None:
        """Dagster's pool of the runs that write the tables; None if any number may at once."""
        return "one_file"

    @property
    def writers(self) -> str:
        """How many runs write at once, in words."""
        return "one run at a time writes, since the tables are one file: the others queue"


class DeltaLake(Section):
    """The tables as Delta Lake, for several machines and other programs."""

    type: Literal["delta"]
    url: Folder = Field(description="A folder, or s3://bucket/prefix, below which each table lies.")
    keep_days: int = Field(
        7,
        strict=True,
        ge=1,
        le=MOST_DAYS_KEPT,
        description="How long files that were replaced stay, for those who still read them.",
    )

    @property
    def kind(self) -> str:
        """What Dagster's UI shows a symbol of."""
        return "deltalake"

    @property
    def keep(self) -> timedelta:
        """How long what was replaced is kept."""
        return timedelta(days=self.keep_days)

    @property
    def pool(self) -> str | None:
        """Dagster's pool of the runs that write the tables; None if any number may at once."""
        return None

    @property
    def writers(self) -> str:
        """How many runs write at once, in words."""
        return "any number of runs writes at once, of one commodity one"


Tables = Annotated[EmbeddedStore | DeltaLake, Field(discriminator="type")]


class Database(Section):
    """The database: the embedded one, or the one that reads and writes Delta tables."""

    memory_limit: str = Field("512MB", pattern=r"^[0-9]{1,6}(MB|GB|MiB|GiB)$")
    lock_timeout_seconds: float = Field(
        120.0,
        gt=0,
        le=LONGEST_SECONDS,
        description="How long a run waits for whoever keeps the tables.",
    )
    read_copy: bool = Field(
        False, description="Whether every run leaves a copy for programs that only read."
    )


class Parallel(Section):
    """The processes in which models are fitted, one model at a time in each."""

    backend: str = Field(
        "loky", min_length=1, description="A backend of joblib: its own, or one that is registered."
    )
    processes: int | None = Field(
        None, strict=True, ge=1, le=1024, description="The machine's cores where it is absent."
    )
    module: str | None = Field(
        None, description="A Python module to import first, which registers the backend."
    )


Executor = Literal["in_process", "multiprocess", "celery"]


class Execution(Section):
    """Where the steps of the runs of Dagster's daemon work; a command works in its own process."""

    executor: Executor = Field(
        "in_process",
        description="In the run's process, in one for each step, or in workers of Celery.",
    )
    one_commodity_a_run: bool = Field(
        False, description="Whether sensors ask for a run for each commodity that has work."
    )


class Calibration(Section):
    """How far a model's coverage and PIT may be from ideal for it to count as calibrated."""

    coverage_80: float = Field(
        0.05,
        strict=True,
        ge=0,
        le=0.8,
        description="Largest error of the coverage of 80 % intervals, a share.",
    )
    coverage_95: float = Field(
        0.03,
        strict=True,
        ge=0,
        le=0.95,
        description="Largest error of the coverage of 95 % intervals, a share.",
    )
    pit_p_value: float = Field(
        0.01,
        strict=True,
        ge=0,
        le=1,
        description="Smallest p-value of the test that PIT values are uniform.",
    )


class Publish(Section):
    """Which forecasts are published for downstream programs."""

    rule: Literal["best", "fixed"] = Field(
        "best", description="The best skill among calibrated models, or every one of `models`."
    )
    models: list[str] | None = Field(
        None, min_length=1, description="Models to choose from, or to publish; all by default."
    )
    fallback: str | None = Field(
        None, description="Published while none is calibrated; the first of `models` by default."
    )


class Age(Section):
    """The ages, in sessions, from which a check is yellow and then red."""

    warn: int = Field(
        2, strict=True, ge=1, le=MOST_SESSIONS, description="Yellow from here on, in sessions."
    )
    fail: int = Field(
        5, strict=True, ge=1, le=MOST_SESSIONS, description="Red from here on, in sessions."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.fail < self.warn:
            raise ValueError("allowed: `fail` of at least `warn`")
        return self


class Checks(Section):
    """Bounds of asset checks."""

    median_bound: float = Field(
        0.25,
        strict=True,
        gt=0,
        allow_inf_nan=False,
        description="Median's distance from the close, a share.",
    )
    spike_bound: float = Field(
        0.25,
        strict=True,
        gt=0,
        allow_inf_nan=False,
        description="A move from one close to the next that is flagged, a share.",
    )
    price_age: Age = Field(Age(), description="Sessions since the newest price.")
    forecast_age: Age = Field(Age(), description="Sessions that have no forecast yet.")


class Bounds(Section):
    """What is plausible; a source's rows beyond it are refused, as they are likely misprints."""

    first_day: date = Field(
        date(1800, 1, 1), description="The first day that a price or a covariate may have."
    )
    price: float = Field(
        1e9,
        strict=True,
        gt=0,
        le=1e30,
        description="The largest price, above or below zero, in the commodity's unit.",
    )
    covariate: float = Field(
        1e15,
        strict=True,
        gt=0,
        le=1e100,
        description="The largest value of a covariate, above or below zero.",
    )

    def overridden_by(self, others: Self | None) -> Self:
        """These bounds, with those that ``others`` sets instead."""
        return self.model_copy(update=others.model_dump(exclude_unset=True) if others else {})


PLAUSIBLE = Bounds()
"""The bounds where the configuration sets none."""


class LandingFormat(FileFormat):
    """How dropped files of a name are written."""

    files: str = Field(min_length=1, description="A pattern of file names, such as CL*.csv.")

    def is_of(self, name: str) -> bool:
        """Whether the pattern fits a file of this name, in any case."""
        return fnmatchcase(name.casefold(), self.files.casefold())


class Landing(FileLimits):
    """The folder into which files are dropped, and how a complete file is recognised.

    Its limits hold for all files of prices and covariates.
    """

    url: Folder | None = Field(None, description="Any fsspec URL; a folder of the data by default.")
    settle_seconds: float = Field(
        5, ge=0, le=LONGEST_SECONDS, description="Unchanged this long, a file is whole."
    )
    incomplete_seconds: float = Field(
        60,
        ge=0,
        le=LONGEST_SECONDS,
        description="The same where the file's end is missing: a last newline, a Parquet footer.",
    )
    formats: list[LandingFormat] = Field(
        default=[], description="How files are written, by their names; the first that fits counts."
    )

    def format_of(self, name: str) -> FileFormat:
        """How a file of this name is written, by the first format whose pattern fits."""
        return next((each for each in self.formats if each.is_of(name)), PLAIN)


CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
"""A pattern for an hour and minute, HH:MM."""


class Fetch(Section):
    """When live sources are asked, how often, and which of their closes are final."""

    at: str = Field(
        "19:00", pattern=CLOCK, description="When sources are asked, HH:MM; any hour will do."
    )
    timezone: TimeZone = Field("America/New_York", description="The zone of `at`.")
    final_at: str = Field(
        "17:00",
        pattern=CLOCK,
        description="From when on a day's close is final, HH:MM, where no calendar says so.",
    )
    exchange_timezone: TimeZone = Field("America/New_York", description="The zone of `final_at`.")
    timeout_seconds: float = Field(30, gt=0, le=3600, description="For one answer.")
    attempts: int = Field(
        4, strict=True, ge=1, le=MOST_ATTEMPTS, description="How often one request is tried."
    )
    requests_per_minute: float = Field(30, ge=0.01, le=1e6, description="To one source, at most.")
    overlap_days: int = Field(
        30,
        strict=True,
        ge=0,
        le=MOST_SESSIONS,
        description="Calendar days before the newest price to ask again.",
    )


class Automation(Section):
    """How sensors and schedules behave."""

    running: bool = Field(True, description="Whether they are on until someone turns them off.")
    interval_seconds: int = Field(5, strict=True, ge=1, le=86_400, description="Between two looks.")
    attempts: int = Field(
        3, strict=True, ge=1, le=MOST_ATTEMPTS, description="Runs for the same piece of work."
    )
    retry_seconds: float = Field(
        60,
        ge=0,
        le=LONGEST_SECONDS,
        description="Pause after the first failed run; it doubles with each.",
    )
    silence_seconds: float = Field(
        60,
        ge=0,
        le=LONGEST_SECONDS,
        description="A run that has begun and whose process cannot be seen by then is dead.",
    )


class RunsKept(Section):
    """How long Dagster's runs and their events are kept."""

    keep_days: int | None = Field(
        90,
        strict=True,
        ge=1,
        le=MOST_DAYS_KEPT,
        description="Older runs are deleted, by each `forecast run` and weekly; null keeps all.",
    )


class Alerts(Section):
    """Where a message is sent when a check changes or a run fails."""

    webhook: WebAddress | None = Field(None, description="A URL that takes JSON by POST.")
    timeout_seconds: float = Field(10, gt=0, le=3600, description="For one answer.")


class Owners(Section):
    """The owners of the assets of each group, which the UI shows."""

    market: list[Owner] = Field(default=[], description="Of files, prices and covariates.")
    forecast: list[Owner] = Field(default=[], description="Of models and forecasts.")
    trust: list[Owner] = Field(default=[], description="Of scores, what is published, the report.")

    @model_validator(mode="before")
    @classmethod
    def _by_group(cls, owners: Any) -> Any:
        if not isinstance(owners, dict | cls):
            raise ValueError(f"allowed: a list under each of {', '.join(cls.model_fields)}")  # noqa: TRY004 - pydantic tells ValueError
        return owners

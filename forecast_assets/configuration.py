"""The configuration file, validated: what is forecast, from which prices, by which models."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from forecast_assets.document import read_document
from forecast_assets.errors import ConfigurationError, MissingExtra, UnknownModel
from forecast_assets.file_format import PLAIN, Columns, FileFormat
from forecast_assets.home import DATABASE, Places, configuration_path, expanded
from forecast_assets.models.base import Forecaster
from forecast_assets.models.ensemble import Ensemble
from forecast_assets.models.roster import forecaster_class
from forecast_assets.scrutiny import Scrutiny
from forecast_assets.section import Section

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = "1 to 64 letters, digits, '.', '_' or '-', the first a letter or a digit"

CADENCES: dict[str, str] = {
    "annually": "0 0 1 1 *",
    "semiannually": "0 0 1 1,7 *",
    "quarterly": "0 0 1 1,4,7,10 *",
    "monthly": "0 0 1 * *",
    "weekly": "0 0 * * 1",
}
"""Cadence of training to the cron expression of its training dates, in UTC."""

Cadence = Literal["annually", "semiannually", "quarterly", "monthly", "weekly"]


def valid_name(name: str) -> str:
    """``name`` itself, when tables, keys and paths can carry it. Raises ConfigurationError."""
    if not NAME_PATTERN.fullmatch(name):
        raise ConfigurationError(f"found {name!r}, allowed: {NAME_RULE}")
    return name


def _name_field(name: str) -> str:
    if not NAME_PATTERN.fullmatch(name):
        raise ValueError(f"allowed: {NAME_RULE}")
    return name


Name = Annotated[str, AfterValidator(_name_field)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("allowed: a name of the tz database, such as UTC or Europe/London")
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class SampleSource(Section):
    """Real prices that come inside a Python package."""

    type: Literal["sample"]
    name: Literal["wti", "gold"]


class HeardSource(Section):
    """A source whose prices are not known beforehand."""

    quarantine: bool = Field(
        False,
        strict=True,
        description="Hold a new close beyond `checks.spike_bound` until somebody accepts it.",
    )


class RowKeys(HeardSource):
    """What the rows of files mean: whose day, how many a day, how far ahead."""

    timezone: TimeZone | None = Field(
        None, description="The zone whose days are sessions; stamps with a zone are converted."
    )
    aggregate: Literal["last"] | None = Field(
        None, description="`last`: of several rows a day the last one has the close."
    )
    weekends: Literal["keep", "drop"] | None = Field(
        None, description="Rows of Saturdays and Sundays: as they are meant, or left out."
    )
    known_ahead: int = Field(
        0, strict=True, ge=0, le=31, description="Calendar days after today that have prices."
    )


class FileSource(RowKeys, FileFormat):
    """Files of prices: CSV, Parquet or a workbook, and how they are written."""

    type: Literal["file"]
    path: str = Field(min_length=1, description="File or glob, relative to the configuration.")
    symbol: str | None = Field(
        None,
        description="What a column `commodity`, or the column of a wide file, calls it.",
    )
    prefer: str | None = Field(
        None,
        min_length=1,
        description="Of files that differ about a date: `newest`, or a pattern of their names.",
    )


class LandingSource(RowKeys):
    """Files that are dropped into the landing folder, and nothing else."""

    type: Literal["landing"]
    symbol: str | None = Field(
        None, min_length=1, description="What files call it, where that is not its name."
    )


class YahooSource(HeardSource):
    """Daily bars of Yahoo Finance; needs the extra `yahoo`."""

    type: Literal["yahoo"]
    symbol: str = Field(min_length=1, description="Yahoo's symbol, such as CL=F.")


class FredSource(HeardSource):
    """A daily series of FRED, the Federal Reserve Bank of St. Louis; needs the extra `fred`."""

    type: Literal["fred"]
    series: str = Field(min_length=1, description="FRED's id of the series, such as DCOILWTICO.")


TRAINING_DATE_OF_A_RUN = (
    "A day inside the window, YYYY-MM-DD: train on what was known before it, and forecast the rest"
    " of the window. It needs a model_version of its own."
)

MODELS_OF_A_RUN = (
    "Models of this run, as in the configuration: names or `name: {option: value}`; the"
    " configuration's by default. They need a model_version of their own."
)

SOURCES: dict[str, type[Section]] = {
    "sample": SampleSource,
    "file": FileSource,
    "landing": LandingSource,
    "yahoo": YahooSource,
    "fred": FredSource,
}

StoredSource = SampleSource | FileSource | LandingSource
"""Sources that are read from this machine; the others are asked over the internet."""

Source = Annotated[
    SampleSource | FileSource | LandingSource | YahooSource | FredSource,
    Field(discriminator="type"),
]

FROM_DATA = "from_data"
"""A calendar that is learned from the sessions of the data: the weekdays that trade."""


Aggregate = Literal["mean", "weighted", "first"]
"""How the regions of a day become one value."""


class Covariate(FileFormat):
    """A series beside the prices, from CSV or Parquet files by date, or by date and region."""

    path: str = Field(min_length=1, description="File or glob, relative to the configuration.")
    column: str = Field(min_length=1, description="The column that holds the values.")
    unit: str = Field("", description="What a value is counted in; shown on axes.")
    delay_days: int = Field(
        1, strict=True, ge=0, le=3650, description="Calendar days after its date until it is known."
    )
    fill_days: int = Field(
        5, strict=True, ge=0, le=3650, description="Calendar days that a value is carried forward."
    )
    region: str | None = Field(None, min_length=1, description="The column that holds the region.")
    aggregate: Aggregate = "mean"
    regions: list[str] | None = Field(
        None, min_length=1, description="For `first`: these regions, the first of them preferred."
    )
    weights: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = Field(
        None, min_length=1, description="For `weighted`: the weight of each region."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [self.column.lower(), *([self.region.lower()] if self.region else [])]
        if len(set(names)) < len(names) or {"date", "file", "line"} & set(names):
            raise ValueError(
                "allowed: a `column` and a `region` that differ, neither called date, file or line"
            )
        if self.columns.model_dump(exclude={"date", "time"}, exclude_none=True):
            raise ValueError("allowed: `columns` of date and time; `column` says which has values")
        if self.region is None and self.aggregate != "mean":
            raise ValueError(f"allowed: `aggregate: {self.aggregate}` with the column of `region`")
        if (self.aggregate == "weighted") != (self.weights is not None):
            raise ValueError("allowed: `weights` together with `aggregate: weighted`")
        if self.regions is not None and self.aggregate != "first":
            raise ValueError("allowed: `regions` together with `aggregate: first`")
        return self


class Commodity(Section):
    """One commodity: its unit, where prices and covariates come from, when it trades."""

    unit: str = Field(min_length=1)
    source: Source
    calendar: str = Field(
        FROM_DATA, description="A calendar of exchange_calendars, or the data's own weekdays."
    )
    covariates: dict[Name, Covariate] = Field(default={}, description="Series beside the prices.")

    @field_validator("calendar")
    @classmethod
    def _usable_calendar(cls, name: str) -> str:
        if name == FROM_DATA:
            return name
        import exchange_calendars  # with pandas, a second that most configurations do not need

        known = exchange_calendars.get_calendar_names()
        if name not in known:
            raise ValueError(
                f"allowed: {FROM_DATA}, or a name known to exchange_calendars, such as {known[:5]}"
            )
        try:
            exchange_calendars.get_calendar(name)
        except (NotImplementedError, ValueError) as error:
            raise ValueError(f"exchange_calendars cannot build it: {error}") from error
        return name


class Training(Section):
    """When models are fitted, and on how much."""

    cadence: Cadence = "semiannually"
    start: date = Field(description="First training date: the cadence's first on or after it.")
    min_observations: int = Field(
        500, strict=True, ge=30, description="Fewer sessions than this: no fit."
    )


class Artifacts(Section):
    """Where payloads go that are too large for a table."""

    url: str | None = Field(None, description="Any fsspec URL; a folder of the data by default.")
    threshold_bytes: int = Field(1_000_000, ge=0, description="Payloads this large go there.")


class Database(Section):
    """The embedded database."""

    memory_limit: str = Field("512MB", pattern=r"^\d+(MB|GB|MiB|GiB)$")
    lock_timeout_seconds: float = Field(
        120.0, gt=0, allow_inf_nan=False, description="How long a run waits for locks, in all."
    )
    read_copy: bool = Field(
        False, description="Whether every run leaves a copy for programs that only read."
    )


class Parallel(Section):
    """Where models are fitted: as many at once as there are processes."""

    backend: str = Field(
        "loky", min_length=1, description="A backend of joblib: its own, or one that is registered."
    )
    processes: int | None = Field(
        None, strict=True, ge=1, description="The machine's cores where it is absent."
    )
    module: str | None = Field(
        None, description="A Python module to import first, which registers the backend."
    )


class Calibration(Section):
    """How far a model may be from nominal and still be called calibrated."""

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
    """Which forecasts downstream programs are given."""

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
    """From how many sessions on a check turns yellow, and then red."""

    warn: int = Field(2, strict=True, ge=1, description="Yellow from here on, in sessions.")
    fail: int = Field(5, strict=True, ge=1, description="Red from here on, in sessions.")

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


class LandingFormat(FileFormat):
    """How dropped files of a name are written."""

    files: str = Field(min_length=1, description="A pattern of file names, such as CL*.csv.")

    def is_of(self, name: str) -> bool:
        """Whether it speaks of a file of that name; case does not matter."""
        return fnmatchcase(name.casefold(), self.files.casefold())


class Landing(Section):
    """The folder that files are dropped into, and how one is told from half of one."""

    url: str | None = Field(None, description="Any fsspec URL; a folder of the data by default.")
    settle_seconds: float = Field(
        5, ge=0, allow_inf_nan=False, description="Unchanged this long, a file is whole."
    )
    incomplete_seconds: float = Field(
        60,
        ge=0,
        allow_inf_nan=False,
        description="The same where the file's end is missing: a last newline, a Parquet footer.",
    )
    formats: list[LandingFormat] = Field(
        default=[], description="How files are written, by their names; the first that fits counts."
    )

    def format_of(self, name: str) -> FileFormat:
        """How a file of that name is written."""
        return next((each for each in self.formats if each.is_of(name)), PLAIN)


CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
"""An hour and minute, HH:MM."""


class Fetch(Section):
    """When live sources are asked, and how patiently."""

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
    timeout_seconds: float = Field(30, gt=0, allow_inf_nan=False, description="For one answer.")
    attempts: int = Field(4, strict=True, ge=1, description="How often one request is tried.")
    requests_per_minute: float = Field(
        30, gt=0, allow_inf_nan=False, description="To one source, at most."
    )
    overlap_days: int = Field(
        30, strict=True, ge=0, description="Calendar days before the newest price to ask again."
    )


class Automation(Section):
    """How sensors and schedules behave."""

    running: bool = Field(True, description="Whether they are on until someone turns them off.")
    interval_seconds: int = Field(5, strict=True, ge=1, description="Between two looks.")
    attempts: int = Field(3, strict=True, ge=1, description="Runs for the same piece of work.")
    retry_seconds: float = Field(
        60,
        ge=0,
        allow_inf_nan=False,
        description="Pause after the first failed run; it doubles with each.",
    )
    silence_seconds: float = Field(
        60,
        ge=0,
        allow_inf_nan=False,
        description="A run that has begun and whose process cannot be seen by then is dead.",
    )


class Alerts(Section):
    """Who is told when a check turns or a run fails."""

    webhook: str | None = Field(
        None, pattern=r"^https?://\S+$", description="A URL that takes JSON by POST."
    )
    timeout_seconds: float = Field(10, gt=0, allow_inf_nan=False, description="For one answer.")


class Settings(Section):
    """The whole configuration file."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: Name
    horizon: int = Field(14, strict=True, ge=1, le=60, description="Sessions ahead.")
    paths: int = Field(2000, strict=True, ge=2, le=100_000, description="Paths a forecast.")
    training: Training
    commodities: dict[Name, Commodity] = Field(min_length=1)
    feature_sets: dict[Name, list[str]] = Field(
        default={}, description="Names for the sets of covariates that models use."
    )
    models: dict[str, Forecaster]
    calibration: Calibration = Calibration()
    publish: Publish = Publish()
    checks: Checks = Checks()
    landing: Landing = Landing()
    fetch: Fetch = Fetch()
    automation: Automation = Automation()
    alerts: Alerts = Alerts()
    artifacts: Artifacts = Artifacts()
    database: Database = Database()
    parallel: Parallel = Parallel()

    _file: Path = PrivateAttr(default_factory=configuration_path)

    @field_validator("feature_sets", mode="after")
    @classmethod
    def _known_covariates(
        cls, sets: dict[str, list[str]], info: ValidationInfo
    ) -> dict[str, list[str]]:
        commodities: dict[str, Commodity] = info.data.get("commodities", {})
        known = sorted({name for each in commodities.values() for name in each.covariates})
        for name, members in sets.items():
            strange = [member for member in members if member not in known]
            if strange and commodities:
                raise ValueError(
                    f"{name} names {', '.join(strange)}; allowed: covariates of a commodity:"
                    f" {', '.join(known) or 'there are none'}"
                )
            if not members or len(set(members)) < len(members):
                raise ValueError(f"{name}: allowed: at least one covariate, each once")
        return sets

    @field_validator("models", mode="before")
    @classmethod
    def _roster(cls, entries: Any, info: ValidationInfo) -> dict[str, Forecaster]:
        return _roster(entries, info.data.get("feature_sets"), info.data.get("horizon"))

    @field_validator("publish")
    @classmethod
    def _publishable(cls, publish: Publish, info: ValidationInfo) -> Publish:
        roster = list(info.data.get("models", {}))
        named = [*(publish.models or []), *([publish.fallback] if publish.fallback else [])]
        strange = sorted({name for name in named if name not in roster})
        if strange and roster:
            raise ValueError(f"names {', '.join(strange)}; allowed: {', '.join(roster)}")
        if publish.models and publish.fallback and publish.fallback not in publish.models:
            raise ValueError(f"fallback {publish.fallback}; allowed: one of its own `models`")
        if publish.rule == "fixed" and (publish.models is None or publish.fallback):
            raise ValueError("allowed: `rule: fixed` with `models` and without `fallback`")
        return publish

    def covariates_of(self, forecaster: Forecaster, available: Sequence[str]) -> tuple[str, ...]:
        """The covariates that a model uses, in the order of their names; none for most.

        An ensemble goes on with what is ``available``: a member that lacks one fails by name.
        """
        sets = {part.feature_set for part in forecaster.parts()}
        names = sorted({name for each in sets if each for name in self.feature_sets[each]})
        if forecaster.parts()[0].name == forecaster.name:
            return tuple(names)
        return tuple(name for name in names if name in available)

    def of_run(self, model_version: str | None, models: list[Any] | None) -> Self:
        """These settings with the version and the models of a run, where it has its own.

        Raises ConfigurationError for models without a version of their own: they would retire
        the models in use.
        """
        version = self.version(model_version)
        if models is None:
            return self.model_copy(update={"model_version": version})
        if version == self.model_version:
            raise ConfigurationError(
                f"model_version: found {model_version!r}, allowed: a version of its own for a run"
                f" with `models` of its own, since under {version} they would retire the models"
                " in use"
            )
        try:
            roster = _roster(models, self.feature_sets, self.horizon)
        except ValueError as error:
            raise ConfigurationError(f"models: found {models!r}; {error}") from error
        return self.model_copy(update={"model_version": version, "models": roster})

    @property
    def scrutiny(self) -> Scrutiny:
        """What is not believed at once of what sources say."""
        quarantined = [
            name
            for name, commodity in self.commodities.items()
            if isinstance(commodity.source, HeardSource) and commodity.source.quarantine
        ]
        return Scrutiny(self.checks.spike_bound, frozenset(quarantined))

    @property
    def folder(self) -> Path:
        """The folder that holds the file; relative paths start here."""
        return self.places.folder

    @property
    def places(self) -> Places:
        """The file itself, and the folders of its data and of Dagster's history."""
        return Places.of(self._file)

    @property
    def home(self) -> Path:
        """The data folder."""
        return self.places.data

    @property
    def database_path(self) -> Path:
        """The database file. Its name is the catalog of every table in it."""
        return self.home / DATABASE

    @property
    def read_copy_path(self) -> Path:
        """The copy of the database file for programs that only read; its catalog is the same."""
        return self.database_path.with_suffix(".read.duckdb")

    @property
    def report_path(self) -> Path:
        """The page that the asset ``report`` writes."""
        return self.home / "report.html"

    @property
    def artifacts_url(self) -> str:
        """Where large payloads go; a plain path starts at the configuration's folder."""
        url = self.artifacts.url
        if url is None:
            return (self.home / "artifacts").as_uri()
        return url if "://" in url else (self.folder / expanded(url)).as_uri()

    @property
    def landing_url(self) -> str:
        """Where files are dropped; a plain path starts at the configuration's folder."""
        url = self.landing.url
        if url is None:
            return (self.home / "landing").as_uri()
        return url if "://" in url else (self.folder / expanded(url)).as_uri()

    def version(self, override: str | None) -> str:
        """The model version of a run: its own, or the configuration's."""
        if override is None:
            return self.model_version
        try:
            return valid_name(override)
        except ConfigurationError as error:
            raise ConfigurationError(f"model_version: {error}") from error

    def commodity(self, name: str) -> Commodity:
        """The settings of one commodity. Raises ConfigurationError, which lists them."""
        if name not in self.commodities:
            raise ConfigurationError(
                f"commodity: found {name!r}, allowed: {', '.join(self.commodities)}"
            )
        return self.commodities[name]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and validate a configuration file. Raises ConfigurationError."""
        document = read_document(path)
        try:
            settings = cls.model_validate(document)
        except ValidationError as error:
            raise ConfigurationError(_explain(path, error)) from error
        settings._file = path.absolute()
        return settings


PARTS: dict[str, type[Section]] = {
    "training": Training,
    "calibration": Calibration,
    "publish": Publish,
    "checks": Checks,
    "landing": Landing,
    "fetch": Fetch,
    "automation": Automation,
    "alerts": Alerts,
    "artifacts": Artifacts,
    "database": Database,
    "parallel": Parallel,
}


def load_settings() -> Settings:
    """The configuration that ``FORECAST_CONFIG`` names, or ``forecast.yaml`` in this folder."""
    return Settings.load(configuration_path())


def _roster(
    entries: Any, feature_sets: Mapping[str, Any] | None, horizon: int | None
) -> dict[str, Forecaster]:
    """The models of a list, by name. Raises ValueError, which says what is allowed.

    ``feature_sets`` and ``horizon`` are None where they are wrong themselves.
    """
    if not isinstance(entries, list):
        # A ValueError, so that pydantic reports it with its key.
        raise ValueError(  # noqa: TRY004
            "allowed: a list of model names or of `name: {option: value}`"
        )
    if not entries:
        raise ValueError("allowed: at least 1 item")
    options_of: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name, options = _model_entry(entry)
        if name in options_of:
            raise ValueError(f"{name} is listed twice")
        options_of[name] = options
    roster = {
        name: _forecaster(name, options)
        for name, options in options_of.items()
        if name != Ensemble.name
    }
    for forecaster in roster.values():
        _require_features(forecaster, feature_sets)
        _require_reach(forecaster, horizon)
    if Ensemble.name in options_of:
        options = options_of[Ensemble.name]
        if "members" in options:
            options |= {"members": _members(options["members"], feature_sets, horizon)}
        elif roster:
            options |= {"members": roster}
        roster[Ensemble.name] = _forecaster(Ensemble.name, options)
    return {name: roster[name] for name in options_of}


def _members(
    entries: Any, feature_sets: Mapping[str, Any] | None, horizon: int | None
) -> dict[str, Forecaster]:
    try:
        return _roster(entries, feature_sets, horizon)
    except ValueError as error:
        raise ValueError(f"{Ensemble.name}.members: found {entries!r}; {error}") from error


def _require_features(forecaster: Forecaster, feature_sets: Mapping[str, Any] | None) -> None:
    wanted = forecaster.feature_set
    if wanted is not None and feature_sets is not None and wanted not in feature_sets:
        raise ValueError(
            f"{forecaster.name}.features: found {wanted!r}, allowed: a name of feature_sets:"
            f" {', '.join(feature_sets) or 'there are none'}"
        )


def _require_reach(forecaster: Forecaster, horizon: int | None) -> None:
    reach = forecaster.reach
    if reach is not None and horizon is not None and reach < horizon:
        raise ValueError(
            f"{forecaster.name}: reaches {reach} sessions ahead, allowed: the horizon of {horizon}"
            " or more: raise its option lag or horizon"
        )


def _model_entry(entry: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, Mapping) and len(entry) == 1:
        name, options = next(iter(entry.items()))
        if isinstance(name, str) and isinstance(options, Mapping | None):
            return name, dict(options or {})
    raise ValueError(f"{entry!r}: allowed: a model name, or `name: {{option: value}}`")


def _forecaster(name: str, options: dict[str, Any]) -> Forecaster:
    try:
        return forecaster_class(name)(**options)
    except (MissingExtra, UnknownModel) as error:
        raise ValueError(str(error)) from error
    except ValidationError as error:
        options_of = forecaster_class(name)
        lines = [f"{name}.{_line(detail, options_of)}" for detail in error.errors()]
        raise ValueError("; ".join(lines)) from error


def _section_of(keys: tuple[Any, ...]) -> type[BaseModel]:
    """The part of the file that a key with these parents stands in."""
    if not keys:
        return Settings
    if keys[0] == "commodities":
        if len(keys) == 2:
            return Commodity
        if keys[2] != "source":
            return Columns if keys[-1] == "columns" else Covariate
        return Columns if keys[-1] == "columns" else SOURCES.get(keys[-1], Commodity)
    if keys[:2] == ("landing", "formats"):
        return Columns if keys[-1] == "columns" else LandingFormat
    return PARTS.get(keys[0], Settings)


def _line(detail: Any, section: type[BaseModel]) -> str:
    *parents, last = [str(part) for part in detail["loc"]] or [""]
    found, message = detail["input"], detail["msg"]
    if last == "[key]":
        unquoted = "" if isinstance(found, str) else " (YAML reads it as no text: quote it)"
        return f"{'.'.join(parents[:-1])}: found the name {found!r}{unquoted}; {message}"
    tagged = len(parents) > 3 and parents[2] == "source"  # pydantic puts the source's type in
    key = ".".join([*parents[:3], *parents[4:], last] if tagged else [*parents, last])
    if len(parents) == 3 and parents[2] == "source":
        key = ".".join(parents)
    match detail["type"]:
        case "missing":
            return f"{key}: missing"
        case "extra_forbidden":
            # A file's own keys before those of how it is written.
            fields = sorted(section.model_fields, key=FileFormat.model_fields.__contains__)
            allowed = ", ".join(fields) or "none"
            return f"{key}: unknown key, found {found!r}, allowed: {allowed}"
        case "union_tag_not_found":
            return f"{key}.type: missing, allowed: {', '.join(SOURCES)}"
        case _:
            return f"{key}: found {found!r}; {message}"


def _explain(path: Path, error: ValidationError) -> str:
    lines = [_line(detail, _section_of(detail["loc"][:-1])) for detail in error.errors()]
    return "\n".join([f"{path}: not a valid configuration", *(f"  {line}" for line in lines)])

"""The configuration file, validated: what is forecast, from which prices, by which models."""

import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import exchange_calendars
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
)

from forecast_assets.errors import ConfigurationError, MissingExtra, UnknownModel
from forecast_assets.models.base import Forecaster
from forecast_assets.models.roster import forecaster_class

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


class Section(BaseModel):
    """A part of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleSource(Section):
    """Real prices that come inside a Python package."""

    type: Literal["sample"]
    name: Literal["wti", "gold"]


class FileSource(Section):
    """CSV or Parquet files with columns date, close and optionally open, high, low, volume."""

    type: Literal["file"]
    path: str = Field(min_length=1, description="File or glob, relative to the configuration.")
    symbol: str | None = Field(
        None, description="Rows to take by the column `commodity`, where it holds several."
    )


SOURCES: dict[str, type[Section]] = {"sample": SampleSource, "file": FileSource}

Source = Annotated[SampleSource | FileSource, Field(discriminator="type")]


class Commodity(Section):
    """One commodity: what a price is counted in, where prices come from, when it trades."""

    unit: str = Field(min_length=1)
    source: Source
    calendar: str | None = Field(
        None, description="A calendar of exchange_calendars; Monday to Friday where it is absent."
    )

    @field_validator("calendar")
    @classmethod
    def _usable_calendar(cls, name: str | None) -> str | None:
        if name is None:
            return None
        known = exchange_calendars.get_calendar_names()
        if name not in known:
            raise ValueError(f"allowed: a name known to exchange_calendars, such as {known[:5]}")
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
        120.0, gt=0, allow_inf_nan=False, description="How long a lock is waited for."
    )


class Settings(Section):
    """The whole configuration file."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: Name
    horizon: int = Field(14, strict=True, ge=1, le=60, description="Sessions ahead.")
    paths: int = Field(2000, strict=True, ge=2, le=100_000, description="Paths a forecast.")
    training: Training
    models: dict[str, Forecaster] = Field(min_length=1)
    commodities: dict[Name, Commodity] = Field(min_length=1)
    artifacts: Artifacts = Artifacts()
    database: Database = Database()

    _folder: Path = PrivateAttr(default=Path())

    @field_validator("models", mode="before")
    @classmethod
    def _roster(cls, entries: Any) -> dict[str, Forecaster]:
        if not isinstance(entries, list):
            # A ValueError, so that pydantic reports it with its key.
            raise ValueError(  # noqa: TRY004
                "allowed: a list of model names or of `name: {option: value}`"
            )
        roster: dict[str, Forecaster] = {}
        for entry in entries:
            name, options = _model_entry(entry)
            if name in roster:
                raise ValueError(f"{name} is listed twice")
            roster[name] = _forecaster(name, options)
        return roster

    @property
    def folder(self) -> Path:
        """The folder that holds the file; relative paths start here."""
        return self._folder

    @property
    def home(self) -> Path:
        """The data folder: ``FORECAST_HOME``, or ``data`` beside the configuration."""
        given = os.environ.get("FORECAST_HOME")
        return expanded(given).resolve() if given else self.folder / "data"

    @property
    def database_path(self) -> Path:
        """The database file. Its name is the catalog of every table in it."""
        return self.home / "commodity.duckdb"

    @property
    def artifacts_url(self) -> str:
        """Where large payloads go; a plain path starts at the configuration's folder."""
        url = self.artifacts.url
        if url is None:
            return (self.home / "artifacts").as_uri()
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
        try:
            text = path.read_text(encoding="utf-8")
            document = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
        except OSError as error:
            raise ConfigurationError(
                f"{path}: {error.strerror}; FORECAST_CONFIG names the configuration file"
            ) from error
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigurationError(f"{path}: not YAML: {error}") from error
        if not isinstance(document, dict):
            raise ConfigurationError(f"{path}: found {document!r}, allowed: a mapping of keys")
        try:
            settings = cls.model_validate(document)
        except ValidationError as error:
            raise ConfigurationError(_explain(path, error)) from error
        settings._folder = path.resolve().parent
        return settings


PARTS: dict[str, type[Section]] = {
    "training": Training,
    "artifacts": Artifacts,
    "database": Database,
}


def load_settings() -> Settings:
    """The configuration that ``FORECAST_CONFIG`` names, or ``forecast.yaml`` in this folder."""
    return Settings.load(configuration_path())


def configuration_path() -> Path:
    """Where the configuration is read from."""
    return expanded(os.environ.get("FORECAST_CONFIG") or "forecast.yaml")


def expanded(path: str) -> Path:
    """A path with ``~`` replaced; an unknown user's is left as it is, and will not be found."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises


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
        return SOURCES[keys[-1]] if len(keys) > 2 else Commodity
    return PARTS[keys[0]]


def _line(detail: Any, section: type[BaseModel]) -> str:
    *parents, last = [str(part) for part in detail["loc"]] or [""]
    found, message = detail["input"], detail["msg"]
    if last == "[key]":
        unquoted = "" if isinstance(found, str) else " (YAML reads it as no text: quote it)"
        return f"{'.'.join(parents[:-1])}: found the name {found!r}{unquoted}; {message}"
    tagged = len(parents) > 3 and parents[2] == "source"  # pydantic puts the source's type in
    key = ".".join([*parents[:3], last] if tagged else [*parents, last])
    match detail["type"]:
        case "missing":
            return f"{key}: missing"
        case "extra_forbidden":
            allowed = ", ".join(section.model_fields) or "none"
            return f"{key}: unknown key, found {found!r}, allowed: {allowed}"
        case "union_tag_not_found":
            return f"{key}.type: missing, allowed: {', '.join(SOURCES)}"
        case _:
            return f"{key}: found {found!r}; {message}"


def _explain(path: Path, error: ValidationError) -> str:
    lines = [_line(detail, _section_of(detail["loc"][:-1])) for detail in error.errors()]
    return "\n".join([f"{path}: not a valid configuration", *(f"  {line}" for line in lines)])


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which the same key twice is an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: list[Any] = []
        for key_node in (key for key, _ in node.value if not key.tag.endswith(":merge")):
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands twice", key_node.start_mark
                )
            seen.append(key)
        return super().construct_mapping(node, deep)

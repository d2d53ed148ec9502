"""The validated configuration file: what is forecast, from which prices, and by which models."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from forecast_assets.configuration.addresses import Address, WebAddress
from forecast_assets.configuration.commodities import SOURCES, Commodity, Covariate, HeardSource
from forecast_assets.configuration.document import read_document
from forecast_assets.configuration.explanations import line_of
from forecast_assets.configuration.file_format import Columns
from forecast_assets.configuration.found import shown
from forecast_assets.configuration.home import (
    DATABASE,
    Places,
    configuration_path,
    expanded,
    local_url,
)
from forecast_assets.configuration.names import Name, alike, as_in_files, meant, valid_name
from forecast_assets.configuration.rosters import roster_of
from forecast_assets.configuration.section import Section
from forecast_assets.configuration.sections import (
    Alerts,
    Artifacts,
    Automation,
    Bounds,
    Calibration,
    Checks,
    Database,
    EmbeddedStore,
    Execution,
    Fetch,
    Landing,
    LandingFormat,
    Owners,
    Parallel,
    Publish,
    RunsKept,
    Tables,
    Training,
)
from forecast_assets.errors import ConfigurationError
from forecast_assets.models.base import Forecaster
from forecast_assets.timeline.scrutiny import Scrutiny
from forecast_assets.timeline.windows import Windows

LONGEST_HORIZON = 60
"""So many sessions ahead are forecast at most: each is a column of the paths."""


class Settings(Section):
    """The whole configuration file."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: Name
    horizon: int = Field(14, strict=True, ge=1, le=LONGEST_HORIZON, description="Sessions ahead.")
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
    bounds: Bounds = Bounds()
    landing: Landing = Landing()
    fetch: Fetch = Fetch()
    automation: Automation = Automation()
    history: RunsKept = RunsKept()
    alerts: Alerts = Alerts()
    artifacts: Artifacts = Artifacts()
    store: Tables = EmbeddedStore()
    database: Database = Database()
    parallel: Parallel = Parallel()
    execution: Execution = Execution()
    owners: Owners = Owners()
    docs_url: WebAddress | None = Field(None, description="Where the folder docs can be read.")

    _file: Path = PrivateAttr(default_factory=configuration_path)

    @field_validator("commodities")
    @classmethod
    def _apart(cls, commodities: dict[str, Commodity]) -> dict[str, Commodity]:
        if same := alike(commodities):
            raise ValueError(
                f"{same[0]} and {same[1]} differ only by case, which not every file system tells"
                " apart; allowed: names that differ otherwise too"
            )
        claimed: dict[str, tuple[str, str]] = {}
        for name, commodity in commodities.items():
            for called in (name, *commodity.landing_symbols):
                other, theirs = claimed.setdefault(as_in_files(called), (name, called))
                if other != name:
                    raise ValueError(
                        f"a dropped file called {called!r} could be of {other}, by"
                        f" {theirs!r}, and of {name}, since case, spaces, '.', '_' and '-' do not"
                        " count there; allowed: names and symbols of landing sources that differ"
                        " otherwise too"
                    )
        return commodities

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
        return roster_of(entries, info.data.get("feature_sets"), info.data.get("horizon"))

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

    @field_validator("execution")
    @classmethod
    def _reachable(cls, execution: Execution, info: ValidationInfo) -> Execution:
        store = info.data.get("store")
        if execution.executor == "celery" and isinstance(store, EmbeddedStore):
            raise ValueError(
                "executor celery, whose workers may be on other machines, while the tables are a"
                " file of this one; allowed: `store: {type: delta, url: ...}`, or another executor"
            )
        return execution

    def covariates_of(self, forecaster: Forecaster, available: Sequence[str]) -> tuple[str, ...]:
        """The covariates that a model uses, in the order of their names; none for most models.

        ``available``: the covariates that the history has. For an ensemble only these count: a
        member that lacks a covariate fails by itself, and the others go on without it.
        """
        if not self.feature_sets:
            return ()
        sets = {part.feature_set for part in forecaster.parts()}
        names = sorted({name for each in sets if each for name in self.feature_sets[each]})
        if forecaster.parts()[0].name == forecaster.name:
            return tuple(names)
        return tuple(name for name in names if name in available)

    def of_run(self, model_version: str | None, models: list[Any] | None) -> Self:
        """These settings with the version and the models of a run, if it has its own.

        Raises ConfigurationError for a run that has its own models but no version of its own, since
        its models would replace those in use.
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
            roster = roster_of(models, self.feature_sets, self.horizon)
        except ValueError as error:
            raise ConfigurationError(f"models: found {models!r}; {error}") from error
        return self.model_copy(update={"model_version": version, "models": roster})

    @property
    def scrutiny(self) -> Scrutiny:
        """The settings that decide which new and revised closes wait for a user."""
        quarantined = [
            name
            for name, commodity in self.commodities.items()
            if isinstance(commodity.source, HeardSource) and commodity.source.quarantine
        ]
        return Scrutiny(self.checks.spike_bound, frozenset(quarantined))

    def bounds_of(self, name: str) -> Bounds:
        """What is plausible of a commodity: its own bounds, and else those of the file."""
        commodity = self.commodities.get(name)
        return self.bounds.overridden_by(commodity.bounds if commodity else None)

    @property
    def windows(self) -> Windows:
        """The windows of the configured cadence: when models are trained and used."""
        return Windows(self.training.cadence, self.training.start)

    @property
    def queues_in_vain(self) -> bool:
        """Whether runs or steps are to work at once, while only one run may write the tables."""
        asked = self.execution
        at_once = asked.executor != "in_process" or asked.one_commodity_a_run
        return at_once and self.store.pool is not None

    @property
    def folder(self) -> Path:
        """The folder of the configuration file, where relative paths start."""
        return self.places.folder

    @property
    def places(self) -> Places:
        """The configuration file, the data folder and Dagster's home."""
        return Places.of(self._file)

    @property
    def home(self) -> Path:
        """The data folder."""
        return self.places.data

    @property
    def database_path(self) -> Path:
        """The database file; SQL clients see its name as the catalog of every table."""
        return self.home / DATABASE

    @property
    def tables_at(self) -> str:
        """Where the tables are: the path of the database file, or a URL."""
        if isinstance(self.store, EmbeddedStore):
            return str(self.database_path)
        found = self._named(self.store.url, "")
        return found if isinstance(found, str) else found.resolve().as_uri()

    @property
    def landing_lock(self) -> Path:
        """The lock file of whoever merges files of the landing folder or moves them."""
        return self.home / ".landing.lock"

    @property
    def read_copy_path(self) -> Path:
        """The copy of the database for programs that only read; SQL sees the same catalog name."""
        return self.database_path.with_suffix(".read.duckdb")

    @property
    def report_path(self) -> Path:
        """The file that the asset ``report`` writes."""
        return self.home / "report.html"

    @property
    def artifacts_url(self) -> str:
        """Where large payloads are stored; a relative path starts at the configuration's folder."""
        return self._address_of(self.artifacts.url, "artifacts")

    @property
    def landing_url(self) -> str:
        """Where files are dropped; a relative path starts at the configuration's folder."""
        return self._address_of(self.landing.url, "landing")

    def _address_of(self, address: Address | None, default: str) -> str:
        """The whole address of a folder; ``default``: its name in the data folder.

        Raises ConfigurationError for a folder that no address can name.
        """
        found = self._named(address, default)
        if isinstance(found, str):
            return found
        if CHAIN in str(found):
            raise ConfigurationError(
                f"{default}.url: {found}: {CHAIN} in the path of a folder makes another of it:"
                f" rename it, or set {default}.url to one without"
            )
        return local_url(found)

    def _named(self, address: Address | None, default: str) -> Path | str:
        """The folder that an address names, or the URL that it is; ``default`` as above."""
        url = "" if address is None else address.get_secret_value()
        if "://" in url:
            return url
        return self.folder / expanded(url) if url else self.home / default

    def version(self, override: str | None) -> str:
        """The model version of a run: its own, or the configuration's."""
        if override is None:
            return self.model_version
        try:
            version = valid_name(override)
        except ConfigurationError as error:
            raise ConfigurationError(f"model_version: {error}") from error
        require_apart(version, [self.model_version])
        return version

    def commodity(self, name: str) -> Commodity:
        """The settings of one commodity. Raises ConfigurationError, which lists all, without it."""
        if name not in self.commodities:
            raise ConfigurationError(
                f"commodity: found {shown(name)}, allowed: {', '.join(self.commodities)}"
                f"{meant(name, self.commodities)}"
            )
        return self.commodities[name]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and validate a configuration file. Raises ConfigurationError."""
        document = read_document(path)
        try:
            settings = cls.model_validate(document)
        except ValidationError as error:
            raise ConfigurationError(*_explain(path, error)) from None  # it holds secrets
        settings._file = path.absolute()
        settings.require_addresses()
        return settings

    def require_addresses(self) -> None:
        """Raise ConfigurationError if landing folder or artifacts are where no address leads."""
        for address, default in ((self.landing.url, "landing"), (self.artifacts.url, "artifacts")):
            self._address_of(address, default)


def require_apart(version: str, known: Iterable[str]) -> None:
    """Raise ConfigurationError if a model version differs from a known one only by case."""
    for other in known:
        if alike([other, version]):
            raise ConfigurationError(
                f"model_version: found {version!r}, which differs from {other} only by case, and"
                f" not every file system tells them apart; allowed: {other}, or another name"
            )


CHAIN = "::"
"""What separates file systems within file systems in an address, as fsspec reads it."""

MOST_MISTAKES = 50
"""An error shows at most so many mistakes of a file."""

PARTS: dict[str, type[Section]] = {
    key: field.annotation
    for key, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}
"""The sections of a configuration that are mappings of known keys."""


def load_settings() -> Settings:
    """The configuration that ``FORECAST_CONFIG`` names, or ``forecast.yaml`` in this folder."""
    return Settings.load(configuration_path())


def _section_of(keys: tuple[Any, ...]) -> type[BaseModel]:
    """The class of the section that contains a key with these parents."""
    if not keys:
        return Settings
    if keys[0] == "commodities":
        if len(keys) <= 2:
            return Commodity
        if keys[2] == "bounds":
            return Bounds
        if keys[2] != "source":
            return Columns if keys[-1] == "columns" else Covariate
        return Columns if keys[-1] == "columns" else SOURCES.get(keys[-1], Commodity)
    if keys[:2] == ("landing", "formats"):
        return Columns if keys[-1] == "columns" else LandingFormat
    return PARTS.get(keys[0], Settings)


def _explain(path: Path, error: ValidationError) -> Iterator[str]:
    """A line for each mistake, after one that names the file."""
    details = error.errors(include_url=False)
    yield f"{path}: not a valid configuration"
    for detail in details[:MOST_MISTAKES]:
        yield f"  {line_of(detail, _section_of(detail['loc'][:-1]))}"
    if len(details) > MOST_MISTAKES:
        yield f"  and {len(details) - MOST_MISTAKES} more"

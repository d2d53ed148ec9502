"""Commodities: their sources, covariates and calendars."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from forecast_assets.configuration.file_format import FileFormat
from forecast_assets.configuration.names import Line, Name, TimeZone, meant
from forecast_assets.configuration.section import Section
from forecast_assets.configuration.sections import Bounds
from forecast_assets.models.tick import Tick
from forecast_assets.timeline.sessions import FROM_DATA

EXAMPLES = ("COMEX", "NYMEX", "ICEUS", "XLON")
"""Calendars that an error names as examples if the given name resembles none."""


class SampleSource(Section):
    """Real prices that are part of an installed Python package."""

    type: Literal["sample"]
    name: Literal["wti", "gold"]


class HeardSource(Section):
    """A source of new prices, which may be wrong; samples are not of this kind."""

    quarantine: bool = Field(
        False,
        strict=True,
        description="Hold a new close beyond `checks.spike_bound` until somebody accepts it.",
    )


class RowKeys(HeardSource):
    """How rows of files are interpreted: time zone, several rows a day, weekends, future days."""

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


SOURCES: dict[str, type[Section]] = {
    "sample": SampleSource,
    "file": FileSource,
    "landing": LandingSource,
    "yahoo": YahooSource,
    "fred": FredSource,
}


StoredSource = SampleSource | FileSource | LandingSource
"""Sources that are read from this machine; all others are services on the internet."""


Source = Annotated[
    SampleSource | FileSource | LandingSource | YahooSource | FredSource,
    Field(discriminator="type"),
]


Aggregate = Literal["mean", "weighted", "first"]
"""How the values of a day's regions are combined into one."""


class Covariate(FileFormat):
    """A series beside the prices, from CSV or Parquet files by date, or by date and region."""

    path: str = Field(min_length=1, description="File or glob, relative to the configuration.")
    column: str = Field(min_length=1, description="The column that holds the values.")
    unit: Line | Literal[""] = Field("", description="What a value is counted in; shown on axes.")
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
    weights: dict[str, Annotated[float, Field(gt=1e-9, lt=1e9)]] | None = Field(
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
    """One commodity: its unit, the sources of its prices and covariates, and when it trades."""

    unit: Line
    source: Source
    calendar: str = Field(
        FROM_DATA, description="A calendar of exchange_calendars, or the data's own weekdays."
    )
    covariates: dict[Name, Covariate] = Field(default={}, description="Series beside the prices.")
    bounds: Bounds | None = Field(None, description="What is plausible, where it differs.")
    tick: Tick | None = Field(
        None, description="The step of its prices, to which paths are rounded; none by default."
    )

    @property
    def landing_symbols(self) -> tuple[str, ...]:
        """What only dropped files call it, besides its name: one symbol, or none."""
        symbol = self.source.symbol if isinstance(self.source, LandingSource) else None
        return (symbol,) if symbol else ()

    @field_validator("calendar")
    @classmethod
    def _usable_calendar(cls, name: str) -> str:
        if name == FROM_DATA:
            return name
        import exchange_calendars  # with pandas, a second that most configurations do not need

        known = exchange_calendars.get_calendar_names()
        such_as = f", such as {', '.join(EXAMPLES)}"
        if name not in known:
            raise ValueError(
                f"allowed: {FROM_DATA}, or a name known to exchange_calendars"
                f"{meant(name, [FROM_DATA, *known]) or such_as}"
            )
        try:
            exchange_calendars.get_calendar(name)
        except (NotImplementedError, ValueError) as error:
            raise ValueError(f"exchange_calendars cannot build it: {error}") from error
        return name

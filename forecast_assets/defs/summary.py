"""The summary of a command: what it did for each commodity, added up from its results."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from forecast_assets.automation.results import (
    PricesLanded,
    PricesRead,
    Result,
    WindowForecast,
    WindowScored,
    WindowTrained,
)
from forecast_assets.defs.progress import spoken

UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass
class Summary:
    """What was done for one commodity.

    ``drawn``: how many forecasts (one model, one origin) were drawn; ``redrawn`` and ``reissued``
    are parts of them. ``kept``: how many forecasts of the same windows were left as they are.
    ``outcomes``: how many cutoffs have a newly known session; a cutoff counts once, for any number
    of models and sessions. ``begun``: whether its work was begun. ``failed``: whether any of it
    failed.
    """

    commodity: str
    files: int = 0
    added: int = 0
    revised: int = 0
    withdrawn: int = 0
    windows: int = 0
    models: int = 0
    drawn: int = 0
    redrawn: int = 0
    reissued: int = 0
    kept: int = 0
    outcomes: int = 0
    scored: int = 0
    seconds: float = 0.0
    begun: bool = False
    failed: bool = False

    @property
    def nothing_done(self) -> bool:
        """Whether nothing was written for the commodity."""
        done = [getattr(self, each.name) for each in fields(self) if each.type is int]
        return not sum(done) - self.kept

    def add_prices(self, read: PricesRead) -> None:
        """Add what changed in the prices."""
        self.files += read.files if isinstance(read, PricesLanded) else 0
        self.added += read.changes.added
        self.revised += read.changes.revised
        self.withdrawn += read.changes.withdrawn

    def add_training(self, trained: WindowTrained) -> None:
        """Add the models of a window."""
        self.models += len(trained.fitted)
        self.windows += bool(trained.fitted)

    def add_forecasts(self, forecast: WindowForecast) -> None:
        """Add the forecasts of a window."""
        self.drawn += forecast.drawn
        self.redrawn += forecast.redrawn
        self.reissued += len(forecast.reissues)
        self.kept += forecast.kept
        self.outcomes += forecast.outcomes

    def line(self) -> str:
        """The summary in one line, without what was not done."""
        if not self.begun and self.nothing_done:
            return f"{self.commodity}: not begun"
        if self.nothing_done and not self.kept:
            said = "nothing was done" if self.failed else "nothing was due"
        else:
            said = ", ".join(part for part in self._parts() if part)
        return f"{self.commodity}: {said}; {spoken(self.seconds)}"

    def _parts(self) -> Iterable[str]:
        yield counted(self.files, "file landed", "files landed")
        yield counted(self.added, "new session", "new sessions")
        yield counted(self.revised, "session revised", "sessions revised")
        yield counted(self.withdrawn, "session withdrawn", "sessions withdrawn")
        models = counted(self.models, "model", "models")
        yield counted(self.windows, "window trained", "windows trained", models)
        yield counted(self.drawn, "forecast drawn", "forecasts drawn")
        yield self._again()
        yield counted(self.kept, "forecast kept", "forecasts kept")
        yield counted(self.outcomes, "outcome joined", "outcomes joined", "one a date")
        yield counted(self.scored, "forecast scored", "forecasts scored")

    def _again(self) -> str:
        """How many drawn forecasts were reissued, and how many redrawn for another reason."""
        kinds = ((self.redrawn - self.reissued, "redrawn"), (self.reissued, "reissued"))
        said = [f"{number:,} of them {word}" for number, word in kinds if number > 0]
        return " and ".join(said)


@dataclass
class Summaries:
    """The summaries of all commodities of a command, by name."""

    commodities: dict[str, Summary] = field(default_factory=dict)

    def of(self, name: str) -> Summary:
        """The summary of a commodity."""
        return self.commodities.setdefault(name, Summary(name))

    def add(self, results: Iterable[Result]) -> None:
        """Add results to the summaries; results that are not about one commodity are ignored."""
        for result in results:
            match result:
                case PricesRead():
                    self.of(result.commodity).add_prices(result)
                case WindowTrained():
                    self.of(result.window.commodity).add_training(result)
                case WindowForecast():
                    self.of(result.window.commodity).add_forecasts(result)
                case WindowScored():
                    self.of(result.window.commodity).scored += result.scored


def counted(number: int, one: str, many: str, beside: str = "") -> str:
    """A number with its noun and a remark, ``beside``, in parentheses; empty for zero."""
    if not number:
        return ""
    return f"{number:,} {one if number == 1 else many}" + (f" ({beside})" if beside else "")


def spoken_bytes(size: float) -> str:
    """A size on disk with three digits and a unit: ``1.23 GB``."""
    for unit in UNITS:
        if abs(size) < 999.5 or unit == UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == UNITS[0] else f"{size:.3g} {unit}"
        size /= 1000
    raise AssertionError("the last unit takes all")

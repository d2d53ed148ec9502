"""Descriptions: what the UI shows of a committed partition, and the basis of its data version.

A description is made from the partition's result and from what the tables hold of it now.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from forecast_assets.automation.freshness import price_age
from forecast_assets.automation.results import (
    FeaturesJoined,
    Model,
    PricesRead,
    Result,
    WindowForecast,
    WindowScored,
    WindowTrained,
)
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.after_commit import Metadata
from forecast_assets.defs.metadata import (
    ROWS,
    by_version,
    fans_table,
    of_features,
    of_forecasts,
    of_prices,
    of_scores,
    of_training,
    of_versions,
    scores_table,
)
from forecast_assets.defs.resources import StoreResource
from forecast_assets.report import plots
from forecast_assets.store.contract import HeldVersion, Store
from forecast_assets.store.frames import frame
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window

Described = TypeVar("Described", bound=Result, contravariant=True)

Draw = Callable[[], str | None]
"""A function that draws a picture as Markdown from the tables; None if there is nothing to draw."""


def nothing_to_see() -> None:
    """The picture of a partition that has none."""


@dataclass(frozen=True)
class Description(ABC, Generic[Described]):
    """Describes the partitions of an asset, from results of one class."""

    settings: Settings
    store: StoreResource

    @property
    def tables(self) -> Store:
        """The tables."""
        return self.store.tables()

    @abstractmethod
    def metadata(self, result: Described) -> Metadata:
        """What was done in a partition and what it holds now; a table comes first, if any."""

    def in_part(self, result: Described) -> Metadata | None:
        """What was committed of a partition that failed in part; None if nothing was."""
        return None

    def picture(self, result: Described) -> Draw:
        """A function that draws a picture of a partition, for later use."""
        return nothing_to_see

    def history(self, result: Described) -> History | None:
        """The history that gives the data version; None if the contents give it."""
        return None

    def contents(self, result: Described) -> str | None:
        """The fingerprint of a partition's contents; None if its history gives the version."""
        return None


class PriceDescription(Description[PricesRead]):
    """The prices of a commodity."""

    def metadata(self, result: PricesRead) -> Metadata:
        """What the source held, and what changed."""
        return of_prices(result, self.settings.commodity(result.commodity).unit)

    def picture(self, result: PricesRead) -> Draw:
        """All closes."""
        name, unit = result.commodity, self.settings.commodity(result.commodity).unit
        return lambda: plots.price_plot(self.tables.prices.history(name), unit)

    def history(self, result: PricesRead) -> History:
        """The closes."""
        return result.history


class FeatureDescription(Description[FeaturesJoined]):
    """The covariates of a commodity."""

    def metadata(self, result: FeaturesJoined) -> Metadata:
        """What is known of each covariate, and what changed."""
        return of_features(result, self._units(result.commodity))

    def picture(self, result: FeaturesJoined) -> Draw:
        """Each covariate as it is stored."""
        name = result.commodity

        def draw() -> str | None:
            history = self._stored(name)
            return plots.feature_plot(history, self._units(name)) if history.feature_names else None

        return draw

    def history(self, result: FeaturesJoined) -> History:
        """The closes with the covariates."""
        return self._stored(result.commodity)

    def _stored(self, commodity: str) -> History:
        return self.tables.features.read(self.tables.prices.history(commodity))

    def _units(self, commodity: str) -> dict[str, str]:
        covariates = self.settings.commodity(commodity).covariates
        return {name: covariate.unit for name, covariate in covariates.items()}


@dataclass(frozen=True)
class _WindowDescription(Description[Described]):
    """Describes a window: first the model version in use, then that of the run.

    ``differences``: what the configuration says otherwise than what the run's version means.
    """

    differences: Sequence[str] = ()

    @property
    def differing(self) -> Metadata:
        """The differences, if there are any."""
        said = "; ".join(self.differences)
        return {"configured_otherwise": said} if said else {}

    @property
    def in_use(self) -> str:
        """The configuration's model version."""
        return self.settings.model_version

    def unit(self, commodity: str) -> str:
        """The unit of a commodity's price."""
        return self.settings.commodity(commodity).unit

    def held(self, window: Window) -> list[HeldVersion]:
        """What each version has in a window."""
        return self.tables.versions.held(window.commodity, window.partition_date, window.end)

    def dates(self, window: Window, model_version: str) -> dict[str, date]:
        """The training date of each version that is shown for a window."""
        return {self.in_use: window.partition_date} | {model_version: window.training_date}


class TrainingDescription(_WindowDescription[WindowTrained]):
    """The models of a window."""

    def metadata(self, result: WindowTrained) -> Metadata:
        """The models that the window has, and those that it lacks."""
        window, in_use = result.window, []
        if result.model_version != self.in_use:
            in_use = self.tables.models.find(
                window.commodity,
                training_date=window.partition_date,
                model_version=self.in_use,
            )
        described = of_training(result, [Model.of(row) for row in in_use])
        return described | of_versions(self.held(window), self.in_use) | self.differing

    def contents(self, result: WindowTrained) -> str:
        """The fingerprint of the active models."""
        window = result.window
        return self.tables.contents.models(window.commodity, window.partition_date, window.end)


class ForecastDescription(_WindowDescription[WindowForecast]):
    """The forecasts of a window."""

    def metadata(self, result: WindowForecast) -> Metadata:
        """The newest forecasts, what was drawn, and every version."""
        described = of_forecasts(result) | self._old(result)
        versions = self._versions(result, described)
        return self._newest(result) | described | versions | self.differing

    def in_part(self, result: WindowForecast) -> Metadata:
        """The forecasts of the models that did not fail."""
        return of_forecasts(result)

    def contents(self, result: WindowForecast) -> str:
        """The fingerprint of the forecasts."""
        window = result.window
        return self.tables.contents.forecasts(window.commodity, window.partition_date, window.end)

    def picture(self, result: WindowForecast) -> Draw:
        """The newest forecast of each model, of the version in use if it has any."""
        name, day = result.window.commodity, result.window.partition_date
        versions = (self.in_use, result.model_version)

        def draw() -> str | None:
            for version in versions:
                if fans := self.tables.paths.newest(name, day, version):
                    return plots.fan_chart(self.tables.prices.history(name), fans, self.unit(name))
            return None

        return draw

    def _old(self, result: WindowForecast) -> Metadata:
        """How old the newest price is, if it is old."""
        found = price_age(self.settings, result.history, now().date())
        return {"old": "; ".join(each.found for each in found)} if found else {}

    def _newest(self, result: WindowForecast) -> Metadata:
        """The newest forecasts of the version in use and then of the run's."""
        name, dates = result.window.commodity, self.dates(result.window, result.model_version)
        fans = {
            version: self.tables.paths.newest(name, day, version) for version, day in dates.items()
        }
        if not any(fans.values()):
            return {}
        tables = {
            version: fans_table(result.history, some, self.unit(name))
            for version, some in fans.items()
        }
        return by_version("newest_forecast", tables)

    def _versions(self, result: WindowForecast, described: Metadata) -> Metadata:
        """All versions of the window, and the paths of the one in use."""
        held, rows = self.held(result.window), described[ROWS]
        if result.model_version != self.in_use:
            paths = {each.model_version: each.paths for each in held}
            rows = paths.get(self.in_use) or rows
        return of_versions(held, self.in_use) | {ROWS: rows}


class ScoreDescription(_WindowDescription[WindowScored]):
    """The scores of a window."""

    def metadata(self, result: WindowScored) -> Metadata:
        """The scores of each model, what was scored, and every version."""
        window = result.window
        frames = {
            version: frame(self.tables.scores.read(window.commodity, [day], version))
            for version, day in self.dates(window, result.model_version).items()
        }
        in_use, unit = frames[self.in_use], self.unit(window.commodity)
        shown = in_use if len(in_use) else frames[result.model_version]
        tables = {version: scores_table(frame, unit) for version, frame in frames.items()}
        return (
            by_version("scores", tables)
            | of_scores(result, shown)
            | of_versions(self.held(window), self.in_use)
        )

    def contents(self, result: WindowScored) -> str:
        """The fingerprint of the scores."""
        window = result.window
        return self.tables.contents.scores(window.commodity, window.partition_date, window.end)

    def picture(self, result: WindowScored) -> Draw:
        """CRPS and coverage of each model by session ahead, of the version in use if it has any."""
        name, day = result.window.commodity, result.window.partition_date
        versions = (self.in_use, result.model_version)

        def draw() -> str | None:
            for version in versions:
                held = frame(self.tables.scores.read(name, [day], version))
                if len(held):
                    return plots.score_plot(held, self.unit(name))
            return None

        return draw

"""The state of a commodity: what the tables hold of it, and the work that is due for it.

Work is due when the tables lack something that they should hold, or hold something made from other
inputs. Nothing else is remembered. The plan, not this state, leaves out what was tried already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from forecast_assets.automation.due import (
    Ledger,
    due_windows,
    missing_forecasts,
    missing_models,
    undue,
    windows_to_correct,
    windows_without_scores,
)
from forecast_assets.automation.scope import Scope
from forecast_assets.automation.work import LOAD, STAGES, Piece, Work, signature
from forecast_assets.configuration.commodities import Covariate, LandingSource
from forecast_assets.configuration.settings import Settings
from forecast_assets.configuration.version_meaning import values_of
from forecast_assets.evaluation.scored_forecasts import ScoredForecasts
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import RecordedFailure, TrainedModel
from forecast_assets.forecast.training import not_due
from forecast_assets.store.contract import Store
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window


@dataclass(frozen=True, eq=False)
class Held:
    """Rows of a commodity and version, as they are at one moment.

    ``history``: with covariates. ``superseded``: how many forecasts were replaced so far, by
    training date.
    """

    history: History
    models: list[TrainedModel]
    issued: IssuedForecasts
    scored: ScoredForecasts
    failures: list[RecordedFailure]
    superseded: dict[date, int]


@dataclass(frozen=True)
class CommodityState:
    """What the tables hold of one commodity, and what is due for it.

    ``settings``: with the model version to plan for. ``begun``: the commodity's windows that have
    begun. ``name``: the commodity.
    """

    settings: Settings
    models: ModelStore
    begun: list[Window]
    name: str
    scope: Scope

    @property
    def store(self) -> Store:
        """The tables."""
        return self.models.store

    @cached_property
    def windows(self) -> list[Window]:
        """The windows to train and forecast, of those that have begun."""
        return self.scope.windows(self.begun)

    @cached_property
    def held(self) -> "Held":
        """The rows that all work after the loading is planned by."""
        version, store = self.settings.model_version, self.store
        with store.reading():  # opens the tables once
            return Held(
                history=store.features.read(self.history),
                models=store.models.find(self.name, model_version=version),
                issued=store.paths.issued(self.name, version),
                scored=store.scores.scored(self.name, version),
                failures=store.failures.find(self.name, version),
                superseded=store.paths.superseded(self.name, version),
            )

    @cached_property
    def history(self) -> History:
        """The stored closes of the commodity."""
        return self.store.prices.history(self.name)

    @cached_property
    def ledger(self) -> Ledger:
        """The commodity's history with covariates, its models and its forecasts."""
        held = self.held
        return Ledger(held.history, self.models.intact(held.models), held.issued)

    @cached_property
    def declines(self) -> dict[tuple[str, object], dict[str, RecordedFailure]]:
        """What models declined, by stage and training date."""
        found: dict[tuple[str, object], dict[str, RecordedFailure]] = {}
        for row in self.held.failures:
            if row.declined:
                found.setdefault((row.stage, row.training_date), {})[row.model_name] = row
        return found

    @property
    def idle(self) -> str:
        """Why nothing is due, as a text for users."""
        if len(self.history) == 0:
            return "no price has landed yet"
        if not self.windows:
            return f"nothing due until {self.settings.training.start}"
        if reason := undue(self.settings, self.windows, self.history):
            return reason.removeprefix(f"{self.name}: ")
        if not_due(self.settings, self.windows[-1], self.history) is None:
            return f"nothing due until {self.windows[-1].end} or a new price"
        return f"nothing due until a price after {self.history.newest}"

    def before_windows(self) -> list[Piece]:
        """The loading of prices if there are none yet, or of covariates that are due.

        Covariates are due if sessions lack them, or if they were read otherwise than they are to
        be, which a version may have changed.
        """
        commodity = self.settings.commodity(self.name)
        if len(self.history) == 0:
            if isinstance(commodity.source, LandingSource):
                return []
            work = Work(f"prices {self.name}", signature(commodity.source.model_dump_json()))
            return [Piece(work, self.name, LOAD)]
        if not commodity.covariates or self._joined(commodity.covariates):
            return []
        made_from = signature(self.history.fingerprint, commodity.model_dump_json())
        return [Piece(Work(f"features {self.name}", made_from), self.name, LOAD[1:])]

    def _joined(self, covariates: Mapping[str, Covariate]) -> bool:
        """Whether all sessions have these covariates, read as they are to be."""
        with self.store.reading():
            features = self.store.features
            joined, read_as = features.sessions(self.name), features.read_as(self.name)
        return all(
            joined.get(name) == len(self.history) and read_as.get(name) == values_of(covariate)
            for name, covariate in covariates.items()
        )

    def lacking(self) -> Iterator[Piece]:
        """The trainings and forecasts that windows lack."""
        if len(self.history) == 0:
            return
        recompute = self.scope.recompute
        for window in due_windows(self.settings, self.windows, self.history):
            models = dict.fromkeys(missing_models(self.settings, window, self.ledger), 0)
            if models:
                declined = self._declined(window, "train", models)
                train, forecast = (self._piece(window, stage) for stage in ("train", "forecast"))
                yield replace(train, also=(forecast.work,), declined=declined)
            lacking = missing_forecasts(self.settings, window, self.ledger, recompute=recompute)
            if lacking:
                declined = self._declined(window, "forecast", lacking)
                yield replace(self._piece(window, "forecast"), declined=declined)

    def corrections(self) -> Iterator[Piece]:
        """A forecast run that corrects stored forecasts, if any needs a start, outcome or deletion.

        Every forecast run of the commodity makes these corrections, so this piece is needed only
        when no other forecast is due.
        """
        if len(self.history):
            for window in windows_to_correct(self.settings, self.windows, self.ledger):
                yield self._piece(window, "forecast")

    def unscored(self) -> Iterator[Piece]:
        """The windows with scores to write or to delete."""
        if len(self.history) == 0:
            return
        held = self.held
        for window in windows_without_scores(
            self.settings, self.begun, self.history, held.issued, held.scored
        ):
            yield self._piece(window, "score")

    def _declined(self, window: Window, stage: str, missing: dict[str, int]) -> bool:
        """Whether the models have already declined every missing model or forecast."""
        known = self.declines.get((stage, window.training_date), {})
        return all(name in known and known[name].origins == n for name, n in missing.items())

    def _piece(self, window: Window, stage: str) -> Piece:
        work = Work(f"{stage} {window.key}", self._made_from(window, stage))
        return Piece(work, self.name, (STAGES[stage],), window)

    def _made_from(self, window: Window, stage: str) -> str:
        history, version = self.ledger.history, self.settings.model_version
        if stage == "score":
            drawn = self.held.issued.drawn_at
            newest = drawn.max().item() if len(drawn) else None
            return signature(version, history.fingerprint, len(drawn), newest)
        roster = [each.model_dump_json() for each in self.settings.models.values()]
        known = history.known_before(window.training_date)
        trained_on = known.fingerprint if len(known) else ""
        tick = self.settings.commodity(self.name).tick
        made_from = (version, window.training_date.isoformat(), roster, tick, trained_on)
        if stage == "train":
            return signature(*made_from)
        last = window.key == self.begun[-1].key
        seen = history if last else history.known_before(window.end)
        # Inputs repeat when a price is revised and restored, but each time a forecast is replaced.
        said_before = self.held.superseded.get(window.training_date, 0)
        asked = (self.settings.paths, said_before, self.scope.recompute)
        return signature(*made_from, seen.fingerprint, *asked)

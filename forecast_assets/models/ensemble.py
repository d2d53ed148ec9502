"""A linear pool: each path is drawn from one of several models, chosen by weight.

Stone (1961). The weights minimise the mean CRPS on a hold-out of the history before the training
date; the CRPS of a pool is a quadratic form in its weights. A pool of calibrated members is too
wide (Gneiting and Ranjan 2013), so its paths are recalibrated unless the option is off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializeAsAny, field_validator, model_validator

from forecast_assets.errors import CannotFit, PayloadCorrupted
from forecast_assets.models.arima_auto import ArimaAuto
from forecast_assets.models.base import (
    FitMetrics,
    FittedForecaster,
    Forecaster,
    ModelState,
    require_no_declined,
)
from forecast_assets.models.elements.pool import crps_form, least_crps, pooled, slots
from forecast_assets.models.ets import Ets
from forecast_assets.models.garch import Garch
from forecast_assets.models.hold_out import Trial
from forecast_assets.models.naive import Naive
from forecast_assets.models.reverting_volatility import RevertingVolatility
from forecast_assets.models.saved import SavedState, Share, checked
from forecast_assets.models.simulation import Seeds, seed_of
from forecast_assets.timeline.history import History

EQUAL = "equal weights, not recalibrated: the history has no hold-out, or every trial on it failed"

MOST_MEMBERS = 50
"""Most members of a pool."""

WEIGHTS_OFF = 1e-6
"""By how much the sum of weights may differ from 1."""

LEAST_KNOWN = 0.8
"""A member must have forecast this share of the hold-out to have a weight.

Weights are estimated on the origins that all members have forecast.
"""


class SavedEnsemble(SavedState):
    """The state of a pool: a weight for each member, and the members as they are saved alone."""

    weights: dict[str, Share]
    members: Annotated[dict[str, dict[str, Any]], Field(min_length=1, max_length=MOST_MEMBERS)]

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.weights.keys() != self.members.keys():
            raise ValueError("the weights are not of the members")
        if abs(sum(self.weights.values()) - 1) > WEIGHTS_OFF:
            raise ValueError(f"the weights add up to {sum(self.weights.values()):.6g}")
        if FittedEnsemble.name in self.members:
            raise ValueError("a member is an ensemble")
        return self


@dataclass(frozen=True, kw_only=True)
class FittedEnsemble(FittedForecaster):
    """A fitted pool: its members by name, and their weights, which add up to 1."""

    name: ClassVar[str] = "ensemble"

    members: Mapping[str, FittedForecaster]
    weights: Mapping[str, float]

    @property
    def parameters(self) -> dict[str, float]:
        """The weight of each member."""
        return {f"weight_{name}": weight for name, weight in self.weights.items()}

    @property
    def covariates(self) -> tuple[str, ...]:
        """The covariates that any member needs."""
        needed = {name for member in self.members.values() for name in member.covariates}
        return tuple(sorted(needed))

    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """The origins that all members decline."""
        reasons = [member.declined(history, origins) for member in self.members.values()]
        nobodys = [day for day in origins if all(day in declined for declined in reasons)]
        return {day: f"every member declined it: {reasons[0][day]}" for day in nobodys}

    def draw(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw price paths, shape (n_origins, n_paths, horizon).

        If a member declines an origin, the others draw its paths in proportion to their weights.
        """
        require_no_declined(self, history, origins)
        refused = [member.declined(history, origins) for member in self.members.values()]
        able = np.array([[day not in declined for declined in refused] for day in origins])
        paths = np.empty((len(origins), horizon, n_paths), dtype=np.float32)
        for pattern in np.unique(able, axis=0):
            rows = np.flatnonzero((able == pattern).all(axis=1))
            some, their_seeds = [origins[row] for row in rows], [seeds[int(row)] for row in rows]
            for name, places in self._slots(pattern, n_paths).items():
                drawn = self.members[name].simulate(
                    history,
                    some,
                    horizon=horizon,
                    n_paths=len(places),
                    seeds=[seed_of(name, str(seed.entropy)) for seed in their_seeds],
                )
                paths[np.ix_(rows, np.arange(horizon), places)] = drawn.transpose(0, 2, 1)
        return paths.transpose(0, 2, 1)

    def _slots(self, able: NDArray[np.bool_], n_paths: int) -> dict[str, NDArray[np.intp]]:
        """Which paths each able member draws; members that draw none are left out."""
        names = [name for name, is_able in zip(self.members, able, strict=True) if is_able]
        weights = np.array([self.weights[name] for name in names])
        if not weights.any():
            weights = np.ones(len(names))
        shared = zip(names, slots(weights, n_paths), strict=True)
        return {name: places for name, places in shared if len(places)}

    def state(self) -> ModelState:
        """The weights, and the members in the form in which they are saved alone."""
        from forecast_assets.models import roster  # imported here, as the roster imports this class

        members = {name: roster.dump(member) for name, member in self.members.items()}
        return {"weights": dict(self.weights), "members": members}

    @classmethod
    def from_state(cls, state: ModelState) -> Self:
        """Rebuild from ``state()``. No member is an ensemble, so that pools do not nest."""
        from forecast_assets.models import roster

        found = checked(SavedEnsemble, state, f"{cls.name}: its state")
        members = {name: roster.load(saved) for name, saved in found.members.items()}
        for name, member in members.items():
            if member.name != name:
                raise PayloadCorrupted(f"{cls.name}: its member {name!r} is a model {member.name}")
        return cls(members=members, weights=found.weights)


def by_name(*models: Forecaster) -> dict[str, Forecaster]:
    """These models by their names."""
    return {model.name: model for model in models}


class Ensemble(Forecaster):
    """A linear pool of other models; a hold-out gives its weights and its stretch."""

    name: ClassVar[str] = "ensemble"
    fitted = FittedEnsemble
    positive_only: ClassVar[bool] = False

    recalibrate: bool = Field(
        True, description="Stretch the paths by what the pool's coverage was on the hold-out."
    )
    members: dict[str, SerializeAsAny[Forecaster]] = Field(
        default_factory=lambda: by_name(
            Naive(), ArimaAuto(), Ets(), Garch(), RevertingVolatility()
        ),
        description="Models that are pooled; all others of the configuration by default.",
    )

    @field_validator("members")
    @classmethod
    def _plain(cls, members: dict[str, Forecaster]) -> dict[str, Forecaster]:
        if cls.name in members:
            raise ValueError("allowed: other models")
        return {name: member.plain() for name, member in members.items()}

    @staticmethod
    def of_all(members: Mapping[str, Forecaster], **options: Any) -> "Ensemble":
        """The pool of all other models of a roster, for an entry that names no members."""
        pool = Ensemble(members=dict(members), **options)
        return Ensemble.model_construct(pool.model_fields_set - {"members"}, **dict(pool))

    @property
    def takes_all(self) -> bool:
        """Whether its members are all others of a roster, and not those that an entry names."""
        return "members" not in self.model_fields_set

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedForecaster:
        """Fit all members and assemble them; ``start`` is not used."""
        return self.fit(history)

    def parts(self) -> tuple[Forecaster, ...]:
        """The members, which are estimated on the whole history."""
        return tuple(self.members.values())

    def tried(self) -> tuple[Forecaster, ...]:
        """The members, which are tried on the hold-out."""
        return tuple(self.members.values())

    def assemble(
        self,
        estimated: Mapping[Forecaster, FittedForecaster],
        trials: Mapping[Forecaster, Trial],
    ) -> FittedEnsemble:
        """Weight the members that could be fitted; equally if there was no hold-out.

        If only some members could be tried on the hold-out, the others have weight zero. Raises
        CannotFit if no member could be fitted, or if no origin was forecast by all tried members.
        """
        members = {
            name: estimated[self.members[name]]
            for name in sorted(self.members)  # the order in saved JSON
            if self.members[name] in estimated
        }
        if not members:
            raise CannotFit("no member could be fitted")
        tests = {
            name: trials[self.members[name]]
            for name in members
            if self.members[name] in trials
            and trials[self.members[name]].known.mean() >= LEAST_KNOWN
        }
        if not tests:
            return FittedEnsemble(
                members=members,
                weights=dict.fromkeys(members, 1 / len(members)),
                metrics=self._lacking(members, EQUAL),
            )
        known = np.all([test.known for test in tests.values()], axis=0)
        if not known.any():
            raise CannotFit("no origin of the hold-out that every member forecast from")
        sessions = min(test.outcomes.shape[1] for test in tests.values())
        some = [
            Trial(test.quantiles[known, :sessions], test.outcomes[known, :sessions])
            for test in tests.values()
        ]
        found = least_crps(crps_form(some))
        return FittedEnsemble(
            members=members,
            weights=dict.fromkeys(members, 0.0) | dict(zip(tests, found.tolist(), strict=True)),
            stretch=pooled(some, found).stretch() if self.recalibrate else (),
            metrics=self._lacking(tests),
        )

    def _lacking(self, weighed: Mapping[str, object], *notes: str) -> FitMetrics:
        """Metrics with the notes, and with a warning for each member without a weight."""
        absent = sorted(self.members.keys() - weighed.keys())
        return FitMetrics(warnings=(*notes, *(f"no weight: {name} failed" for name in absent)))

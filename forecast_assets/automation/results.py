"""What came of a run, a result for each piece of its work.

Metadata, the summary of a terminal and what it tells as a problem are all made from these. A
result is small, so that those of a long run can be kept: it has counts and words, and no paths.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from forecast_assets.evaluation.assessment import Assessment
from forecast_assets.evaluation.records import Publication, PublicationChanges
from forecast_assets.forecast.forecasting import Forecasting, Reissue, lines_of
from forecast_assets.forecast.records import ModelFailure, TrainedModel
from forecast_assets.forecast.training import Training
from forecast_assets.market.features import Features
from forecast_assets.market.observations import Observations
from forecast_assets.market.reception import Received
from forecast_assets.market.records import FeatureChanges, PriceChanges
from forecast_assets.market.refusals import Refused
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window


class Result:
    """What came of one piece of work; each kind says more."""

    @property
    def notes(self) -> list[str]:
        """What a reader should know although nothing failed, a line each."""
        return []

    @property
    def problems(self) -> list[str]:
        """What somebody must mend although nothing failed in the run itself, a line each."""
        return []

    @property
    def broken(self) -> str:
        """Why the partition fails though the rest of it is committed; empty where it does not."""
        return ""


@dataclass(frozen=True, eq=False)
class PricesRead(Result):
    """What a source held of a commodity, what changed by it, and the closes that there are now."""

    observations: Observations
    changes: PriceChanges
    history: History

    @property
    def commodity(self) -> str:
        """Whose prices they are."""
        return self.observations.commodity

    @property
    def refused(self) -> Refused:
        """What was refused of the source."""
        return Refused.of(self.observations.rejections)

    @property
    def half_a_file(self) -> str:
        """That the source lacks too much of what is stored, in a line; empty where it does not."""
        return self.changes.lacking.problem(self.commodity)

    @property
    def notes(self) -> list[str]:
        """What was left out without harm, and which sessions the source lacks."""
        left_out = [f"{self.commodity}: {each}" for each in self.observations.notes]
        return [*left_out, *self.changes.lacking.notes(self.commodity)]

    @property
    def problems(self) -> list[str]:
        """What was refused, and whether the source may be half a file."""
        return [*self.refused.lines, *([self.half_a_file] if self.half_a_file else [])]


@dataclass(frozen=True, eq=False)
class PricesLanded(PricesRead):
    """What ``files`` of the landing folder did to the prices of a commodity."""

    files: int

    @property
    def problems(self) -> list[str]:
        """None: what was refused is told of the files."""
        return []


@dataclass(frozen=True, eq=False)
class FilesLanded(Result):
    """What became of each file of the landing folder; ``unfinished`` ones were left there."""

    received: Sequence[Received]
    unfinished: int

    @property
    def refused(self) -> Refused:
        """What was refused of all files."""
        return Refused.of([each for file in self.received for each in file.rejections])

    @property
    def notes(self) -> list[str]:
        """What was left out without harm."""
        return [note for file in self.received for note in file.notes]

    @property
    def problems(self) -> list[str]:
        """The files that held nothing usable, and what was refused of the others."""
        rejected = [file for file in self.received if file.reason]
        put_away = [f"{file.outcome}; it is now {file.place}" for file in rejected]
        return [*put_away, *self.refused.lines]


@dataclass(frozen=True, eq=False)
class FeaturesJoined(Result):
    """The covariates of a commodity at its sessions, and what changed."""

    features: Features
    changes: FeatureChanges

    @property
    def commodity(self) -> str:
        """Whose covariates they are."""
        return self.features.commodity

    @property
    def refused(self) -> Refused:
        """What was refused of the covariates' files."""
        return Refused.of(self.features.rejections)

    @property
    def notes(self) -> list[str]:
        """What was left out without harm, and what has no value where one is needed."""
        return [*self.features.notes, *self.features.unmatched]

    @property
    def problems(self) -> list[str]:
        """What was refused, and the covariates whose files cannot be read."""
        missing = self.features.missing.values()
        unread = [f"{reason}; what is stored of it stays as it was" for reason in missing]
        return [*self.refused.lines, *unread]


@dataclass(frozen=True)
class Model:
    """A trained model as it is told of, without its payload.

    ``first`` and ``last``: sessions that it was fitted on. ``seconds``: that fitting took.
    """

    name: str
    samples: int
    first: date
    last: date
    seconds: float
    size_bytes: int
    warnings: tuple[str, ...]
    parameters: Mapping[str, float]

    @classmethod
    def of(cls, row: TrainedModel) -> "Model":
        """That of a row of ``trained_models``."""
        return cls(
            name=row.model_name,
            samples=row.training_samples,
            first=row.training_start_date,
            last=row.training_end_date,
            seconds=row.fit_seconds,
            size_bytes=row.model_size_bytes,
            warnings=tuple(json.loads(row.fit_metrics)["warnings"]),
            parameters=json.loads(row.parameters),
        )


@dataclass(frozen=True, eq=False)
class WindowTrained(Result):
    """What became of a window's roster under one version.

    ``sessions``: known before the training date. ``not_due``: why the window needs no model at
    all, or None.
    """

    window: Window
    model_version: str
    fitted: list[Model]
    kept: list[Model]
    failures: list[ModelFailure]
    sessions: int
    not_due: str | None = None

    @classmethod
    def of(
        cls, window: Window, model_version: str, training: Training, rows: Sequence[TrainedModel]
    ) -> "WindowTrained":
        """What came of a training of which ``rows`` were written."""
        return cls(
            window,
            model_version,
            [Model.of(row) for row in rows],
            [Model.of(row) for row in training.kept],
            training.failures,
            len(training.history),
            training.not_due,
        )

    @property
    def broken(self) -> str:
        """Why the window has no model though some could have been fitted."""
        reasons = [failure.reason for failure in self.failures if not failure.declined]
        if not reasons or self.fitted or self.kept:
            return ""
        return f"no model could be fitted: {'; '.join(reasons)}"


@dataclass(frozen=True, eq=False)
class WindowForecast(Result):
    """What became of a window's forecasts under one version, counted as ``Forecasting`` counts.

    ``history``: the closes that they came from. ``rows``: paths written. ``changed``: whether
    anything was written at all. ``not_due``: why there was nothing to draw, or None.
    """

    window: Window
    model_version: str
    history: History
    rows: int
    changed: bool
    origins: int
    n_paths: int
    drawn: int
    redrawn: int
    kept: int
    stale: int
    moved: int
    withdrawn: int
    elsewhere: int
    outcomes: int
    reissues: list[Reissue]
    failures: list[ModelFailure]
    not_due: str | None = None

    @classmethod
    def of(
        cls,
        window: Window,
        model_version: str,
        history: History,
        outcome: Forecasting,
        rows: int,
        not_due: str | None,
    ) -> "WindowForecast":
        """What came of a forecasting of which ``rows`` paths were written."""
        return cls(
            window=window,
            model_version=model_version,
            history=history,
            rows=rows,
            changed=outcome.changes_tables,
            origins=len(outcome.origins),
            n_paths=outcome.n_paths,
            drawn=outcome.drawn,
            redrawn=outcome.redrawn,
            kept=outcome.kept,
            stale=outcome.stale,
            moved=len(outcome.moved),
            withdrawn=len(outcome.withdrawn),
            elsewhere=outcome.elsewhere,
            outcomes=outcome.outcomes,
            reissues=outcome.reissues,
            failures=outcome.failures,
            not_due=not_due,
        )

    @property
    def notes(self) -> list[str]:
        """Which forecasts were drawn again since their history was revised."""
        return [f"{self.window.commodity}: {each}" for each in lines_of(self.reissues)]

    @property
    def broken(self) -> str:
        """The models that broke; what the others gave is committed."""
        return "; ".join(failure.reason for failure in self.failures if not failure.declined)


@dataclass(frozen=True)
class WindowScored(Result):
    """What became of a window's scores under one version, counted in forecasts.

    ``kept``, ``gone`` and ``waiting`` are those of ``Assessment``.
    """

    window: Window
    model_version: str
    scored: int
    kept: int
    waiting: int
    gone: int

    @classmethod
    def of(cls, window: Window, model_version: str, assessment: Assessment) -> "WindowScored":
        """What came of an assessment."""
        return cls(
            window,
            model_version,
            assessment.scored,
            assessment.kept,
            assessment.waiting,
            len(assessment.gone),
        )


@dataclass(frozen=True, eq=False)
class Ranked(Result):
    """The leaderboard as it is now, all versions, and the commodities that it lacks.

    ``standings``: rows of ``forecast.leaderboard``. ``failures``: a line each.
    """

    standings: pd.DataFrame
    failures: list[str]


@dataclass(frozen=True, eq=False)
class Published(Result):
    """What is published of each commodity, and of which it could not be said.

    ``newest``: the publications at the newest cutoff of each. ``departures``: commodities that the
    configuration has no more, a line each.
    """

    changes: Mapping[str, PublicationChanges]
    newest: Mapping[str, Sequence[Publication]]
    departures: list[str]
    failures: list[str]

    @property
    def notes(self) -> list[str]:
        """Commodities that the configuration has no more."""
        return self.departures


@dataclass(frozen=True)
class PageWritten(Result):
    """The warnings of the page that was written, a line each."""

    warnings: list[str]

    @property
    def notes(self) -> list[str]:
        """What the page warns of."""
        return self.warnings

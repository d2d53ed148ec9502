"""The results of a run, one for each partition or other piece of its work.

Asset metadata, the summary in a terminal and its list of problems are all made from these results.
A result is small, so that all results of a long run fit into memory: it has counts and texts, but
no paths.
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
from forecast_assets.market.lacking import sessions
from forecast_assets.market.observations import Observations
from forecast_assets.market.reception import Received
from forecast_assets.market.records import FeatureChanges, PriceChanges
from forecast_assets.market.refusals import Refused
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window


class Result:
    """The result of one piece of work; each subclass adds its own fields."""

    @property
    def notes(self) -> list[str]:
        """What a reader should know although nothing failed, one line each."""
        return []

    @property
    def problems(self) -> list[str]:
        """What somebody must correct although the run did not fail, one line each."""
        return []

    @property
    def broken(self) -> str:
        """Why the partition fails although a part of it is committed; empty if it does not."""
        return ""


@dataclass(frozen=True)
class NotShown(Result):
    """Something that could not be told of committed work; ``line``: of whom, what, and why."""

    line: str

    @property
    def notes(self) -> list[str]:
        """The line."""
        return [self.line]


@dataclass(frozen=True, eq=False)
class PricesRead(Result):
    """What a price source held for a commodity, what it changed, and all closes after that."""

    observations: Observations
    changes: PriceChanges
    history: History

    @property
    def commodity(self) -> str:
        """The commodity of the prices."""
        return self.observations.commodity

    @property
    def refused(self) -> Refused:
        """The rows of the source that were refused."""
        return Refused.of(self.observations.rejections)

    @property
    def half_a_file(self) -> str:
        """A warning if the source lacks so many stored sessions that it may be cut off; else ""."""
        return self.changes.lacking.problem(self.commodity)

    @property
    def notes(self) -> list[str]:
        """Rows that were left out without harm, and stored sessions that the source lacks."""
        left_out = [f"{self.commodity}: {each}" for each in self.observations.notes]
        return [*left_out, *self.changes.lacking.notes(self.commodity)]

    @property
    def problems(self) -> list[str]:
        """The refused rows, and the warning that the source may be cut off."""
        return [*self.refused.lines, *([self.half_a_file] if self.half_a_file else [])]


@dataclass(frozen=True, eq=False)
class PricesLanded(PricesRead):
    """What the files of the landing folder changed in a commodity's prices.

    ``files``: how many files had prices of the commodity.
    """

    files: int

    @property
    def problems(self) -> list[str]:
        """Empty, since ``FilesLanded`` names the refused rows."""
        return []


@dataclass(frozen=True, eq=False)
class FilesLanded(Result):
    """What was done with each file of the landing folder.

    ``unfinished``: how many files were left there because they may still be growing. ``failed``: a
    line for each file that could not be put away and is tried again.
    """

    received: Sequence[Received]
    unfinished: int
    failed: Sequence[str] = ()

    @property
    def refused(self) -> Refused:
        """The refused rows of all files."""
        return Refused.of([each for file in self.received for each in file.rejections])

    @property
    def notes(self) -> list[str]:
        """Which file withdrew which sessions, and rows that were left out without harm."""
        withdrawn = [
            f"{each.commodity}: {file.file} withdrew {sessions(each.changes.taken_back)}, with the"
            " forecasts from there"
            for file in self.received
            for each in file.landings
            if each.changes.taken_back and each.dispute is None
        ]
        return [*withdrawn, *(note for file in self.received for note in file.notes)]

    @property
    def problems(self) -> list[str]:
        """The files that were rejected whole, and the refused rows of the others."""
        rejected = [file for file in self.received if file.reason]
        put_away = [
            f"{file.outcome}; it is now {file.place}, with a note beside it" for file in rejected
        ]
        return [*put_away, *self.refused.lines]


@dataclass(frozen=True, eq=False)
class FeaturesJoined(Result):
    """The covariates of a commodity at its sessions, and what changed."""

    features: Features
    changes: FeatureChanges

    @property
    def commodity(self) -> str:
        """The commodity that the covariates belong to."""
        return self.features.commodity

    @property
    def refused(self) -> Refused:
        """The refused rows of the covariates' files."""
        return Refused.of(self.features.rejections)

    @property
    def notes(self) -> list[str]:
        """Rows that were left out without harm, and covariates that lack a value they need."""
        return [*self.features.notes, *self.features.unmatched]

    @property
    def problems(self) -> list[str]:
        """The refused rows, and the covariates whose files cannot be read."""
        missing = self.features.missing.values()
        unread = [f"{reason}; what is stored of it stays as it was" for reason in missing]
        return [*self.refused.lines, *unread]


@dataclass(frozen=True)
class Model:
    """What is shown of a trained model: its row without the payload.

    ``samples``: how many sessions it was fitted on. ``first`` and ``last``: the first and last of
    them. ``seconds``: how long fitting took.
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
        """Take what is shown from a row of ``trained_models``."""
        return cls(
            name=row.model_name,
            samples=row.training_samples,
            first=row.training_start_date,
            last=row.training_end_date,
            seconds=row.fit_seconds,
            size_bytes=row.model_size_bytes,
            warnings=tuple(json.loads(row.fit_metrics).get("warnings", [])),
            parameters=json.loads(row.parameters),
        )


@dataclass(frozen=True, eq=False)
class WindowTrained(Result):
    """The result of training a window's models under one version.

    ``sessions``: how many are known before the training date. ``not_due``: why the window needs no
    models at all, or None.
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
        """Summarise a training; ``rows``: the models that were written."""
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
        """Why every fit failed; empty if the window has a model, or if all models declined."""
        reasons = [failure.reason for failure in self.failures if not failure.declined]
        if not reasons or self.fitted or self.kept:
            return ""
        return f"no model could be fitted: {'; '.join(reasons)}"


@dataclass(frozen=True, eq=False)
class WindowForecast(Result):
    """The result of forecasting a window under one version; ``Forecasting`` explains its counts.

    ``history``: the closes that the forecasts were made from. ``rows``: how many paths were
    written. ``changed``: whether anything was written at all. ``not_due``: why there was nothing
    to draw, or None.
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
    stale_cutoffs: list[date]
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
        """Summarise a forecasting; ``rows``: how many paths were written."""
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
            stale_cutoffs=outcome.stale_cutoffs,
            moved=len(outcome.moved),
            withdrawn=len(outcome.withdrawn),
            elsewhere=outcome.elsewhere,
            outcomes=outcome.outcomes,
            reissues=outcome.reissues,
            failures=outcome.failures,
            not_due=not_due,
        )

    @property
    def stale(self) -> int:
        """How many forecasts of the window are stale and were left as they are."""
        return len(self.stale_cutoffs)

    @property
    def notes(self) -> list[str]:
        """Which forecasts were drawn again because their history was revised."""
        return [f"{self.window.commodity}: {each}" for each in lines_of(self.reissues)]

    @property
    def broken(self) -> str:
        """The models that failed; the forecasts of the others are committed."""
        return "; ".join(failure.reason for failure in self.failures if not failure.declined)


@dataclass(frozen=True)
class WindowScored(Result):
    """The result of scoring a window under one version, counted in forecasts.

    ``Assessment`` explains ``kept``, ``gone``, ``waiting`` and ``undefined``.
    """

    window: Window
    model_version: str
    scored: int
    kept: int
    waiting: int
    gone: int
    undefined: int = 0

    @classmethod
    def of(cls, window: Window, model_version: str, assessment: Assessment) -> "WindowScored":
        """Summarise an assessment."""
        return cls(
            window,
            model_version,
            assessment.scored,
            assessment.kept,
            assessment.waiting,
            len(assessment.gone),
            assessment.undefined,
        )

    @property
    def notes(self) -> list[str]:
        """How many of the new scores are not defined."""
        if not self.undefined:
            return []
        return [
            f"{self.window.commodity}: {self.undefined:,} of the {self.scored:,} forecasts of the"
            f" window {self.window.training_date} that were scored have a score that is not"
            " defined, since a close is too far from their paths: it is NULL, and means leave it"
            " out"
        ]


@dataclass(frozen=True, eq=False)
class Ranked(Result):
    """The leaderboard of all versions, and the commodities that could not be ranked.

    ``standings``: rows of ``forecast.leaderboard``. ``failures``: a line for each such commodity.
    """

    standings: pd.DataFrame
    failures: list[str]


@dataclass(frozen=True, eq=False)
class Published(Result):
    """What is published of each commodity, and which commodities failed.

    ``changes``: rows added, changed and deleted, by commodity. ``newest``: the publications at the
    newest cutoff, by commodity. ``paths``: rows that the view of published paths has, by commodity.
    ``departures``: a line for each commodity with rows that is no longer in the configuration.
    ``failures``: a line for each commodity that failed.
    """

    changes: Mapping[str, PublicationChanges]
    newest: Mapping[str, Sequence[Publication]]
    paths: Mapping[str, int]
    departures: list[str]
    failures: list[str]

    @property
    def notes(self) -> list[str]:
        """The commodities that are no longer in the configuration."""
        return self.departures


@dataclass(frozen=True)
class PageWritten(Result):
    """The report was written; ``warnings``: what it warns of, one line each."""

    warnings: list[str]

    @property
    def notes(self) -> list[str]:
        """The warnings of the page."""
        return self.warnings

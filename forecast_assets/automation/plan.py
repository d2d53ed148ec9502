"""The plan: what is due over all commodities, as the fewest runs that do exactly that.

What should be in the tables is compared with what is; how it came to be so does not matter. Pieces
of work that were never tried go together: one run for a stretch of windows, from the first stage
that is due on, and for neighbouring commodities whose stretch is the same. After a run that left
something undone each stage goes by itself, and then each window, so that one that fails stops no
other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import groupby

from forecast_assets.automation.attempts import Attempts, Work, signature
from forecast_assets.automation.due import (
    Ledger,
    due_windows,
    missing_forecasts,
    missing_models,
    stretches,
    undue,
    windows_with_news,
    windows_without_scores,
)
from forecast_assets.boundary import boundary
from forecast_assets.configuration.commodities import LandingSource
from forecast_assets.configuration.settings import Settings
from forecast_assets.forecast.records import RecordedFailure
from forecast_assets.forecast.training import not_due
from forecast_assets.store.contract import Store
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window

STAGES = {"train": "trained_models", "forecast": "distributions", "score": "scores"}
"""Stages of a window in order, each with its asset."""

Begun = Mapping[str, Sequence[Window]]
"""Every commodity in the configuration's order, with its windows that have begun."""

Shape = tuple[date, date, tuple[str, ...]]
"""First and last training date of a stretch, and its assets."""

PUBLISH = ("leaderboard", "published_distributions", "report")
LOAD = ("prices", "features")


@dataclass(frozen=True)
class Piece:
    """A piece of work: a stage of a window, or what a commodity needs before any window.

    ``also``: what a run that goes on from it does as well, as soon as it can be done.
    """

    work: Work
    commodity: str
    assets: tuple[str, ...]
    window: Window | None = None
    also: tuple[Work, ...] = ()


@dataclass(frozen=True)
class Request:
    """One run: a job, its assets, the pieces it is for, and the first and last partition."""

    job: str
    assets: tuple[str, ...]
    work: tuple[Work, ...]
    bounds: tuple[str, str] | None = None


@dataclass(frozen=True)
class Plan:
    """Runs to ask for, and a line for each commodity, or piece, that is left alone for now.

    ``failures``: the commodities of which it cannot be told what is due, each with the error.
    ``settled``: nothing changes before the tables or the day do.
    """

    requests: list[Request] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    settled: bool = True


@dataclass(frozen=True)
class CommodityState:
    """What the tables hold of one commodity, and what follows for its windows that have begun."""

    settings: Settings
    models: ModelStore
    windows: list[Window]
    name: str

    @property
    def store(self) -> Store:
        """The tables."""
        return self.models.store

    @cached_property
    def history(self) -> History:
        """Its closes."""
        return self.store.prices.history(self.name)

    @cached_property
    def ledger(self) -> Ledger:
        """Its history with covariates, its models and its forecasts."""
        version = self.settings.model_version
        return Ledger(
            self.store.features.read(self.history),
            self.models.intact(self.store.models.find(self.name, model_version=version)),
            self.store.paths.issued(self.name, version),
        )

    @cached_property
    def declines(self) -> dict[tuple[str, object], dict[str, RecordedFailure]]:
        """What models declined, by stage and training date."""
        found: dict[tuple[str, object], dict[str, RecordedFailure]] = {}
        for row in self.store.failures.find(self.name, self.settings.model_version):
            if row.declined:
                found.setdefault((row.stage, row.training_date), {})[row.model_name] = row
        return found

    @cached_property
    def superseded(self) -> dict[date, int]:
        """How many forecasts of each training date were replaced so far."""
        return self.store.paths.superseded(self.name, self.settings.model_version)

    @property
    def idle(self) -> str:
        """Why nothing is due, in words."""
        if len(self.history) == 0:
            return "no price has landed yet"
        if not self.windows:
            return f"nothing due until {self.settings.training.start}"
        if reason := undue(self.settings, self.windows, self.history):
            return reason.removeprefix(f"{self.name}: ")
        if not_due(self.settings, self.windows[-1], self.history) is None:
            return f"nothing due until {self.windows[-1].end} or a new price"
        return f"nothing due until a price after {self.history.newest}"

    def due(self, attempts: Attempts) -> list[Piece]:
        """What is due before any window, or else all that is due of them."""
        first = self.before_windows()
        able = [piece for piece in first if not attempts.given_up(piece.work)]
        return able or [*first, *self.of_windows(attempts)]

    def before_windows(self) -> list[Piece]:
        """Prices that were never read, or sessions whose covariates were not joined."""
        commodity = self.settings.commodity(self.name)
        if len(self.history) == 0:
            if isinstance(commodity.source, LandingSource):
                return []
            work = Work(f"prices {self.name}", signature(commodity.source.model_dump_json()))
            return [Piece(work, self.name, LOAD)]
        joined = self.store.features.sessions(self.name)
        if all(joined.get(name) == len(self.history) for name in commodity.covariates):
            return []
        made_from = signature(self.history.fingerprint, commodity.model_dump_json())
        return [Piece(Work(f"features {self.name}", made_from), self.name, LOAD[1:])]

    def of_windows(self, attempts: Attempts) -> Iterator[Piece]:
        """Every stage of a window that is due, but for what its models are known to decline."""
        if len(self.history) == 0:
            return
        pieces = list(self._lacking(attempts))
        yield from pieces
        if all(attempts.given_up(piece.work) for piece in pieces):  # else one of them tells it
            for window in windows_with_news(self.settings, self.windows, self.ledger):
                yield self._piece(window, "forecast")
        scored = self.store.scores.scored(self.name, self.settings.model_version)
        for window in windows_without_scores(
            self.settings, self.windows, self.history, self.ledger.issued, scored
        ):
            yield self._piece(window, "score")

    def _lacking(self, attempts: Attempts) -> Iterator[Piece]:
        for window in due_windows(self.settings, self.windows, self.history):
            models = dict.fromkeys(missing_models(self.settings, window, self.ledger), 0)
            if models and not self._declined(window, "train", models, attempts):
                forecast = self._piece(window, "forecast")
                yield replace(self._piece(window, "train"), also=(forecast.work,))
            lacking = missing_forecasts(self.settings, window, self.ledger, recompute=False)
            if lacking and not self._declined(window, "forecast", lacking, attempts):
                yield self._piece(window, "forecast")

    def _declined(
        self, window: Window, stage: str, missing: dict[str, int], attempts: Attempts
    ) -> bool:
        """Whether a run has tried this very work, and the models declined what is missing."""
        known = self.declines.get((stage, window.training_date), {})
        explained = all(
            name in known and known[name].origins == count for name, count in missing.items()
        )
        return explained and attempts.tried(self._piece(window, stage).work).times > 0

    def _piece(self, window: Window, stage: str) -> Piece:
        work = Work(f"{stage} {window.key}", self._made_from(window, stage))
        return Piece(work, self.name, (STAGES[stage],), window)

    def _made_from(self, window: Window, stage: str) -> str:
        history = self.ledger.history
        if stage == "score":
            drawn = [forecast.generation_timestamp for forecast in self.ledger.issued]
            return signature(history.fingerprint, len(drawn), max(drawn, default=None))
        roster = [each.model_dump_json() for each in self.settings.models.values()]
        known = history.known_before(window.training_date)
        trained_on = known.fingerprint if len(known) else ""
        if stage == "train":
            return signature(roster, trained_on)
        last = window == self.windows[-1]
        seen = history if last else history.known_before(window.end)
        said_before = self.superseded.get(window.training_date, 0)  # a price may be taken back
        return signature(roster, trained_on, seen.fingerprint, self.settings.paths, said_before)


def plan(settings: Settings, store: Store, attempts: Attempts, now: datetime) -> Plan:
    """What to run now, and why the rest is left alone."""
    models = ModelStore.over(store, settings)
    pieces: list[Piece] = []
    idle: dict[str, list[str]] = {}
    failures: list[str] = []
    begun = {name: settings.windows.of(name, now) for name in settings.commodities}
    for name in settings.commodities:
        with boundary(name, failures):
            state = CommodityState(settings, models, begun[name], name)
            mine = state.due(attempts)
            if not mine:
                idle.setdefault(state.idle, []).append(name)
            pieces += mine
    able, waiting = sorted_out(pieces, attempts, now)
    asked = requests(begun, able, attempts)
    if not asked and (publishing := publishing_due(settings, store)):
        pieces.append(Piece(publishing, "", PUBLISH))
        able, why = sorted_out(pieces[-1:], attempts, now)
        asked = [Request("catch_up", PUBLISH, (piece.work,)) for piece in able]
        waiting += why
    resting = [f"{', '.join(names)}: {reason}" for reason, names in idle.items()]
    given_up = all(attempts.given_up(piece.work) for piece in pieces)
    settled = not asked and given_up and not failures
    return Plan(asked, [*failures, *waiting, *resting], failures, settled)


def sorted_out(
    pieces: Iterable[Piece], attempts: Attempts, now: datetime
) -> tuple[list[Piece], list[str]]:
    """The pieces that may be tried now, and a line for each of the others."""
    able, reasons = [], []
    for piece in pieces:
        tried, then = attempts.tried(piece.work), attempts.next_time(piece.work)
        if attempts.given_up(piece.work):
            reasons.append(
                f"{piece.work.name}: given up after {tried.times} runs, the last of them"
                f" {tried.run_id[:8]}, until its prices or options change"
            )
        elif then is not None and now.astimezone(UTC) < then:
            reasons.append(
                f"{piece.work.name}: still due after {tried.times} runs, the last of them"
                f" {tried.run_id[:8]}; again at {then:%H:%M:%S} UTC"
            )
        else:
            able.append(piece)
    return able, reasons


def requests(begun: Begun, pieces: Sequence[Piece], attempts: Attempts) -> list[Request]:
    """The fewest runs that do these pieces of work, and no others."""
    loads = [piece for piece in pieces if piece.window is None]
    asked = _loading(begun, loads)
    fresh = [x for x in pieces if x.window and attempts.tried(x.work).times == 0]
    asked += _together(begun, fresh, through=True)
    again = [x for x in pieces if x.window and attempts.tried(x.work).times == 1]
    for stage in STAGES.values():
        asked += _together(begun, [x for x in again if x.assets == (stage,)], through=False)
    for piece in pieces:
        if piece.window and attempts.tried(piece.work).times > 1:
            asked += _together(begun, [piece], through=False)
    if len(asked) == 1 and asked[0].job == "catch_up":
        (only,) = asked
        return [Request(only.job, (*only.assets, *PUBLISH), only.work, only.bounds)]
    return asked


def publishing_due(settings: Settings, store: Store) -> Work | None:
    """Whether a forecast or score is newer than the report, which is written last of all."""
    evidence = store.leaderboard.evidence()
    if evidence is None:
        return None
    newest = evidence.replace(tzinfo=UTC).timestamp()
    report = settings.report_path
    if report.exists() and report.stat().st_mtime >= newest:
        return None
    return Work("publish", signature(evidence.isoformat()))


def _loading(begun: Begun, pieces: Sequence[Piece]) -> list[Request]:
    asked = []
    for assets in (LOAD, LOAD[1:]):
        work = {piece.commodity: piece.work for piece in pieces if piece.assets == assets}
        for names in _neighbours(begun, work):
            done = tuple(work[name] for name in names)
            asked.append(Request("load_prices", assets, done, (names[0], names[-1])))
    return asked


def _together(begun: Begun, pieces: Sequence[Piece], *, through: bool) -> list[Request]:
    """Runs over stretches of windows; ``through``: and over all stages after the first due."""
    by_shape: dict[Shape, dict[str, tuple[Window, Window, list[Work]]]] = {}
    for name, mine in groupby(pieces, key=lambda piece: piece.commodity):
        of_window: dict[Window, list[Piece]] = {}
        for piece in mine:
            if piece.window is not None:
                of_window.setdefault(piece.window, []).append(piece)
        for first, last in stretches(list(of_window), begun[name]):
            inside = [x for w, some in of_window.items() if first <= w <= last for x in some]
            assets = _assets(inside, through=through)
            shape = (first.training_date, last.training_date, assets)
            work = [x.work for x in inside]
            if through:
                work += [each for x in inside for each in x.also if each not in work]
            by_shape.setdefault(shape, {})[name] = (first, last, work)
    asked = []
    for shape, stretch in by_shape.items():
        for names in _neighbours(begun, stretch):
            done = tuple(sorted(x for name in names for x in stretch[name][2]))
            bounds = stretch[names[0]][0].key, stretch[names[-1]][1].key
            asked.append(Request("catch_up", shape[-1], done, bounds))
    return asked


def _assets(pieces: Sequence[Piece], *, through: bool) -> tuple[str, ...]:
    order = list(STAGES.values())
    stages = sorted({order.index(piece.assets[0]) for piece in pieces})
    return tuple(order[stages[0] :] if through else [order[stage] for stage in stages])


def _neighbours(begun: Begun, names: Iterable[str]) -> list[list[str]]:
    """Commodities that stand beside each other in the configuration, together."""
    order, wanted = list(begun), set(names)
    return [
        order[order.index(first) : order.index(last) + 1]
        for first, last in stretches([name for name in order if name in wanted], order)
    ]

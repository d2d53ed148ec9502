"""The plan: all that is due over all commodities, grouped into as few runs as possible.

Pieces of work that were never tried share a run: one run for a stretch of windows, from the first
stage that is due to the last stage, and for neighbouring commodities with the same stretch. Pieces
that were tried once get a run for each stage, and pieces that were tried more often a run for each
window. So a piece that fails again does not stop the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby

from forecast_assets.automation.attempts import Attempts
from forecast_assets.automation.due import stretches
from forecast_assets.automation.scope import EVERYTHING, Scope
from forecast_assets.automation.state import CommodityState
from forecast_assets.automation.work import LOAD, STAGES, Piece, Work, signature
from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.store.contract import Store
from forecast_assets.store.saved_models import ModelStore

Keys = Mapping[str, Sequence[str]]
"""The keys of the windows that have begun, by commodity in the configuration's order."""

Shape = tuple[str, str, tuple[str, ...]]
"""First and last training date of a stretch, and its assets."""

PUBLISH = ("leaderboard", "published_distributions", "report")


@dataclass(frozen=True)
class PlannedRun:
    """One run: a job, its assets, its pieces of work, and its first and last partition key."""

    job: str
    assets: tuple[str, ...]
    work: tuple[Work, ...]
    bounds: tuple[str, str] | None = None

    @property
    def commodity(self) -> str:
        """The commodity that all of its partitions are of; empty if they are of several."""
        first, last = (key.partition("|")[0] for key in self.bounds or ("", ""))
        return first if first == last else ""


@dataclass(frozen=True)
class Plan:
    """The runs to ask for, and the reasons why nothing else is asked for.

    ``reasons``: a line for each commodity or piece of work that is left alone for now.
    ``failures``: a line for each commodity whose work could not be determined, with the error.
    ``settled``: True when the plan cannot change until the tables or the date do.
    """

    requests: list[PlannedRun] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    settled: bool = True


def plan(
    settings: Settings,
    store: Store,
    attempts: Attempts,
    now: datetime,
    scope: Scope = EVERYTHING,
) -> Plan:
    """Plan the runs for what is due in a scope, and give a reason for what is left alone.

    The tables are read as they are at one moment. ``settings``: with the model version to plan for.
    ``now``: with a time zone.
    """
    with store.reading():
        return _plan(settings, store, attempts, now, scope)


def _plan(
    settings: Settings, store: Store, attempts: Attempts, now: datetime, scope: Scope
) -> Plan:
    models = ModelStore.over(store, settings)
    pieces: list[Piece] = []
    idle: dict[str, list[str]] = {}
    failures: list[str] = []
    begun = {name: settings.windows.of(name, now) for name in settings.commodities}
    for name in scope.names(list(begun)):
        with boundary(name, failures):
            state = CommodityState(settings, models, begun[name], name, scope)
            mine = due(state, attempts)
            if not mine:
                idle.setdefault(state.idle, []).append(name)
            pieces += mine
    able, waiting = sorted_out(pieces, attempts, now)
    keys = {name: [window.key for window in windows] for name, windows in begun.items()}
    asked = requests(keys, able, attempts, apart=settings.execution.one_commodity_a_run)
    if scope.commodities is None:
        asked = _and_published(asked)
        if not asked and (publishing := publishing_due(settings, store)):
            pieces.append(Piece(publishing, "", PUBLISH))
            able, why = sorted_out(pieces[-1:], attempts, now)
            asked = [PlannedRun("catch_up", PUBLISH, (piece.work,)) for piece in able]
            waiting += why
    resting = [f"{', '.join(names)}: {reason}" for reason, names in idle.items()]
    given_up = all(attempts.given_up(piece.work) for piece in pieces)
    settled = not asked and given_up and not failures
    return Plan(asked, [*failures, *waiting, *resting], failures, settled)


def due(state: CommodityState, attempts: Attempts) -> list[Piece]:
    """The pieces of work of a commodity: its prices and covariates first, then its windows.

    Windows follow only when nothing is left to load, or loading was given up. A piece that the
    models decline is left out once a run has tried it, since another run would add nothing.
    """
    first = state.before_windows()
    if able := [piece for piece in first if not attempts.given_up(piece.work)]:
        return able
    lacking = [x for x in state.lacking() if not (x.declined and attempts.seen(x.work))]
    # Any run that draws forecasts also corrects the stored ones, so that needs no run beside it.
    if all(attempts.given_up(piece.work) for piece in lacking):
        lacking += state.corrections()
    return [*first, *lacking, *state.unscored()]


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


def requests(
    begun: Keys, pieces: Sequence[Piece], attempts: Attempts, *, apart: bool = False
) -> list[PlannedRun]:
    """The fewest runs that do these pieces of work, and no others.

    ``apart``: whether commodities share no run but those that load prices and covariates.
    """
    if apart:
        asked = _loading(begun, [piece for piece in pieces if piece.window is None])
        for _, mine in groupby(pieces, key=lambda piece: piece.commodity):
            asked += requests(begun, [x for x in mine if x.window is not None], attempts)
        return asked
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
    return asked


def _and_published(asked: list[PlannedRun]) -> list[PlannedRun]:
    """The same runs; if there is only one, it goes on to the report."""
    if len(asked) == 1 and asked[0].job == "catch_up":
        return [replace(asked[0], assets=(*asked[0].assets, *PUBLISH))]
    return asked


def publishing_due(settings: Settings, store: Store) -> Work | None:
    """Publishing as a piece of work, if a forecast or score is newer than the report's file.

    The report is written last, so its time stands for the leaderboard and the publications too.
    """
    evidence = store.leaderboard.evidence()
    if evidence is None:
        return None
    newest = evidence.replace(tzinfo=UTC).timestamp()
    report = settings.report_path
    if report.exists() and report.stat().st_mtime >= newest:
        return None
    return Work("publish", signature(evidence.isoformat()))


def plan_inputs(settings: Settings, store: Store, now: datetime) -> list[object]:
    """What the plan depends on: the tables, the report, the day and the configuration."""
    page = settings.report_path
    written = page.stat().st_mtime_ns if page.exists() else 0
    configured = signature(settings.model_dump_json(serialize_as_any=True))  # options of models too
    return [store.token(), written, now.date().isoformat(), configured]


def _loading(begun: Keys, pieces: Sequence[Piece]) -> list[PlannedRun]:
    asked = []
    for assets in (LOAD, LOAD[1:]):
        work = {piece.commodity: piece.work for piece in pieces if piece.assets == assets}
        for names in _neighbours(begun, work):
            done = tuple(work[name] for name in names)
            asked.append(PlannedRun("load_prices", assets, done, (names[0], names[-1])))
    return asked


def _together(begun: Keys, pieces: Sequence[Piece], *, through: bool) -> list[PlannedRun]:
    """Runs over stretches of windows.

    ``through``: whether each run goes on through all stages after the first that is due.
    """
    by_shape: dict[Shape, dict[str, tuple[str, str, list[Work]]]] = {}
    for name, mine in groupby(pieces, key=lambda piece: piece.commodity):
        of_window: dict[str, list[Piece]] = {}
        for piece in mine:
            if piece.window is not None:
                of_window.setdefault(piece.window.key, []).append(piece)
        for first, last in stretches(list(of_window), begun[name]):
            inside = [x for key, some in of_window.items() if first <= key <= last for x in some]
            assets = _assets(inside, through=through)
            shape = (first.rpartition("|")[2], last.rpartition("|")[2], assets)
            work = [x.work for x in inside]
            if through:
                work += [each for x in inside for each in x.also if each not in work]
            by_shape.setdefault(shape, {})[name] = (first, last, work)
    asked = []
    for shape, stretch in by_shape.items():
        for names in _neighbours(begun, stretch):
            done = tuple(sorted(x for name in names for x in stretch[name][2]))
            bounds = stretch[names[0]][0], stretch[names[-1]][1]
            asked.append(PlannedRun("catch_up", shape[-1], done, bounds))
    return asked


def _assets(pieces: Sequence[Piece], *, through: bool) -> tuple[str, ...]:
    order = list(STAGES.values())
    stages = sorted({order.index(piece.assets[0]) for piece in pieces})
    return tuple(order[stages[0] :] if through else [order[stage] for stage in stages])


def _neighbours(begun: Keys, names: Iterable[str]) -> list[list[str]]:
    """These commodities, grouped by stretches without a gap in the configuration's order.

    A run has one range of partitions, so it can hold only commodities that stand side by side.
    """
    order, wanted = list(begun), set(names)
    return [
        order[order.index(first) : order.index(last) + 1]
        for first, last in stretches([name for name in order if name in wanted], order)
    ]

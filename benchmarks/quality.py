"""How good the roster's forecasts are: a whole backfill, scored against a random walk.

``python -m benchmarks.quality FILE...`` for price files of one commodity each; ``--samples`` for
the series inside the package. For each model the mean CRPS over that of a constant-volatility
random walk on the same forecasts, and the coverage of its 80 % and 95 % intervals.

CRPS: the fair one, over the close at the cutoff, averaged over forecasts and sessions ahead. The
random walk draws Gaussian log returns with mean 0 and the deviation of all log returns dated
before the training date. Forecasts from a close at or below zero are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import scoringrules
import typer
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from forecast_assets.configuration.commodities import StoredSource
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.partitions import Partitions
from forecast_assets.errors import ConfigurationError
from forecast_assets.forecast.parallel import Processes
from forecast_assets.forecast.tasks import Done, Task
from forecast_assets.forecast.training import WindowToTrain, train
from forecast_assets.market.sources import read_source
from forecast_assets.models.base import FittedForecaster
from forecast_assets.models.ensemble import Ensemble
from forecast_assets.models.roster import ROSTER
from forecast_assets.models.simulation import linear_moves, prices, seed_of, standard_normal
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window

COVERAGES = (0.8, 0.95)
SAMPLES = {"WTI sample": "wti", "Gold sample": "gold"}
NEEDING_MORE = ("sarimax", "boosted_quantiles")
"""Models that need covariates or an extra: benchmarked when they are named."""


@dataclass(frozen=True, eq=False)
class Score:
    """One model's forecasts in one window, over the sessions whose outcome is known.

    ``crps`` and ``baseline``: over the close at the cutoff, shape (n,). ``covered``: whether each
    interval of ``COVERAGES`` held the outcome, shape (n, 2).
    """

    commodity: str
    model: str
    crps: NDArray[np.float64]
    baseline: NDArray[np.float64]
    covered: NDArray[np.bool_]


def score(
    settings: Settings, window: Window, history: History, model: FittedForecaster
) -> Score | None:
    """Draw a window's forecasts and score them; None where there is nothing to score."""
    calendar = settings.commodity(window.commodity).calendar
    cutoffs = [origin.cutoff for origin in window.origins(history, calendar)]
    declined = model.declined(history, cutoffs)
    closes = dict(zip(history.dates.tolist(), history.closes.tolist(), strict=True))
    kept = [day for day in cutoffs if day not in declined and closes[day] > 0]
    if not kept:
        return None
    names = (window.commodity, model.name, settings.model_version, str(window.training_date))
    paths = model.simulate(
        history.known_at(kept[-1]),
        kept,
        horizon=settings.horizon,
        n_paths=settings.paths,
        seeds=[seed_of(*names, str(day)) for day in kept],
    )
    at = history.positions(kept)
    outcomes, known = later(history, at, settings.horizon)
    over = history.closes[at][:, None]
    walk = random_walk(settings, window, history, kept)
    low, high = (1 - np.array(COVERAGES)) / 2, (1 + np.array(COVERAGES)) / 2
    bounds = np.quantile(paths, np.r_[low, high], axis=1)
    inside = (bounds[: len(low)] <= outcomes) & (outcomes <= bounds[len(low) :])
    return Score(
        window.commodity,
        model.name,
        (crps(paths, outcomes) / over)[known],
        (crps(walk, outcomes) / over)[known],
        inside[:, known].T,
    )


def later(
    history: History, at: NDArray[np.intp], horizon: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Closes of the sessions after each position, and which are there: (n_origins, horizon)."""
    ahead = at[:, None] + np.arange(1, horizon + 1)
    known = ahead < len(history)
    return history.closes[np.minimum(ahead, len(history) - 1)], known


def crps(paths: NDArray[np.float32], outcomes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fair CRPS of each forecast and session, shape (n_origins, horizon)."""
    members = np.ascontiguousarray(paths.transpose(0, 2, 1), dtype=np.float64)
    scores: NDArray[np.float64] = scoringrules.crps_ensemble(outcomes, members, estimator="pwm")
    return scores


def random_walk(
    settings: Settings, window: Window, history: History, cutoffs: list[date]
) -> NDArray[np.float32]:
    """Paths of the baseline, shape (n_origins, n_paths, horizon)."""
    known = history.known_before(window.training_date)
    there = (known.closes[1:] > 0) & (known.closes[:-1] > 0)
    returns = np.diff(np.log(np.where(known.closes > 0, known.closes, 1.0)))[there]
    shape = (len(cutoffs), settings.horizon)
    seeds = [seed_of("constant-volatility random walk", str(day)) for day in cutoffs]
    moves = linear_moves(
        standard_normal(seeds, settings.horizon, settings.paths),
        np.ones(settings.horizon),
        np.full(shape, returns.std(ddof=1)),
        np.zeros(shape),
    )
    return prices(history.closes[history.positions(cutoffs)], moves).transpose(0, 2, 1)


def backfill(
    settings: Settings, first: date, last: date, console: Console
) -> Iterator[tuple[Score, float]]:
    """Train and score every window of every commodity; also the seconds that a fit took."""
    partitions = Partitions(settings)
    with Progress(console=console, transient=True) as progress:
        for name in settings.commodities:
            today = now().date()
            source = settings.commodity(name).source
            if not isinstance(source, StoredSource):
                raise ConfigurationError(f"{name}: a benchmark reads files and samples only")
            observed = read_source(name, source, settings.folder, today).prices
            history = History(name, observed["date"].to_numpy(), observed["close"].to_numpy())
            windows = [
                window
                for window in partitions.settings.windows.of(name)
                if first <= window.training_date <= last
            ]

            def spread(tasks: Sequence[Task], name: str = name) -> Iterator[list[Done[Any]]]:
                done = Processes(settings.parallel)(tasks)
                yield from progress.track(done, total=len(tasks), description=f"{name}: models")

            requests = [WindowToTrain(window, history) for window in windows]
            for window, training in train(settings, requests, spread):
                for failure in training.failures:
                    console.print(f"[red]{failure.reason}")
                for fit in training.fits:
                    if (scored := score(settings, window, history, fit.model)) is not None:
                        yield scored, fit.seconds


def settings_of(files: Sequence[Path], samples: bool, models: list[str], first: date) -> Settings:
    """A configuration over price files and, if asked for, the samples."""
    sources: dict[str, Any] = {
        name: {"type": "sample", "name": sample} for name, sample in SAMPLES.items() if samples
    }
    sources |= {path.stem: {"type": "file", "path": str(path.resolve())} for path in files}
    named = {
        "".join(x if x.isalnum() else "_" for x in name): source for name, source in sources.items()
    }
    return Settings.model_validate(
        {
            "model_version": "quality",
            "training": {"cadence": "semiannually", "start": first},
            "models": models,
            "commodities": {
                name: {"unit": "as in the file", "source": source} for name, source in named.items()
            },
        }
    )


@dataclass(frozen=True)
class Summary:
    """One model on one commodity: relative CRPS, coverage in percent, and what it took."""

    commodity: str
    model: str
    forecasts: int
    relative_crps: float
    coverage: tuple[float, ...]
    seconds: float


def summaries(scores: Sequence[tuple[Score, float]], horizon: int) -> list[Summary]:
    """One for each commodity and model, in the order in which they came."""
    keys = dict.fromkeys((score.commodity, score.model) for score, _ in scores)
    found = []
    for commodity, model in keys:
        some = [(x, spent) for x, spent in scores if (x.commodity, x.model) == (commodity, model)]
        mine = np.concatenate([x.crps for x, _ in some])
        covered = np.concatenate([x.covered for x, _ in some])
        found.append(
            Summary(
                commodity,
                model,
                len(mine) // horizon,
                float(mine.mean() / np.concatenate([x.baseline for x, _ in some]).mean()),
                tuple((100 * covered.mean(axis=0)).tolist()),
                sum(spent for _, spent in some),
            )
        )
    return found


def table(found: Sequence[Summary]) -> Table:
    """A row a commodity and model, and the mean of each model over commodities."""
    shown = Table(title="against a constant-volatility random walk (relative CRPS 1.000)")
    for heading in ("commodity", "model", "forecasts", "relative CRPS", "80 %", "95 %", "fit, s"):
        shown.add_column(heading, justify="left" if heading in ("commodity", "model") else "right")
    for one in found:
        cells = [f"{one.forecasts:,}", f"{one.relative_crps:.4f}"]
        cells += [f"{share:.1f}" for share in one.coverage] + [f"{one.seconds:.1f}"]
        shown.add_row(one.commodity, one.model, *cells)
    shown.add_section()
    for model in dict.fromkeys(one.model for one in found):
        mine = [one for one in found if one.model == model]
        mean = float(np.mean([one.relative_crps for one in mine]))
        worst = max(one.relative_crps for one in mine)
        shown.add_row(
            "mean", model, f"{len(mine)} series", f"{mean:.4f}", "", "", f"worst {worst:.4f}"
        )
    return shown


def plot(found: Sequence[Summary], path: Path) -> None:
    """Relative CRPS and coverage of every model, a column a commodity."""
    commodities = list(dict.fromkeys(one.commodity for one in found))
    figure = Figure(figsize=(3.2 * len(commodities) + 1.5, 7), layout="constrained")
    rows = figure.subplots(3, len(commodities), squeeze=False, sharey="row")
    for column, commodity in enumerate(commodities):
        mine = [one for one in found if one.commodity == commodity]
        names = [one.model for one in mine]
        values = [[one.relative_crps for one in mine]]
        values += [[one.coverage[place] for one in mine] for place in range(len(COVERAGES))]
        for row, (heights, line) in enumerate(zip(values, (1.0, 80.0, 95.0), strict=True)):
            axes = rows[row][column]
            axes.scatter(
                names,
                heights,
                color=["tab:red" if x == Ensemble.name else "tab:blue" for x in names],
            )
            axes.axhline(line, color="black", linewidth=0.8)
            axes.tick_params(axis="x", rotation=90)
            axes.grid(alpha=0.3)
            if row < len(COVERAGES):
                axes.set_xticklabels([])
        rows[0][column].set_title(commodity)
    for row, label in enumerate(("relative CRPS", "coverage of 80 %, %", "coverage of 95 %, %")):
        rows[row][0].set_ylabel(label)
    figure.savefig(path, dpi=120)


def main(
    files: Annotated[list[Path] | None, typer.Argument(help="Price files: date, close.")] = None,
    samples: Annotated[bool, typer.Option(help="Also the series inside the package.")] = False,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])] = datetime(2018, 1, 1),  # noqa: DTZ001
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"])] = datetime(2024, 12, 31),  # noqa: DTZ001
    model: Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")] = None,
    image: Annotated[Path, typer.Option("--plot", help="Where the plot goes.")] = Path(
        "quality.png"
    ),
) -> None:
    """Backfill, score, and show a table and a plot."""
    console = Console(width=110)
    models = model or [name for name in ROSTER if name not in NEEDING_MORE]
    settings = settings_of(files or [], samples, models, first.date())
    scores = list(backfill(settings, first.date(), last.date(), console))
    found = summaries(scores, settings.horizon)
    console.print(table(found))
    plot(found, image)
    console.print(f"Plot: {image}")


if __name__ == "__main__":
    typer.run(main)

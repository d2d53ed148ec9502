"""Drawing, storing and orchestrating a window, each against the least that it could cost.

Run with ``make bench``. Each figure is the best of several repetitions.
"""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import yaml
from dagster import DagsterInstance
from rich.console import Console
from rich.table import Table

from benchmarks.quality import NEEDING_MORE
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.evaluation.assessment import assess_window
from forecast_assets.forecast.forecasting import forecast_window
from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import Draw, TrainedModel, WindowChange, Written
from forecast_assets.forecast.tasks import inline
from forecast_assets.forecast.training import WindowToTrain, train
from forecast_assets.models.roster import ROSTER
from forecast_assets.models.simulation import seed_of
from forecast_assets.store.opening import open_tables
from forecast_assets.store.saved_models import FittedModels, ModelStore
from forecast_assets.store.sql.path_rows import PathRows
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import FROM_DATA

ORIGINS, PATHS, HORIZON = 125, 2000, 14
SESSIONS = 4000
REPETITIONS = 5
DEFAULT = Path(__file__).parent.parent / "forecast.yaml"
AT = datetime(2024, 1, 1)  # noqa: DTZ001 - the tables keep UTC without a zone


def best(work: Callable[[], object], repetitions: int = REPETITIONS) -> float:
    """Seconds of the fastest of some repetitions."""
    seconds = []
    for _ in range(repetitions):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def synthetic() -> History:
    """A geometric random walk on weekdays, 16 years of it."""
    days = np.busday_offset(np.datetime64("2008-01-01"), np.arange(SESSIONS), roll="forward")
    returns = np.random.default_rng(1).standard_normal(SESSIONS) * 0.02
    return History("Coffee", days, 50 * np.exp(np.cumsum(returns)))


def bare_normals() -> np.ndarray:
    """The same number of float32 normals, drawn into one array."""
    shocks = np.empty((ORIGINS, HORIZON, PATHS), dtype=np.float32)
    np.random.default_rng(0).standard_normal(dtype=np.float32, out=shocks)
    return shocks


def drawing(history: History) -> list[tuple[str, float, float]]:
    """A window of each model against bare normals."""
    origins: list[date] = history.dates[-ORIGINS:].tolist()
    seeds = [seed_of("bench", str(day)) for day in origins]
    rows = []
    for name in (name for name in ROSTER if name not in NEEDING_MORE):
        model = ROSTER[name]().fit(history.known_before(origins[0]))
        ours = best(
            lambda model=model: model.simulate(  # type: ignore[misc]
                history, origins, horizon=HORIZON, n_paths=PATHS, seeds=seeds
            )
        )
        rows.append((f"draw a window: {name}", ours, best(bare_normals)))
    return rows


def model_row() -> TrainedModel:
    """A row to hang paths on."""
    day = date(2024, 1, 1)
    texts = dict.fromkeys(
        ("model_id", "options", "parameters", "fitted_model_json", "payload_format"), "{}"
    )
    hashes = dict.fromkeys(("payload_sha256", "data_fingerprint", "library_versions"), "{}")
    return TrainedModel(
        **texts,
        **hashes,
        commodity="Coffee",
        model_name="naive",
        model_version="v1.0",
        training_date=day,
        training_start_date=day,
        training_end_date=day,
        training_samples=1,
        fitted_model_uri=None,
        payload_schema_version=1,
        model_size_bytes=2,
        fit_metrics="{}",
        fit_seconds=0.0,
        created_at=AT,
        created_by="bench",
        is_active=True,
        year=2024,
        month=1,
    )


def storing(history: History, folder: Path) -> tuple[str, float, float]:
    """A window of one model through the store against a bare insert of the same table."""
    days: list[date] = history.dates[-ORIGINS - 1 :].tolist()
    written = Written("Coffee", "v1.0", days[0], AT, "bench")
    paths = np.exp(bare_normals()).transpose(0, 2, 1)
    points = points_of(in_order(paths))
    draw = Draw(model_row(), days[:-1], days[1:], ["x"] * ORIGINS, [70.0] * ORIGINS, paths, points)
    table = PathRows(written, [draw]).reader().read_all()

    def ours() -> None:
        store = open_tables(str(folder / f"{time.monotonic_ns()}.duckdb"), HORIZON, "512MB", 10.0)
        store.paths.apply(written, WindowChange([draw]))

    def bare() -> None:
        with duckdb.connect(folder / f"{time.monotonic_ns()}.duckdb") as connection:
            connection.register("paths", table)
            connection.execute("CREATE TABLE kept AS FROM paths LIMIT 0")
            connection.execute("INSERT INTO kept SELECT * FROM paths")

    return "store a window: 1 model", best(ours), best(bare)


def settings_over(history: History, folder: Path) -> Settings:
    """The default roster over a file, 16 semiannual windows."""
    lines = [
        f"{day},{close!r}"
        for day, close in zip(history.dates, history.closes.tolist(), strict=True)
    ]
    (folder / "coffee.csv").write_text("date,close\n" + "\n".join(lines) + "\n")
    document = {
        "model_version": "v1.0",
        "training": {"cadence": "semiannually", "start": date(2015, 7, 1)},
        "models": list(Settings.load(DEFAULT).models),
        "parallel": {"processes": 1},
        "commodities": {
            "Coffee": {"unit": "USc/lb", "source": {"type": "file", "path": "coffee.csv"}}
        },
    }
    (folder / "forecast.yaml").write_text(yaml.safe_dump(document))
    return Settings.load(folder / "forecast.yaml")


def backfill(history: History, folder: Path) -> tuple[str, float, float]:
    """A whole backfill through Dagster against the same work in a plain loop."""
    settings = settings_over(history, folder)
    windows = [
        window for window in settings.windows.of("Coffee") if window.origins(history, FROM_DATA)
    ][:16]

    def plain() -> None:
        models = ModelStore(
            open_tables(str(folder / "plain.duckdb"), HORIZON, "512MB", 10.0),
            ModelStore.of(settings).artifacts,
            10**6,
        )
        for window, training in train(
            settings, [WindowToTrain(x, history) for x in windows], inline
        ):
            written = Written("Coffee", "v1.0", window.training_date, AT, "bench")
            rows = [models.row(fit, written, training.history) for fit in training.fits]
            models.store.models.append(written, rows, [])
            loaded, _ = FittedModels(models).of(window, "v1.0", settings.models)
            issued = models.store.paths.issued("Coffee", "v1.0")
            outcome = forecast_window(settings, window, history, loaded, issued)
            models.store.paths.apply(written, outcome.change)

    def through_dagster() -> None:
        definitions = build_definitions(settings)
        bounds = {
            "dagster/asset_partition_range_start": windows[0].key,
            "dagster/asset_partition_range_end": windows[-1].key,
        }
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        instance_folder = folder / "dagster"
        instance_folder.mkdir()
        with DagsterInstance.local_temp(str(instance_folder)) as instance:
            definitions.resolve_job_def("load_prices").execute_in_process(
                instance=instance, partition_key="Coffee", run_config=quiet
            )
            for job in ("train", "forecast"):
                definitions.resolve_job_def(job).execute_in_process(
                    instance=instance, tags=bounds, run_config=quiet
                )

    slow = best(plain, 1)
    return "backfill 16 windows: Dagster, plots and checks", best(through_dagster, 1), slow


def scoring(history: History, folder: Path) -> tuple[str, float, float]:
    """Scoring the whole backfill, after ``backfill``, against drawing and storing its paths."""
    settings = settings_over(history, folder)
    shelf = ModelStore(
        open_tables(str(folder / "plain.duckdb"), HORIZON, "512MB", 10.0),
        ModelStore.of(settings).artifacts,
        10**6,
    )
    store = open_tables(str(folder / "scored.duckdb"), HORIZON, "512MB", 10.0)
    windows = [
        window for window in settings.windows.of("Coffee") if window.origins(history, FROM_DATA)
    ][:16]

    def draw_and_store() -> None:
        for window in windows:
            written = Written("Coffee", "v1.0", window.training_date, AT, "bench")
            loaded, _ = FittedModels(shelf).of(window, "v1.0", settings.models)
            outcome = forecast_window(settings, window, history, loaded, [])
            store.paths.apply(written, outcome.change)

    def assess_and_store() -> None:
        for window in windows:
            written = Written("Coffee", "v1.0", window.training_date, AT, "bench")
            with ThreadPoolExecutor(os.cpu_count()) as threads:
                assessment = assess_window(
                    window,
                    history,
                    store.paths.issued("Coffee", "v1.0"),
                    store.scores.scored("Coffee", "v1.0"),
                    horizon=HORIZON,
                    read=lambda model, days: store.paths.drawn("Coffee", model, "v1.0", days),
                    spread=threads.map,
                )
            store.scores.replace(written, assessment.models, assessment.gone)

    drawn = best(draw_and_store, 1)
    return "score 16 windows: the default roster", best(assess_and_store, 1), drawn


def main() -> None:
    """Measure, and print a table."""
    os.environ.pop("FORECAST_HOME", None)  # no measurement touches anybody's tables
    history = synthetic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [*drawing(history), storing(history, folder)]
        rows += [backfill(history, folder), scoring(history, folder)]
    table = Table(title=f"{ORIGINS} origins x {PATHS} paths x {HORIZON} sessions")
    for heading in ("what", "seconds", "peer's seconds", "ratio"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for what, ours, peer in rows:
        table.add_row(what, f"{ours:.3f}", f"{peer:.3f}", f"{ours / peer:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

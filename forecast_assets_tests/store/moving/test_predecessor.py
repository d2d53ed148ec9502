"""The tables of another system: what is taken, what is refused and why, and that it is sound."""

import base64
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from forecast_assets.errors import StoreError
from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.record.verification import verify
from forecast_assets.store.contract import Condition, Store
from forecast_assets.store.moving.importing import Import
from forecast_assets.store.moving.predecessor import DRAWN_LATER, TOLD_HERE, Forecasts
from forecast_assets.store.moving.predecessor_models import Models
from forecast_assets.store.opening import table_at
from forecast_assets.store.saved_models import load_model
from forecast_assets.timeline.clock import now
from forecast_assets_tests.backfilled import MODELS, backfilled
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.rows import rows, table

TRAINED = date(2020, 4, 1)
DRAWN = datetime(2021, 1, 4, 6, 30)  # noqa: DTZ001 - in UTC, as all moments of the tables
N_PATHS = 5

Paths: TypeAlias = pd.DataFrame
Change = Callable[[Paths], Paths]


@pytest.fixture
def graph(
    make_graph: MakeGraph,
    beginnings: Beginnings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Graph:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    return backfilled(beginnings, make_graph(models=MODELS))


def sessions(store: Store) -> list[date]:
    """Sessions of a window, and one after them."""
    dates = [day for (day,) in rows(store, "market.prices", "date")]
    return [day for day in sorted(dates) if day >= TRAINED][:4]


def paths(store: Store, commodity: str = "Coffee") -> Paths:
    """Paths as another system wrote them, of three forecasts."""
    days, generator = sessions(store), np.random.default_rng(7)
    found = []
    for cutoff, start in pairwise(days):
        for path_id in range(N_PATHS + 1):
            prices = generator.normal(100, 2, 14)
            found.append(
                {
                    "path_id": path_id,
                    "commodity": commodity,
                    "model_name": "sarimax_auto",
                    "model_version": "v0.9",
                    "model_id": f"{commodity}_sarimax_auto_{TRAINED}_v0.9",
                    "training_date": TRAINED,
                    "forecast_start_date": start,
                    "data_cutoff_date": cutoff,
                    "generation_timestamp": DRAWN,
                    **{f"day_{k + 1}": price for k, price in enumerate(prices)},
                    "is_actuals": path_id == 0,
                    "has_data_leakage": False,
                }
            )
    return pd.DataFrame(found)


def written(folder: Path, name: str, some: pd.DataFrame) -> Path:
    """Write a table as Spark does: a folder with a file of Parquet."""
    (folder / name).mkdir(parents=True)
    pq.write_table(
        pa.Table.from_pandas(some, preserve_index=False), folder / name / "part-0.parquet"
    )
    (folder / name / "_SUCCESS").touch()
    return folder


def take(graph: Graph, folder: Path, left_out: Counter[tuple[str, str]] | None = None) -> Import:
    done = Import()
    models, found = (table_at(str(folder), name) for name in ("trained_models", "distributions"))
    if models is not None:
        Models(models, graph.store, graph.settings, done).move()
    if found is not None:
        some = Counter() if left_out is None else left_out
        Forecasts(found, graph.store, graph.settings, now(), done, some).move()
    return done


def reasons(done: Import) -> list[str]:
    return [each.reason for each in done.refused]


def test_forecasts_become_those_of_a_version_of_their_own_and_the_tables_are_sound(
    graph: Graph, tmp_path: Path
) -> None:
    old = paths(graph.store)
    before = table(graph.store, "forecast.forecasts")
    done = take(graph, written(tmp_path / "old", "distributions", old))
    assert (done.failures, done.refused) == ([], [])
    mine: list[Condition] = [("model_version", "=", "predecessor_v0.9")]
    assert len(table(graph.store, "forecast.forecasts")) == len(before) + 3
    (issued, *_) = table(graph.store, "forecast.forecasts", where=mine).to_pylist()
    assert issued["payload_sha256"] == issued["history_fingerprint"] == "predecessor"
    assert issued["model_id"] == "Coffee_sarimax_auto_2020-04-01_predecessor_v0.9"
    assert (issued["n_paths"], issued["generation_timestamp"]) == (N_PATHS, DRAWN)
    kept = table(graph.store, "forecast.distributions", where=mine).to_pandas()
    drawn = kept[kept.path_id > 0].sort_values(["data_cutoff_date", "path_id"])
    said = old[old.path_id > 0].filter(regex="^day_").to_numpy(np.float32)
    assert np.array_equal(drawn.filter(regex="^day_").to_numpy(), said)
    happened = kept[kept.path_id == 0].sort_values("data_cutoff_date")
    closes = dict(rows(graph.store, "market.prices", "date", "close"))
    first = [np.float32(closes[day]) for day in sessions(graph.store)[1:]]
    assert happened.day_1.tolist() == first
    points = table(graph.store, "forecast.point_estimates", where=mine).to_pandas()
    one = points_of(in_order(said[None, :N_PATHS]))
    assert points.sort_values(["data_cutoff_date", "day_ahead"])["median"].tolist()[:14] == (
        one.median[0].tolist()
    )
    assert verify(graph.settings, graph.store).damages == []


def test_they_are_taken_once(graph: Graph, tmp_path: Path) -> None:
    folder = written(tmp_path / "old", "distributions", paths(graph.store))
    take(graph, folder)
    kept = table(graph.store, "forecast.distributions")
    again = take(graph, folder)
    assert table(graph.store, "forecast.distributions").equals(kept)
    assert {x.table: (x.taken, x.same) for x in again.moved.values()} == {
        "forecast.forecasts": (0, 3),
        "forecast.distributions": (0, 3 * (N_PATHS + 1)),
    }


def first_of(change: Change) -> Change:
    """Change the rows of the first forecast."""

    def changed(found: Paths) -> Paths:
        is_first = found.data_cutoff_date == found.data_cutoff_date.min()
        return pd.concat([change(found[is_first].copy()), found[~is_first]])

    return changed


def leaked(found: Paths) -> Paths:
    return found.assign(has_data_leakage=True)


def at_its_cutoff(found: Paths) -> Paths:
    return found.assign(forecast_start_date=found.data_cutoff_date)


def trained_later(found: Paths) -> Paths:
    return found.assign(training_date=found.forecast_start_date + timedelta(1))


def relabelled(found: Paths) -> Paths:
    return found.assign(forecast_start_date=found.forecast_start_date + timedelta(40))


def repeated(found: Paths) -> Paths:
    return pd.concat([found, found])


def with_a_hole(found: Paths) -> Paths:
    return found.assign(day_3=found.day_3.where(found.path_id != 2))


def on_a_weekend(found: Paths) -> Paths:
    return found.assign(data_cutoff_date=date(2020, 4, 4), forecast_start_date=date(2020, 4, 6))


def of_two_starts(found: Paths) -> Paths:
    return found.assign(
        forecast_start_date=found.forecast_start_date.where(
            found.path_id != 2, found.forecast_start_date + timedelta(1)
        )
    )


def strangely_named(found: Paths) -> Paths:
    return found.assign(model_name="../x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (leaked, "it looked ahead: has_data_leakage is not FALSE"),
        (at_its_cutoff, "it looked ahead: it starts by its cutoff"),
        (trained_later, "it looked ahead: it starts by its cutoff, or before its training date"),
        (relabelled, "it starts on another day than the session after its cutoff"),
        (repeated, "its 10 paths are not two or more, numbered from 1 on, each once"),
        (with_a_hole, "a price is missing or is no number"),
        (on_a_weekend, "its cutoff is no session here: load the prices first"),
        (of_two_starts, "its paths have several training_date or forecast_start_date"),
        (strangely_named, "'../x' is no name"),
    ],
)
def test_a_forecast_that_breaks_a_rule_is_refused_and_the_others_land(
    graph: Graph, tmp_path: Path, change: Change, said: str
) -> None:
    old = first_of(change)(paths(graph.store))
    done = take(graph, written(tmp_path / "old", "distributions", old))
    assert done.failures == []
    assert any(said in reason and ": 1 forecasts " in reason for reason in reasons(done))
    mine: list[Condition] = [("model_version", "=", "predecessor_v0.9")]
    assert len(table(graph.store, "forecast.forecasts", where=mine)) == 2
    assert verify(graph.settings, graph.store).damages == []


def test_of_several_drawings_the_newest_is_taken(graph: Graph, tmp_path: Path) -> None:
    first = paths(graph.store)
    later = first.assign(generation_timestamp=DRAWN + timedelta(days=1), day_1=50.0)
    folder = written(tmp_path / "old", "distributions", pd.concat([first, later]))
    left_out: Counter[tuple[str, str]] = Counter()
    assert take(graph, folder, left_out).refused == []
    assert left_out == {
        ("Coffee", TOLD_HERE): 2 * 3,
        ("Coffee", DRAWN_LATER): 3 * N_PATHS,
    }
    mine: list[Condition] = [("model_version", "=", "predecessor_v0.9"), ("path_id", "=", 1)]
    assert set(
        table(graph.store, "forecast.distributions", ["day_1"], mine).column(0).to_pylist()
    ) == {50.0}


def test_texts_for_days_and_moments_with_zones_are_read(graph: Graph, tmp_path: Path) -> None:
    old = paths(graph.store)
    for name in ("training_date", "data_cutoff_date", "forecast_start_date"):
        old[name] = old[name].astype(str)
    old["generation_timestamp"] = pd.to_datetime(old.generation_timestamp).dt.tz_localize("UTC")
    done = take(graph, written(tmp_path / "old", "distributions", old))
    assert done.failures == []
    assert done.of("forecast.forecasts", "Coffee").taken == 3


def with_a_cell(old: Paths, column: str, path_id: int, strange: str | float) -> Paths:
    """Give a path of the first forecast a strange cell, and its column the type of that."""
    is_it = (old.data_cutoff_date == old.data_cutoff_date.min()) & (old.path_id == path_id)
    return old.assign(**{column: old[column].astype(type(strange)).mask(is_it, strange)})


@pytest.mark.parametrize(
    ("column", "strange", "said"),
    [
        ("generation_timestamp", "soon", "generation_timestamp cannot be read as a moment"),
        ("training_date", "May", "training_date cannot be read as a day"),
        ("day_1", "n/a", "day_1 cannot be read as a number"),
        ("is_actuals", "perhaps", "is_actuals cannot be read as TRUE or FALSE"),
        ("path_id", 2.5, "path_id cannot be read as a whole number"),
    ],
)
def test_a_cell_that_cannot_be_read_loses_its_forecast_alone(
    graph: Graph, tmp_path: Path, column: str, strange: str | float, said: str
) -> None:
    old = with_a_cell(paths(graph.store), column, 2, strange)
    done = take(graph, written(tmp_path / "old", "distributions", old))
    assert done.failures == []
    assert [(x.commodity, x.rows, x.reason) for x in done.refused] == [
        (
            "Coffee",
            N_PATHS + 1,
            "sarimax_auto v0.9: 1 forecasts from 2020-04-01 to 2020-04-01: a"
            f" {said}, such as {strange!r}",
        )
    ]
    assert done.of("forecast.forecasts", "Coffee").taken == 2


def test_a_price_of_path_0_that_cannot_be_read_does_no_harm(graph: Graph, tmp_path: Path) -> None:
    old = with_a_cell(paths(graph.store), "day_1", 0, "n/a")
    done = take(graph, written(tmp_path / "old", "distributions", old))
    assert (done.failures, done.refused) == ([], [])
    assert done.of("forecast.forecasts", "Coffee").taken == 3


def test_rows_whose_cutoff_cannot_be_read_are_named_by_their_model(
    graph: Graph, tmp_path: Path
) -> None:
    old = paths(graph.store)
    first = old.data_cutoff_date == old.data_cutoff_date.min()
    old["data_cutoff_date"] = old.data_cutoff_date.astype(str).mask(first, "April")
    done = take(graph, written(tmp_path / "old", "distributions", old))
    assert [(x.commodity, x.rows, x.reason) for x in done.refused] == [
        (
            "Coffee",
            N_PATHS + 1,
            "sarimax_auto v0.9: a data_cutoff_date cannot be read as a day, such as 'April'",
        )
    ]
    assert done.of("forecast.forecasts", "Coffee").taken == 2


def test_columns_of_categories_are_taken(graph: Graph, tmp_path: Path) -> None:
    old = paths(graph.store)
    categories = ["commodity", "model_name", "model_version", "data_cutoff_date"]
    old[categories] = old[categories].astype("category")
    done = take(graph, written(tmp_path / "old", "distributions", old))
    assert (done.failures, done.refused) == ([], [])
    assert done.of("forecast.forecasts", "Coffee").taken == 3


def test_files_that_write_a_column_in_other_ways_are_taken_together(
    graph: Graph, tmp_path: Path
) -> None:
    old = paths(graph.store)
    folder = written(tmp_path / "old", "distributions", old[old.path_id < 3])
    others = old[old.path_id >= 3]
    days = ["training_date", "data_cutoff_date", "forecast_start_date"]
    others = others.assign(**{name: others[name].astype(str) for name in days})
    part = folder / "distributions" / "part-1.parquet"
    pq.write_table(pa.Table.from_pandas(others, preserve_index=False), part)
    done = take(graph, folder)
    assert (done.failures, done.refused) == ([], [])
    assert done.of("forecast.distributions", "Coffee").taken == 3 * (N_PATHS + 1)


def test_a_file_that_is_damaged_is_named(graph: Graph, tmp_path: Path) -> None:
    folder = written(tmp_path / "old", "distributions", paths(graph.store))
    part = folder / "distributions" / "part-1.parquet"
    part.write_bytes(b"PAR1 and no more")
    with pytest.raises(StoreError, match=f"{part}: it cannot be read"):
        take(graph, folder)


def test_columns_that_are_no_prices_are_no_sessions(graph: Graph, tmp_path: Path) -> None:
    old = paths(graph.store).assign(day_of_week=1)
    done = take(graph, written(tmp_path / "old", "distributions", old))
    assert done.of("forecast.forecasts", "Coffee").taken == 3


def test_a_commodity_that_is_not_configured_is_to_be_configured_first(
    graph: Graph, tmp_path: Path
) -> None:
    done = take(graph, written(tmp_path / "old", "distributions", paths(graph.store, "Tea")))
    reason = reasons(done)[-1]
    assert "configure the commodity first, and load its prices by `forecast run`" in reason


class Bomb:
    """What writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def models(graph: Graph, folder: Path) -> pd.DataFrame:
    """Rows of models: one of JSON, and pickled ones, as text of base64 and in a file."""
    (row, *_) = graph.store.models.find("Coffee", "naive", TRAINED)
    good = asdict(row) | {"model_version": "v0.9"}
    del good["options"]
    text = base64.b64encode(pickle.dumps(Bomb(folder / "exploded"))).decode()
    return pd.DataFrame(
        [
            good,
            good | {"model_name": "random_walk", "fitted_model_json": text},
            good
            | {
                "model_name": "prophet",
                "fitted_model_json": None,
                "fitted_model_uri": "s3://models/a.pkl",
                "payload_format": "pickle",
            },
            good
            | {
                "model_name": "random_walk",
                "training_date": date(2020, 5, 6),
                "payload_format": "xml",
            },
        ]
    )


def test_models_of_json_are_taken_and_pickled_ones_are_never_read(
    graph: Graph, tmp_path: Path
) -> None:
    done = take(graph, written(tmp_path / "old", "trained_models", models(graph, tmp_path)))
    assert done.failures == []
    assert done.of("forecast.trained_models", "Coffee").taken == 1
    pickled, elsewhere, unknown = reasons(done)
    assert pickled == (
        "random_walk v0.9 2020-04-01: a pickled payload is never read, since it could run any"
        " program; train it here: `forecast run --commodity Coffee --from 2020-04-01 --to"
        " 2020-04-01`"
    )
    assert "prophet v0.9 2020-04-01: a pickled payload is never read" in elsewhere
    assert "configure a model in its place (naive, random_walk)" in elsewhere
    assert "its payload is 'xml', and only 'json' of this project can be read" in unknown
    assert "--train-on 2020-05-06 --model-version trained_2020-05-06`" in unknown
    assert not (tmp_path / "exploded").exists()
    taken = load_model(
        commodity="Coffee",
        model_name="naive",
        training_date=TRAINED,
        model_version="predecessor_v0.9",
    )
    assert taken.name == "naive"
    assert verify(graph.settings, graph.store).damages == []


def test_a_day_of_a_model_that_cannot_be_read_loses_that_model_alone(
    graph: Graph, tmp_path: Path
) -> None:
    some = models(graph, tmp_path)
    folder = written(tmp_path / "old", "trained_models", some[1:2])
    texts = pd.concat([some[:1], some[:1]]).assign(training_date=[str(TRAINED), "soon"])
    part = folder / "trained_models" / "part-1.parquet"
    pq.write_table(pa.Table.from_pandas(texts, preserve_index=False), part)
    done = take(graph, folder)
    assert done.of("forecast.trained_models", "Coffee").taken == 1
    _, unknown = reasons(done)
    assert unknown.startswith("naive v0.9 soon: Invalid isoformat string: 'soon'")


def test_tables_of_another_form_are_refused(graph: Graph, tmp_path: Path) -> None:
    old = paths(graph.store)
    with pytest.raises(StoreError, match="distributions: it has no model_name"):
        take(graph, written(tmp_path / "a", "distributions", old.drop(columns="model_name")))
    with pytest.raises(StoreError, match="15 sessions ahead, another horizon"):
        take(graph, written(tmp_path / "b", "distributions", old.assign(day_15=1.0)))
    few = models(graph, tmp_path).drop(columns="training_date")
    with pytest.raises(StoreError, match="trained_models: it has no training_date"):
        take(graph, written(tmp_path / "c", "trained_models", few))


def test_what_is_left_out_on_purpose_is_a_note_of_the_command(graph: Graph, tmp_path: Path) -> None:
    folder = written(tmp_path / "old", "distributions", paths(graph.store))
    for _ in range(2):
        done = forecast("import", "--predecessor", str(folder))
        assert done.exit_code == 0, done.output
        assert f"note: Coffee: 3 paths left out: {TOLD_HERE}" in done.output
        assert f"All of {folder} is in" in done.output
        assert "nothing" not in done.output


def test_a_refusal_beside_what_is_there_already_does_not_say_that_nothing_is(
    graph: Graph, tmp_path: Path
) -> None:
    old = paths(graph.store)
    take(graph, written(tmp_path / "old", "distributions", old))
    more = pd.concat([old, leaked(old).assign(model_name="naive")])
    done = forecast(
        "import", "--predecessor", str(written(tmp_path / "more", "distributions", more))
    )
    assert done.exit_code == 1
    assert "Coffee: nothing more of it was taken" in done.output


def test_the_command_reports_what_it_took_and_refused(graph: Graph, tmp_path: Path) -> None:
    folder = written(tmp_path / "old", "distributions", paths(graph.store))
    written(folder, "trained_models", models(graph, tmp_path))
    done = forecast("import", "--predecessor", str(folder))
    assert done.exit_code == 1
    assert "forecast.distributions" in done.output
    assert f"error: {folder}: not all of it could be taken" in done.output
    assert "--from 2020-04-01" in " ".join(done.output.split())
    nothing = forecast("import", "--predecessor", str(tmp_path / "nowhere"))
    assert nothing.exit_code == 1
    assert "there is neither trained_models nor distributions" in nothing.output


@pytest.mark.engine
def test_tables_of_delta_are_taken(graph: Graph, tmp_path: Path) -> None:
    folder = tmp_path / "old" / "distributions"
    write_deltalake(str(folder), pa.Table.from_pandas(paths(graph.store), preserve_index=False))
    done = take(graph, tmp_path / "old")
    assert done.failures == []
    assert done.of("forecast.forecasts", "Coffee").taken == 3

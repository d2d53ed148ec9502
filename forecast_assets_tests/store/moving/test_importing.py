"""Importing: equal tables, a killed import that goes on, and what is refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecast_assets.errors import ConfigurationError, StoreError
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.contract import Store
from forecast_assets.store.moving import pieces
from forecast_assets.store.moving.export_note import NOTE
from forecast_assets.store.moving.exporting import ARTIFACTS, Wanted, export
from forecast_assets.store.moving.importing import Import, Mover
from forecast_assets.store.moving.moved_artifacts import Payloads
from forecast_assets.store.opening import source_at
from forecast_assets.store.saved_models import artifacts_of
from forecast_assets.store.sql.moved_rows import DuckDBMovedRows
from forecast_assets.store.tables import tables
from forecast_assets_tests.backfilled import MODELS, backfilled, held
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.engines import ENGINES, Engine, open_duckdb
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.records import AT
from forecast_assets_tests.rows import rows


@pytest.fixture
def graph(make_graph: MakeGraph, beginnings: Beginnings) -> Graph:
    return backfilled(beginnings, make_graph(models=MODELS, artifacts={"threshold_bytes": 10}))


@pytest.fixture
def payloads(graph: Graph, tmp_path: Path) -> Payloads:
    """Where the payloads of the models are, and where they go."""
    return Payloads(artifacts_of(graph.settings), ArtifactStore(str(tmp_path / "payloads")))


@pytest.fixture(
    params=[
        pytest.param(ENGINES[name], id=name, marks=ENGINES[name].marks)
        for name in ("duckdb", "delta")
    ]
)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    engine: Engine = request.param
    return engine.opened(tmp_path / "target", 14)


def test_imported_tables_are_equal_and_importing_again_takes_nothing(
    graph: Graph, target: Store, payloads: Payloads
) -> None:
    with graph.store.reading() as source:
        done = Mover(source, target, 14, payloads).move()
    assert (done.refused, done.failures, done.lacking) == ([], [], [])
    kept, found = held(graph.store), held(target)
    assert [name for name in kept if kept[name] != found[name]] == []
    with graph.store.reading() as source:
        again = Mover(source, target, 14, payloads).move()
    assert (again.refused, again.failures) == ([], [])
    assert sum(x.taken for x in again.moved.values() if x.commodity) == 0


@pytest.fixture
def folder(graph: Graph, tmp_path: Path) -> Path:
    """The same tables as an export of Parquet."""
    place = tmp_path / "export"
    export(graph.store, 14, artifacts_of(graph.settings), place, Wanted("parquet"), print_nothing)
    return place


def print_nothing(line: str) -> None:
    """Whoever waits is told of nothing here."""


@pytest.fixture
def ours(tmp_path: Path) -> Store:
    """Tables of the embedded engine, which are empty."""
    return open_duckdb(tmp_path, 14)


def moved(folder: Path, store: Store, *commodities: str) -> Import:
    with source_at(str(folder), "256MB", 30) as source:
        artifacts = ArtifactStore(str(folder / ARTIFACTS))
        return Mover(source, store, 14, Payloads(artifacts, artifacts)).move(commodities)


def change(folder: Path, name: str, changed: Callable[[pa.Table], pa.Table]) -> None:
    """Put other rows into a file of an export, and note how many."""
    file = folder / f"{name.replace('.', '/')}.parquet"
    found = changed(pq.read_table(file))
    pq.write_table(found, file)
    note = json.loads((folder / NOTE).read_text())
    note["tables"][name] = len(found)
    (folder / NOTE).write_text(json.dumps(note))


def with_other(folder: Path, named: str) -> None:
    """Let an export have another commodity with rows like those of Coffee."""

    def doubled(rows: pa.Table) -> pa.Table:
        place = rows.schema.get_field_index("commodity")
        other = pa.repeat(pa.scalar(named), len(rows))
        return pa.concat_tables([rows, rows.set_column(place, rows.schema.field(place), other)])

    for each in tables(14).values():
        if not each.view and "commodity" in each.schema.names and each.short_name != "leaderboard":
            change(folder, each.name.removeprefix("commodity."), doubled)


def replaced(
    rows: pa.Table, column: str, value: object, where: Callable[[dict[str, Any]], bool]
) -> pa.Table:
    said = [row | {column: value} if where(row) else row for row in rows.to_pylist()]
    return pa.Table.from_pylist(said, schema=rows.schema)


def counted(store: Store) -> dict[str, int]:
    """How many rows of the ledger each commodity has."""
    found = [name for (name,) in rows(store, "forecast.forecasts", "commodity")]
    return {name: found.count(name) for name in sorted(set(found))}


def test_an_import_that_was_killed_goes_on(
    graph: Graph, ours: Store, payloads: Payloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", 1000)  # 50 forecasts of 20 paths
    take, calls = DuckDBMovedRows.take, []

    def killed(self: DuckDBMovedRows, *given: Any) -> dict[str, int]:
        calls.append(given)
        if len(calls) == 8:  # prices, two models, their superseded forecasts, two pieces
            raise KeyboardInterrupt
        return take(self, *given)

    with monkeypatch.context() as patch, graph.store.reading() as source:
        patch.setattr(DuckDBMovedRows, "take", killed)
        with pytest.raises(KeyboardInterrupt):
            Mover(source, ours, 14, payloads).move()
    assert 0 < counted(ours)["Coffee"] < counted(graph.store)["Coffee"]
    models = rows(ours, "forecast.trained_models", "fitted_model_uri", "model_size_bytes")
    assert len(models) == 4
    assert all(payloads.target.read(uri, size) for uri, size in models)  # no row is without its own
    with graph.store.reading() as source:
        done = Mover(source, ours, 14, payloads).move()
    assert (done.refused, done.failures) == ([], [])
    kept, found = held(graph.store), held(ours)
    assert [name for name in kept if kept[name] != found[name]] == []


@pytest.mark.parametrize(
    ("name", "column", "value", "said"),
    [
        ("forecast.distributions", "has_data_leakage", True, 'a row is not NOT "has_data_leakage"'),
        ("forecast.distributions", "path_id", 99, "its paths are not 0 to 20, each once"),
        ("forecast.scores", "crps", float("inf"), "crps is infinite or no number"),
        ("forecast.trained_models", "options", "{", "options is not JSON"),
        ("forecast.trained_models", "model_name", "a b", "model_name 'a b' is no name"),
        ("market.price_revisions", "source", None, "source has no value"),
    ],
)
def test_a_row_that_breaks_a_rule_keeps_its_commodity_out_and_the_others_land(
    folder: Path, ours: Store, name: str, column: str, value: object, said: str
) -> None:
    with_other(folder, "Tea")

    def broken(row: dict[str, Any]) -> bool:
        is_first = row.get("path_id", 1) == 1 and row.get("revision", 1) == 1
        return bool(row["commodity"] == "Tea" and is_first)

    def nullable(rows: pa.Table) -> pa.Table:
        return rows.cast(pa.schema([each.with_nullable(True) for each in rows.schema]))

    change(folder, name, lambda rows: replaced(nullable(rows), column, value, broken))
    done = moved(folder, ours)
    assert done.failures == []
    assert {(x.table, x.commodity) for x in done.refused} == {(name, "Tea")}
    assert said in done.refused[0].reason
    assert list(counted(ours)) == ["Coffee"]
    assert ours.names.known() == ["Coffee"]


def test_rows_that_are_there_and_not_in_the_import_keep_it_out(folder: Path, ours: Store) -> None:
    with_other(folder, "Tea")
    day = np.array(["2020-01-02"], dtype="datetime64[D]")
    said = pd.DataFrame({"date": day, "close": [1.0]}).reindex(columns=list(COLUMNS))
    ours.prices.write(Observations("Coffee", "file:a.csv", said, []), AT, "a run")
    before = rows(ours, "market.marks", "mark")
    done = moved(folder, ours)
    assert {(x.table, x.commodity) for x in done.refused} == {("market.price_revisions", "Coffee")}
    assert "the tables here have other rows of this commodity" in done.refused[0].reason
    assert list(counted(ours)) == ["Tea"]
    assert rows(ours, "market.marks", "mark") == before  # these tables were not new


def test_a_commodity_can_be_imported_alone_and_names_that_differ_by_case_cannot(
    folder: Path, ours: Store
) -> None:
    with_other(folder, "COFFEE")
    assert moved(folder, ours, "Coffee").refused == []
    assert rows(ours, "forecast.leaderboard") == []  # that of all would not be of these tables
    (refused,) = moved(folder, ours).refused
    assert refused.reason == "Coffee differs from it only by case"
    with pytest.raises(ConfigurationError, match="found Tea, allowed: COFFEE, Coffee"):
        moved(folder, ours, "Tea")


def each(row: dict[str, Any]) -> bool:
    """Whether a row is changed: all of them are."""
    return True


def test_a_version_with_aneach_is_refused(folder: Path, ours: Store) -> None:
    moved(folder, ours)
    with_other(folder, "Tea")
    change(folder, "forecast.versions", lambda found: replaced(found, "n_paths", 7, each))
    with pytest.raises(StoreError, match="these tables pin another meaning"):
        moved(folder, ours)
    assert list(counted(ours)) == ["Coffee"]


def newer(folder: Path) -> None:
    change(folder, "market.schema_versions", lambda x: replaced(x, "schema_version", 99, each))


def older(folder: Path) -> None:
    change(folder, "market.schema_versions", lambda x: replaced(x, "schema_version", 4, each))


def part(folder: Path) -> None:
    note = json.loads((folder / NOTE).read_text())
    (folder / NOTE).write_text(json.dumps(note | {"first": "2020-01-01"}))


def some(folder: Path) -> None:
    note = json.loads((folder / NOTE).read_text())
    del note["tables"]["forecast.scores"]
    (folder / NOTE).write_text(json.dumps(note | {"form": "delta"}))


def huge(folder: Path) -> None:
    note = json.loads((folder / NOTE).read_text())
    (folder / NOTE).write_text(json.dumps(note | {"horizon": 100_000_000}))


def fewer(folder: Path) -> None:
    file = folder / "forecast" / "scores.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)


def damaged(folder: Path) -> None:
    (folder / "forecast" / "scores.parquet").write_bytes(b"PAR1")


def gone(folder: Path) -> None:
    (folder / "forecast" / "scores.parquet").unlink()


def without(folder: Path) -> None:
    change(folder, "forecast.scores", lambda rows: rows.drop_columns(["crps"]))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (newer, "of a newer release .schema 99; this one knows up to 5.: install that release"),
        (older, "of an older release .schema 4, and here it is 5.: run a command of this release"),
        (part, "of some days or columns, and only whole commodities can be imported"),
        (some, "the export has no forecast.scores, and only whole commodities can be imported"),
        (huge, "export.json: no note of an export .1 mistakes.: export again"),
        (fewer, "scores.parquet: .* rows, and the export had .*: export again"),
        (damaged, "scores.parquet: "),
        (gone, "scores.parquet: there is no such file: export again"),
        (without, "scores.parquet: its columns are not those of this release: crps"),
    ],
)
def test_what_cannot_be_imported_at_all_is_told_and_nothing_is_taken(
    folder: Path, ours: Store, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(folder)
    with pytest.raises(StoreError, match=said):
        moved(folder, ours)
    assert counted(ours) == {}

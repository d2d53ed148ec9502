"""What tables are exported to: files with the same rows, of which a part may be asked for."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from forecast_assets.errors import ConfigurationError, StoreError
from forecast_assets.store import exporting, pieces
from forecast_assets.store.export_note import ExportNote
from forecast_assets.store.exported_folder import ExportedFolder
from forecast_assets.store.exporting import Wanted, export
from forecast_assets.store.pieces import Choice
from forecast_assets.store.saved_models import artifacts_of
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Table
from forecast_assets_tests.backfilled import MODELS, backfilled
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.graphs import Graph, MakeGraph, load
from forecast_assets_tests.rows import rows, table


@pytest.fixture
def graph(make_graph: MakeGraph, beginnings: Beginnings) -> Graph:
    return backfilled(beginnings, make_graph(models=MODELS))


def exported(graph: Graph, folder: Path, wanted: Wanted) -> exporting.Exported:
    artifacts = artifacts_of(graph.settings)
    return export(graph.store, 14, artifacts, folder, wanted, lambda line: None)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_files_have_the_rows_of_all_tables_whatever_their_pieces(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", 50)  # two forecasts of 20 paths
    found = exported(graph, tmp_path / "export", Wanted(form))
    note = ExportNote.read(tmp_path / "export")
    assert note is not None
    folder = ExportedFolder(tmp_path / "export", note)
    folder.require_whole()
    for each in tables(14).values():
        if not each.view:
            short = each.name.removeprefix("commodity.")
            kept = table(graph.store, short)
            read = folder.read(each.name).sort_by([(x, "ascending") for x in kept.column_names])
            assert read.cast(kept.schema).equals(kept), short
            assert found.rows[short] == len(kept)
    assert found.rows["forecast.distributions"] > 1000
    assert found.rows["forecast.superseded_forecasts"] > 0
    assert found.problems == []


def read(folder: Path, name: str) -> pa.Table:
    return pyarrow.parquet.read_table(folder / f"{name.replace('.', '/')}.parquet")


def test_a_part_is_of_some_days_by_the_column_of_each_table(graph: Graph, tmp_path: Path) -> None:
    days = Choice(("Coffee",), date(2020, 5, 4), date(2020, 6, 5))
    exported(graph, tmp_path / "part", Wanted("parquet", days))
    for name, day in (
        ("forecast.distributions", "data_cutoff_date"),
        ("forecast.scores", "data_cutoff_date"),
        ("market.price_revisions", "date"),
    ):
        kept = [x for x in rows(graph.store, name, day) if days.first <= x[0] <= days.last]
        assert sorted(read(tmp_path / "part", name).column(day).to_pylist()) == [x[0] for x in kept]
        assert kept
    assert len(read(tmp_path / "part", "forecast.versions")) == 1  # of no day: whole


def test_columns_are_those_of_paths_and_views_can_be_asked_for(
    graph: Graph, tmp_path: Path
) -> None:
    named = ("data_cutoff_date", "day_14")
    found = exported(graph, tmp_path / "columns", Wanted("parquet", columns=named))
    assert list(found.rows) == ["forecast.distributions"]
    assert read(tmp_path / "columns", "forecast.distributions").column_names == list(named)
    view = "forecast.published_distributions"
    exported(graph, tmp_path / "view", Wanted("csv", names=("published_distributions",)))
    written = pyarrow.csv.read_csv(tmp_path / "view" / "forecast" / "published_distributions.csv")
    assert len(written) == len(table(graph.store, view)) > 0


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("xlsx"), "--to: found 'xlsx', allowed: parquet, delta, csv"),
        (
            Wanted("csv", names=("path",)),
            "--table: found path, allowed: commodity_renames, covariates",
        ),
        (
            Wanted("csv", names=("scores",), columns=("crps", "day_1")),
            "--columns: found day_1, allowed for scores: commodity, model_name",
        ),
        (Wanted("csv", Choice(("Tea",))), "--commodity: found Tea, allowed: Coffee"),
    ],
)
def test_names_that_there_are_not_are_told_with_those_that_there_are(
    graph: Graph, tmp_path: Path, wanted: Wanted, said: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        exported(graph, tmp_path / "export", wanted)
    assert str(error.value).startswith(said)


def test_an_export_replaces_nothing_and_one_that_fails_leaves_nothing(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / ".export.new"
    killed.mkdir()
    (killed / "left").touch()

    def full(tables: object, chosen: Table, *rest: object) -> int:
        if chosen.short_name == "scores":
            raise OSError(28, "No space left on device")
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "_written", full)
        with pytest.raises(StoreError, match=r"cannot be exported: .*No space left"):
            exported(graph, tmp_path / "export", Wanted("csv"))
    assert not killed.exists()
    assert not (tmp_path / "export").exists()
    exported(graph, tmp_path / "export", Wanted("csv"))
    assert not (tmp_path / "export" / "left").exists()
    with pytest.raises(StoreError, match="it is there already, and an export replaces nothing"):
        exported(graph, tmp_path / "export", Wanted("csv"))


def test_payloads_that_are_not_in_the_tables_are_copied_and_one_that_is_gone_is_told(
    make_graph: MakeGraph, tmp_path: Path
) -> None:
    graph = make_graph(models=["naive"], artifacts={"threshold_bytes": 10})
    load(graph)
    graph.run("train", "Coffee|2020-01-01")
    found = exported(graph, tmp_path / "export", Wanted("parquet"))
    assert found.problems == []
    ((address, name),) = rows(
        graph.store, "forecast.trained_models", "fitted_model_uri", "model_id"
    )
    kept = Path(graph.settings.artifacts_url.removeprefix("file://")) / address
    assert (tmp_path / "export" / "artifacts" / address).read_bytes() == kept.read_bytes()
    kept.unlink()
    (problem,) = exported(graph, tmp_path / "again", Wanted("parquet")).problems
    assert problem.startswith(f"{name}: the artifact {address} cannot be read")

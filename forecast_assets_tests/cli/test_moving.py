"""`forecast export` and `forecast import`: to other engines and back, and what they say."""

import re
from pathlib import Path

import pytest
import yaml

from forecast_assets.configuration.settings import Settings
from forecast_assets.store.opening import open_store
from forecast_assets_tests.backfilled import MODELS, backfilled, held
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.graphs import Graph, MakeGraph

HELD = dict[str, list[object]]


@pytest.fixture
def graph(
    make_graph: MakeGraph,
    beginnings: Beginnings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Graph:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    return backfilled(beginnings, make_graph(models=MODELS))


def configured(folder: Path, **keys: object) -> Settings:
    """The configuration, with other keys."""
    file = folder / "forecast.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | keys))
    return Settings.load(file)


def unlike(kept: HELD, found: HELD) -> list[str]:
    return [name for name in kept if kept[name] != found[name]]


def test_tables_moved_by_files_are_equal(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = held(graph.store)
    done = forecast("export", "--to", "csv")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "home" / "export"
    assert f"Exported to {folder}" in done.output
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "other"))
    found = forecast("import", str(folder))
    assert found.exit_code == 0, found.output
    assert "forecast.distributions" in found.output
    assert unlike(kept, held(open_store(Settings.load(tmp_path / "forecast.yaml")))) == []
    file = tmp_path / "home" / "commodity.duckdb"
    again = forecast("import", str(file))
    assert again.exit_code == 0, again.output
    assert f"All of {file} is in {tmp_path / 'other' / 'commodity.duckdb'}" in again.output


@pytest.mark.engine
def test_embedded_to_delta_and_back_gives_equal_tables(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = held(graph.store)
    elsewhere, lake = tmp_path / "elsewhere", tmp_path / "elsewhere" / "lake #1"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    done = forecast("export", "--to", "delta", lake.name)
    assert done.exit_code == 0, done.output
    hint = re.search(r"`store: (.*)` keeps the tables there", done.output)
    assert hint is not None, done.output
    over = open_store(configured(tmp_path, store=yaml.safe_load(hint[1])))
    assert unlike(kept, held(over)) == []
    assert [each for each in tmp_path.rglob("_delta_log") if lake not in each.parents] == []
    assert forecast("verify").exit_code == 0
    configured(tmp_path, store={"type": "duckdb"})
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "other"))
    back = forecast("import", str(lake))
    assert back.exit_code == 0, back.output
    assert unlike(kept, held(open_store(Settings.load(tmp_path / "forecast.yaml")))) == []
    assert forecast("verify").exit_code == 0


@pytest.mark.engine
def test_tables_of_delta_are_exported_and_imported_where_the_store_is_delta(
    graph: Graph, tmp_path: Path
) -> None:
    kept = held(graph.store)
    over = open_store(configured(tmp_path, store={"type": "delta", "url": "lake"}))
    done = forecast("import", str(tmp_path / "home" / "commodity.duckdb"))
    assert done.exit_code == 0, done.output
    assert unlike(kept, held(over)) == []
    exported = forecast(
        "export", "--to", "parquet", str(tmp_path / "files"), "--from", "2020-05-04"
    )
    assert exported.exit_code == 0, exported.output
    assert "This is a part, for other programs" in exported.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "--to", "parquet", "--to", "delta"), "one of parquet, delta, csv"),
        (("export", "--to", "2024-01-01"), "one of parquet, delta, csv"),
        (("export", "--to", "csv", "--to", "2024-02-30"), "one of parquet, delta, csv"),
        (
            ("export", "--to", "csv", "--to", "2020-01-01", "--from", "2020-02-01"),
            "--to: found 2020-01-01, allowed: a day from 2020-02-01 on",
        ),
        (("export", "--to", "csv", "--table", "paths"), "--table: found paths, allowed: "),
        (("export", "s3://bucket/x", "--to", "csv"), "found s3://bucket/x, allowed: the path of a"),
        (("export", "/", "--to", "csv"), "found /, allowed: the path of a new folder"),
        (("import", "nothing"), "nothing: there is no such file"),
        (("import", "home/commodity.duckdb"), "found the configured tables themselves"),
    ],
)
def test_what_is_not_allowed_is_told(
    graph: Graph,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = forecast(*arguments)
    assert done.exit_code != 0
    assert said in " ".join(done.output.replace("│", " ").split())

"""What ``forecast status`` costs: the tables are opened once for all of a commodity."""

from pathlib import Path

import pytest

from forecast_assets.store.duckdb.engine import Engine
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.graphs import MakeGraph, load
from forecast_assets_tests.histories import make_history, write_prices

NAMES = ("Cocoa", "Coffee", "Sugar")


def test_a_status_opens_the_tables_for_a_row_for_the_notes_and_for_the_failures_of_a_commodity(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commodities = {}
    for name in NAMES:
        write_prices(tmp_path / "prices" / f"{name}.csv", make_history(520, commodity=name))
        source = {"type": "file", "path": f"prices/{name}.csv"}
        commodities[name] = {"unit": "USD", "source": source}
    graph = make_graph(commodities=commodities, models=["naive"])
    for name in NAMES:
        load(graph, name)
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    opened: list[bool] = []
    attach = Engine._attach

    def counted(engine: Engine, *, read_only: bool) -> None:
        opened.append(read_only)
        attach(engine, read_only=read_only)

    monkeypatch.setattr(Engine, "_attach", counted)
    counts = []
    for asked in (["--commodity", "Coffee"], []):
        opened.clear()
        said = forecast("status", *asked)
        assert said.exit_code == 0, said.output
        counts.append(len(opened))
    one, all_of_them = counts
    assert all_of_them - one == 3 * (len(NAMES) - 1)

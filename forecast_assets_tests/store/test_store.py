"""The tables in a real DuckDB file: whole writes, kept revisions, patience with locks."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from forecast_assets.errors import StoreError, StoreLocked
from forecast_assets.forecast.records import ModelFailure, WindowChange
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.market.rows import Rejection
from forecast_assets.store.duckdb import window_change
from forecast_assets.store.duckdb.database import holds_rows
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets_tests.graphs import ROOT
from forecast_assets_tests.records import AT, DAYS, WRITTEN, draw, model


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    return DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=0.5)


def observations(closes: dict[str, float], rejected: int = 0) -> Observations:
    prices = pd.DataFrame({"date": pd.to_datetime(list(closes)), "close": list(closes.values())})
    refused = [Rejection("Coffee", "a.csv", 2, "close", "x", "no")] * rejected
    return Observations("Coffee", "file:a.csv", prices.reindex(columns=list(COLUMNS)), refused)


def test_prices_are_added_revised_and_withdrawn_and_nothing_is_lost(store: DuckDBStore) -> None:
    first = store.prices.write(observations({"2024-01-01": 1, "2024-01-02": 2}), AT, "one")
    assert (first.added, first.revised, first.withdrawn, first.unchanged) == (2, 0, 0, 0)
    later = observations({"2024-01-02": 2.5, "2024-01-03": 3})
    second = store.prices.write(later, AT, "two", allow_withdrawals=True)
    assert (second.added, second.revised, second.withdrawn, second.unchanged) == (1, 1, 1, 0)
    third = store.prices.write(observations({"2024-01-02": 2.5, "2024-01-03": 3}), AT, "three")
    assert (third.added, third.revised, third.withdrawn, third.unchanged) == (0, 0, 0, 2)
    history = store.prices.history("Coffee")
    assert history.dates.tolist() == [date(2024, 1, 2), date(2024, 1, 3)]
    assert history.closes.tolist() == [2.5, 3.0]
    earlier = observations({"2024-01-01": 1, "2024-01-02": 2.5})
    back = store.prices.write(earlier, AT, "four", allow_withdrawals=True)
    assert (back.added, back.withdrawn, back.unchanged) == (1, 1, 1)
    with store.database.reading() as connection:
        revisions = connection.execute(
            "SELECT date, revision, close, ingested_by FROM market.price_revisions ORDER BY ALL"
        ).fetchall()
    assert revisions == [
        (date(2024, 1, 1), 1, 1.0, "one"),
        (date(2024, 1, 1), 2, None, "two"),
        (date(2024, 1, 1), 3, 1.0, "four"),
        (date(2024, 1, 2), 1, 2.0, "one"),
        (date(2024, 1, 2), 2, 2.5, "two"),
        (date(2024, 1, 3), 1, 3.0, "two"),
        (date(2024, 1, 3), 2, None, "four"),
    ]


def test_a_source_with_refused_rows_withdraws_nothing(store: DuckDBStore) -> None:
    store.prices.write(observations({"2024-01-01": 1, "2024-01-02": 2}), AT, "one")
    changes = store.prices.write(observations({"2024-01-02": 2.5}, rejected=1), AT, "two")
    assert (changes.revised, changes.withdrawn) == (1, 0)
    assert len(store.prices.history("Coffee")) == 2


def test_no_prices_at_all_are_refused(store: DuckDBStore) -> None:
    with pytest.raises(StoreError, match="refusing to write no prices"):
        store.prices.write(observations({}), AT, "one")


def test_empty_tables_read_as_empty(store: DuckDBStore) -> None:
    assert len(store.prices.history("Coffee")) == 0
    assert store.models.find() == []
    assert store.paths.issued("Coffee", "v1.0") == []
    assert store.failures.find("Coffee", "v1.0") == []


def test_reading_where_no_file_is_finds_empty_tables_and_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "data" / "commodity.duckdb"
    store = DuckDBStore(path, 3, "256MB", lock_timeout_seconds=0.5)
    assert len(store.prices.history("Coffee")) == 0
    assert store.paths.issued("Coffee", "v1.0") == []
    assert store.names.known() == []
    with store.database.reading() as connection:
        as_of = "SELECT * FROM commodity.market.prices_as_of(now()::TIMESTAMP)"
        assert connection.execute(as_of).fetchall() == []
    assert not path.parent.exists()


@pytest.mark.parametrize("content", ["no tables", "no rows", "a row", "no DuckDB file"])
def test_a_file_holds_rows_unless_it_is_seen_to_hold_none(store: DuckDBStore, content: str) -> None:
    path = store.database.path
    match content:
        case "no tables":
            duckdb.connect(path).close()
        case "no rows":
            store.marks.leave("a run", AT)
        case "a row":
            store.models.append(WRITTEN, [model()], [])
        case _:
            path.write_bytes(b"another program's")
    before = path.read_bytes()
    assert holds_rows(path) == (content in ("a row", "no DuckDB file"))
    assert path.read_bytes() == before


def test_a_file_whose_maker_was_killed_before_its_tables_is_usable(store: DuckDBStore) -> None:
    duckdb.connect(store.database.path).close()
    assert store.models.find() == []


def test_a_model_trained_again_keeps_the_old_row_inactive(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    store.models.append(WRITTEN, [model(sha256="two", second=1), model("garch")], [])
    assert [row.payload_sha256 for row in store.models.find()] == ["one", "two"]
    assert store.models.find(model_name="naive") == [model(sha256="two", second=1)]
    with store.database.reading() as connection:
        rows = connection.execute(
            "SELECT payload_sha256, is_active FROM forecast.trained_models"
            " WHERE model_name = 'naive' ORDER BY ALL"
        ).fetchall()
    assert rows == [("one", False), ("two", True)]


def test_a_model_that_fails_now_is_retired_and_named(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    store.models.append(WRITTEN, [], [ModelFailure("naive", "no convergence")])
    assert store.models.find() == []
    (failure,) = store.failures.find("Coffee", "v1.0")
    assert (failure.model_name, failure.stage, failure.reason) == (
        "naive",
        "train",
        "no convergence",
    )
    store.models.append(WRITTEN, [model(second=1)], [])
    assert store.failures.find("Coffee", "v1.0") == []


def test_the_very_same_model_saved_twice_is_one_row(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    store.models.append(WRITTEN, [model(second=1)], [])
    with store.database.reading() as connection:
        counted = connection.execute("SELECT count(*) FROM forecast.trained_models").fetchall()
    assert counted == [(1,)]


def test_half_a_file_takes_nothing_back_unless_it_is_meant(store: DuckDBStore) -> None:
    whole = {f"2024-01-{day:02}": float(day) for day in range(1, 21)}
    half = dict(list(whole.items())[:10]) | {"2024-02-01": 9.0}
    store.prices.write(observations(whole), AT, "one")
    kept = store.prices.write(observations(half), AT, "two")
    assert (kept.added, kept.withdrawn, kept.missing) == (1, 0, 10)
    assert len(store.prices.history("Coffee")) == 21
    meant = store.prices.write(observations(half), AT, "three", allow_withdrawals=True)
    assert (meant.withdrawn, meant.missing) == (10, 0)
    assert len(store.prices.history("Coffee")) == 11


def test_versions_and_dates_never_touch_each_other(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    other = replace(WRITTEN, model_version="experiment_gdelt_v1")
    twin = replace(model(), model_id="another", model_version="experiment_gdelt_v1")
    store.models.append(other, [twin], [])
    store.paths.apply(other, WindowChange([draw(value=100.0)]))
    assert [row.is_active for row in store.models.find()] == [True, True]
    assert store.models.find(model_version="v1.0") == [model()]
    ours = store.paths.read("Coffee", [date(2024, 1, 1)], "v1.0")
    assert ours.column("day_1").to_pylist()[:3] == [None, 1.0, 4.0]
    assert len(store.paths.read("Coffee", [date(2024, 1, 1)])) == 2 * (12 + 3)


def test_paths_land_in_their_columns(store: DuckDBStore) -> None:
    assert store.paths.apply(WRITTEN, WindowChange([draw()])) == 12
    rows = store.paths.read("Coffee", [date(2024, 1, 1)]).to_pylist()
    assert len(rows) == 12 + 3  # and what happened beside each forecast
    assert rows[7] == {
        "path_id": 2,
        "commodity": "Coffee",
        "model_name": "naive",
        "model_version": "v1.0",
        "model_id": "Coffee_naive_2024-01-01_v1.0",
        "training_date": date(2024, 1, 1),
        "forecast_start_date": date(2024, 1, 3),
        "data_cutoff_date": date(2024, 1, 2),
        "generation_timestamp": AT,
        "day_1": 16.0,  # forecast 1, path 1, session 0: (1 * 4 + 1) * 3 + 0, and 1
        "day_2": 17.0,
        "day_3": 18.0,
        "is_actuals": False,
        "has_data_leakage": False,
    }
    nothing_yet = {"path_id": 0, "is_actuals": True, "day_1": None, "day_2": None, "day_3": None}
    assert rows[5] == rows[7] | nothing_yet


def test_drawing_again_replaces_and_never_duplicates(store: DuckDBStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    store.paths.apply(WRITTEN, WindowChange([draw(DAYS[1:], value=50.0)]))
    table = store.paths.read("Coffee", [date(2024, 1, 1)])
    assert len(table) == 12 + 3
    assert table.column("day_1").to_pylist()[4:7] == [10.0, None, 50.0]
    assert len(store.paths.issued("Coffee", "v1.0")) == 3


def test_the_newest_forecast_of_each_model_is_a_fan(store: DuckDBStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    fans = store.paths.newest("Coffee", date(2024, 1, 1), "v1.0")
    assert list(fans) == ["naive"]
    assert (fans["naive"].cutoff, fans["naive"].start) == (DAYS[2], date(2024, 1, 4))
    assert fans["naive"].paths.tolist() == draw().paths[2].tolist()


def test_a_forecast_moves_to_the_session_that_came(store: DuckDBStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    store.paths.apply(WRITTEN, WindowChange(moved=[(DAYS[2], date(2024, 1, 8))]))
    assert store.paths.issued("Coffee", "v1.0")[2].forecast_start_date == date(2024, 1, 8)
    starts = store.paths.read("Coffee", [date(2024, 1, 1)]).column("forecast_start_date")
    assert starts.to_pylist()[-6:] == [date(2024, 1, 3)] + [date(2024, 1, 8)] * 5


def test_a_forecast_from_a_withdrawn_session_goes(store: DuckDBStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    store.paths.apply(WRITTEN, WindowChange(withdrawn=[DAYS[1]]))
    cutoffs = [issued.data_cutoff_date for issued in store.paths.issued("Coffee", "v1.0")]
    assert cutoffs == [DAYS[0], DAYS[2]]
    assert len(store.paths.read("Coffee", [date(2024, 1, 1)])) == 2 * (4 + 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_paths_that_are_not_finite_are_refused_whole(store: DuckDBStore, bad: float) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    broken = draw(value=7.0)
    broken.paths[1, 2, 0] = bad
    with pytest.raises(StoreError, match="finite"):
        store.paths.apply(WRITTEN, WindowChange([draw(value=9.0), broken]))
    assert store.paths.read("Coffee", [date(2024, 1, 1)]).column("day_1").to_pylist()[1] == 1.0


def test_a_write_that_lands_too_few_rows_is_taken_back(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    whole = window_change.path_rows
    monkeypatch.setattr(window_change, "path_rows", lambda *given: whole(*given).slice(1))
    with pytest.raises(StoreError, match=r"\[\(11, 3\)\] paths .* \(12, 3\); nothing was kept"):
        store.paths.apply(WRITTEN, WindowChange([draw(value=9.0)]))
    table = store.paths.read("Coffee", [date(2024, 1, 1)])
    assert (len(table), table.column("day_1").to_pylist()[:2]) == (12 + 3, [None, 1.0])


def test_a_start_that_is_not_after_its_cutoff_cannot_be_written(store: DuckDBStore) -> None:
    leaking = replace(draw(), starts=DAYS)
    with pytest.raises(duckdb.ConstraintException):
        store.paths.apply(WRITTEN, WindowChange([leaking]))
    assert store.paths.issued("Coffee", "v1.0") == []


def test_another_horizon_than_the_tables_is_refused_by_name(store: DuckDBStore) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    longer = DuckDBStore(store.database.path, 14, "256MB", lock_timeout_seconds=0.5)
    with pytest.raises(StoreError, match=r"has 3 sessions .* configured 14"):
        longer.paths.apply(WRITTEN, WindowChange())
    with pytest.raises(StoreError, match="another horizon"):
        longer.paths.issued("Coffee", "v1.0")


HOLD = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "


def test_a_locked_file_is_waited_for(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    patient = DuckDBStore(store.database.path, 3, "256MB", lock_timeout_seconds=30)
    script = HOLD + "time.sleep(1.5)"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(store.database.path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        began = time.monotonic()
        assert patient.models.find() == [model()]
        assert time.monotonic() - began > 0.5


def test_a_file_locked_for_too_long_is_reported_by_name(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    script = HOLD + "time.sleep(30)"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(store.database.path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(StoreLocked, match=r"commodity\.duckdb: another process kept"):
                store.models.append(WRITTEN, [model(sha256="two", second=1)], [])
        finally:
            holder.kill()
    assert store.models.find() == [model()]


WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from forecast_assets.forecast.records import WindowChange
    from forecast_assets.store.duckdb.store import DuckDBStore
    from forecast_assets_tests.records import DAYS, WRITTEN, draw, model

    store = DuckDBStore(Path(sys.argv[1]), 3, "256MB", lock_timeout_seconds=30)
    print("ready", flush=True)
    for value in range(1000):
        store.models.append(WRITTEN, [model(sha256=str(value), second=value)], [])
        store.paths.apply(WRITTEN, WindowChange([draw(value=1000.0 * value, n_paths=20_000)]))
""")


@pytest.mark.parametrize("seconds", [0.05, 0.25, 0.5])
def test_a_writer_killed_at_any_moment_leaves_whole_forecasts(
    store: DuckDBStore, seconds: float
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.database.path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
    with store.database.reading() as connection:
        forecasts = connection.execute(
            "SELECT data_cutoff_date, count(*), count(DISTINCT path_id), max(day_1) - min(day_1)"
            " FROM forecast.distributions GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        ledger = connection.execute("SELECT count(*) FROM forecast.forecasts").fetchall()
    assert ledger == [(len(forecasts),)]
    assert forecasts in ([], [(day, 20_001, 20_001, 59_997.0) for day in DAYS])
    assert len(store.models.find()) <= 1


def test_a_token_changes_with_every_write_and_not_by_reading(store: DuckDBStore) -> None:
    seen = [store.token()]
    for day in (1, 2):
        store.prices.write(observations({f"2024-01-{day:02}": float(day)}), AT, "run")
        seen.append(store.token())
        assert len(store.prices.history("Coffee")) == day
        assert store.token() == seen[-1]
    assert len(set(seen)) == 3


def test_a_token_changes_by_what_a_killed_process_committed(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    before = store.token()
    script = (
        "import duckdb, os, signal, sys; c = duckdb.connect(sys.argv[1]);"
        ' c.execute("DELETE FROM forecast.trained_models"); os.kill(os.getpid(), signal.SIGKILL)'
    )
    command = [sys.executable, "-c", script, str(store.database.path)]
    subprocess.run(command, check=False)
    assert store.token() != before
    assert store.models.find() == []

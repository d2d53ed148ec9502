"""``forecast verify``: exit codes, table, document, and a file that cannot be opened."""

import json
from pathlib import Path

import duckdb
import pytest
from dagster import AssetCheckSeverity, DagsterInstance

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.desk import desk
from forecast_assets_tests.graphs import QUIET
from forecast_assets_tests.histories import make_history

WRONG = """
    UPDATE forecast.point_estimates SET median = median + 1
    WHERE day_ahead = 1 AND data_cutoff_date IN ('2020-01-01', '2020-01-03')
"""


def begin(folder: Path) -> None:
    with at_home(folder):
        made = desk(folder, models=["naive"])
        made.told(make_history(530))
        made.work()


@pytest.fixture
def database(tmp_path: Path, beginnings: Beginnings, monkeypatch: pytest.MonkeyPatch) -> Path:
    beginnings.copy("verifying", begin, tmp_path)
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    return tmp_path / "home" / "commodity.duckdb"


def damage(database: Path) -> None:
    with duckdb.connect(database) as connection:
        connection.execute(WRONG)


def test_a_sound_record_is_a_line_and_exit_code_0(database: Path) -> None:
    done = forecast("verify")
    assert done.exit_code == 0
    assert done.stdout.startswith("Verified 1 models, 9 forecasts and 189 paths of 1 commodities")
    assert "3 forecasts drawn again" in done.stdout
    assert done.stdout.endswith("the record is sound.\n")
    assert database.is_file()


def test_all_that_was_ever_issued_can_be_drawn_again(database: Path) -> None:
    done = forecast("verify", "--redraw", "all")
    assert "9 forecasts drawn again" in done.stdout
    assert database.is_file()


def test_damage_is_a_row_with_place_days_and_what_mends_it(database: Path) -> None:
    damage(database)
    done = forecast("verify", "--commodity", "Coffee")
    assert done.exit_code == 1
    table = " ".join(done.stdout.replace("│", " ").split())
    for said in ("points of other paths", "2 times", "2020-01-01", "to 2020-01-03", "--restore"):
        assert said in table
    assert done.stdout.endswith("damage of 1 kinds.\n")


def test_for_programs_each_damage_is_an_entry_of_one_document(database: Path) -> None:
    damage(database)
    done = forecast("verify", "--json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert (document["sound"], document["forecasts"], document["paths"]) == (False, 9, 189)
    assert [(x["kind"], x["table"], x["day"]) for x in document["damages"]] == [
        ("points of other paths", "commodity.forecast.point_estimates", day)
        for day in ("2020-01-01", "2020-01-03")
    ]


def test_a_file_that_cannot_be_opened_is_damage_and_its_copies_are_named(database: Path) -> None:
    database.write_bytes(b"?" * 4096 + database.read_bytes()[4096:])
    database.with_name("commodity.read.duckdb").touch()
    done = forecast("verify", "--json")
    assert done.exit_code == 1
    (each,) = json.loads(done.stdout)["damages"]
    assert each["kind"] == "unreadable file"
    assert "commodity.read.duckdb" in each["mended_by"]


def test_misuse_is_told_as_by_other_commands(database: Path) -> None:
    assert forecast("verify", "--commodity").exit_code == 2
    assert forecast("verify", "--redraw", "some").exit_code == 2
    assert forecast("redraw", "Coffee").exit_code == 2
    assert forecast("redraw", "Coffee", "--restore", "--json").exit_code == 2
    unknown = forecast("verify", "--commodity", "Cofee")
    assert (unknown.exit_code, "Coffee" in unknown.output) == (1, True)
    database.unlink()
    assert "there are no tables" in forecast("verify").output


def test_the_job_turns_the_check_red_with_what_is_damaged(database: Path) -> None:
    damage(database)
    settings = Settings.load(database.parent.parent / "forecast.yaml")
    job = build_definitions(settings).resolve_job_def("verify")
    with DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, run_config={"loggers": QUIET})
    (found,) = done.get_asset_check_evaluations()
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.ERROR)
    assert found.metadata["damage: points of other paths"].value == 2
    assert "| points of other paths |" in str(found.metadata["damage"].value)
    assert "2 times, 2020-01-01 to 2020-01-03" in str(found.metadata["failed"].value)

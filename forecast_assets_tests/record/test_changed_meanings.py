"""Rows of versions that somebody has changed: told by version and row, and found as damage."""

# ruff: noqa: S608 - the statements are of names in this file

from pathlib import Path

import duckdb
import pytest

from forecast_assets.cli.console import UNEXPECTED
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import VersionCorrupted
from forecast_assets.record.damage import Damage
from forecast_assets.record.fitted import of_payloads
from forecast_assets.record.mending import BACKUP
from forecast_assets.record.pinned import OTHER_RELEASE, of_meanings
from forecast_assets.record.rows import Rows
from forecast_assets.store.opening import open_store
from forecast_assets.store.saved_models import ModelStore
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.desk import desk
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.record.case import MODELS, TRAIN

VERSIONS = "forecast.versions"

TOLD = r"model_version v1\.0: what it means cannot be read from revision 1 in commodity\.forecast"

CHANGED = {
    "models that are a list": "models = '[]'",
    "models that are null": "models = 'null'",
    "options that are a number": """models = '{"naive": 5}'""",
    "members that are a list": """models = '{"ensemble": {"members": ["naive"]}}'""",
    "a member that is a text": """models = '{"ensemble": {"members": {"naive": "x"}}}'""",
    "members that nest": "models = '" + '{"x":{"members":' * 3000 + "{}" + "}}" * 3000 + "'",
    "features that are a list": """models = '{"naive": {"features": ["a"]}}'""",
    "sets of numbers": """feature_sets = '{"m": [[1]]}'""",
    "covariates that are a list": "covariates = '[1]'",
    "a covariate that is a list": """covariates = '{"Coffee": {"rain": [1]}}'""",
    "a covariate that is a number": """covariates = '{"Coffee": {"rain": 0.01}}'""",
    "a tick that is no number": """covariates = '{"Coffee": {"(tick)": {}}}'""",
    "a tick of nothing": """covariates = '{"Coffee": {"(tick)": 0}}'""",
    "no paths": "n_paths = 0",
}

UNMADE = {
    "an unknown model": """models = '{"crystal_ball": {}}'""",
    "an ensemble without members": """models = '{"ensemble": {}}'""",
    "an unknown option": """models = '{"naive": {"luck": 1}}'""",
}


def begin(folder: Path) -> None:
    """Two models and the forecasts of a few sessions."""
    with at_home(folder):
        made = desk(folder, models=["naive", {"ensemble": {"members": ["naive"]}}])
        made.told(make_history(530))
        made.work()


@pytest.fixture
def settings(tmp_path: Path, beginnings: Beginnings) -> Settings:
    beginnings.copy("changed meanings", begin, tmp_path)
    return Settings.load(tmp_path / "forecast.yaml")


def change(settings: Settings, table: str, to: str) -> None:
    with duckdb.connect(settings.database_path) as connection:
        connection.execute(f"UPDATE {table} SET {to}")


def damages(settings: Settings) -> list[Damage]:
    with open_store(settings).reading() as tables:
        return list(of_meanings(tables.read(f"commodity.{VERSIONS}").to_pylist()))


@pytest.mark.parametrize("to", CHANGED.values(), ids=CHANGED)
def test_a_changed_row_of_a_version_is_told_by_its_name_and_found(
    to: str, settings: Settings
) -> None:
    change(settings, VERSIONS, to)
    with pytest.raises(VersionCorrupted, match=f"{TOLD}.*: restore a backup") as caught:
        open_store(settings).pins.find("v1.0")
    assert str(caught.value).isprintable()
    assert [(x.kind, x.table, x.model_version, x.mended_by) for x in damages(settings)] == [
        ("changed meaning", f"commodity.{VERSIONS}", "v1.0", BACKUP)
    ]


@pytest.mark.parametrize("to", UNMADE.values(), ids=UNMADE)
def test_a_pinned_model_that_cannot_be_made_is_found(to: str, settings: Settings) -> None:
    change(settings, VERSIONS, to)
    assert [(x.kind, x.model_version, x.mended_by) for x in damages(settings)] == [
        ("pinned model cannot be made", "v1.0", OTHER_RELEASE)
    ]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("status", "what it means cannot be read from revision 1"),
        ("run", "what it means cannot be read from revision 1"),
        ("show Coffee", "what it means cannot be read from revision 1"),
        ("verify --redraw 0", "changed meaning"),
    ],
)
def test_commands_tell_a_changed_row_of_a_version(
    command: str, told: str, settings: Settings
) -> None:
    change(settings, VERSIONS, CHANGED["options that are a number"])
    with at_home(settings.folder):
        done = forecast(*command.split())
    assert done.exit_code == 1
    assert told in " ".join(done.output.split())
    assert UNEXPECTED not in done.output


@pytest.mark.parametrize(
    "options",
    ["[]", "[" * 3000 + "]" * 3000, '{"members": [1]}', '{"tick": "x"}', '{"tick": 0.01}'],
)
def test_changed_options_of_a_model_are_found_and_trained_again(
    options: str, settings: Settings
) -> None:
    change(settings, MODELS, f"options = '{options}' WHERE model_name = 'naive'")
    store = open_store(settings)
    with store.reading() as tables:
        rows = Rows(settings, store, tables, "Coffee")
        (found,) = of_payloads(rows.models, "Coffee", rows.mending)
    assert (found.kind, found.mended_by) == ("payload cannot be rebuilt", TRAIN)
    assert ModelStore.over(store, settings).intact(store.models.find()) == [
        row for row in store.models.find() if row.model_name == "ensemble"
    ]


def test_how_a_covariate_was_read_is_read_again_where_nobody_can_tell(settings: Settings) -> None:
    store = open_store(settings)
    with duckdb.connect(settings.database_path) as connection:
        connection.execute(
            "INSERT INTO market.covariates (commodity, covariate, read_as, read_at, read_by)"
            " VALUES ('Coffee', 'rain', $nested, now(), 'x')",
            {"nested": "[" * 3000 + "]" * 3000},
        )
    assert store.features.read_as("Coffee") == {"rain": {}}

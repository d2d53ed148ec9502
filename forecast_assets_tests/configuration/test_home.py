"""Where configuration, data and Dagster's history lie, and what is told of others of them."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance, job, op

from forecast_assets.configuration.home import (
    CONFIGURATION,
    DAGSTER,
    DATA,
    NO_HISTORY,
    Places,
    configuration_path,
    history_of,
    rule,
)
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError
from forecast_assets_tests.graphs import QUIET, ROOT, Graph, MakeGraph

Given = Callable[..., None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Given:
    """Set only these of the three variables; work in a folder of its own."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")

    def only(**variables: Path | str) -> None:
        for name in (CONFIGURATION, DATA, DAGSTER):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))

    only()
    return only


@op
def nothing() -> None: ...


@job
def remembered() -> None:
    nothing()


def remember(dagster: Path, runs: int = 1) -> None:
    """Some runs in the history of a Dagster home."""
    dagster.mkdir(parents=True, exist_ok=True)
    with DagsterInstance.from_config(str(dagster)) as instance:
        for _ in range(runs):
            remembered.execute_in_process(instance=instance, run_config={"loggers": QUIET})


def test_without_variables_everything_lies_in_this_folder(given: Given) -> None:
    here = Path.cwd()
    assert Places.here() == Places(here / "forecast.yaml", here / "data", here / ".dagster")
    assert configuration_path() == Path("forecast.yaml")
    for variable in (CONFIGURATION, DATA, DAGSTER):
        assert rule(variable).startswith("the default: ")


@pytest.mark.parametrize("name", ["{0}/own/f.yaml", "../own/f.yaml", "../cwd/../own/f.yaml"])
def test_data_and_dagster_lie_beside_the_configuration_however_it_is_named(
    given: Given, tmp_path: Path, name: str
) -> None:
    given(FORECAST_CONFIG=name.format(tmp_path))
    own = tmp_path / "own"
    assert Places.here() == Places(own / "f.yaml", own / "data", own / ".dagster")
    assert rule(CONFIGURATION) == "FORECAST_CONFIG names it"


def test_a_configuration_may_start_at_the_users_home(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    given(FORECAST_CONFIG="~/forecast.yaml", FORECAST_HOME="~/tables", DAGSTER_HOME="~/dagster")
    home = Path("/home/someone")
    assert Places.here() == Places(home / "forecast.yaml", home / "tables", home / "dagster")
    assert configuration_path() == home / "forecast.yaml"


def test_a_variable_names_each_place_and_an_empty_one_none(given: Given, tmp_path: Path) -> None:
    given(FORECAST_CONFIG=tmp_path / "f.yaml", FORECAST_HOME="", DAGSTER_HOME="../dagster")
    assert Places.here() == Places(tmp_path / "f.yaml", tmp_path / "data", tmp_path / "dagster")
    given(FORECAST_CONFIG=tmp_path / "f.yaml", FORECAST_HOME="tables", DAGSTER_HOME="")
    tables = tmp_path / "cwd" / "tables"
    assert Places.here() == Places(tmp_path / "f.yaml", tables, tmp_path / ".dagster")


def test_a_linked_configuration_keeps_its_name_and_has_the_folder_of_the_file(
    given: Given, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "forecast.yaml").write_text("")
    (tmp_path / "cwd" / "linked.yaml").symlink_to(tmp_path / "own" / "forecast.yaml")
    given(FORECAST_CONFIG="linked.yaml")
    places = Places.here()
    assert places.configuration == tmp_path / "cwd" / "linked.yaml"
    assert places.folder == tmp_path / "own"
    assert (places.data, places.dagster) == (tmp_path / "own/data", tmp_path / "own/.dagster")


def test_the_environment_gives_another_folder_the_same_places(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(FORECAST_CONFIG="../own/f.yaml", DAGSTER_HOME="dagster")
    places = Places.here()
    given(**places.environment)
    monkeypatch.chdir("/")
    assert Places.here() == places


def test_settings_have_the_places_of_their_own_file(make_graph: MakeGraph, given: Given) -> None:
    graph: Graph = make_graph(models=["naive"])
    given(FORECAST_CONFIG="/elsewhere/forecast.yaml")
    settings: Settings = graph.settings
    assert settings.places == Places.of(settings.folder / "forecast.yaml")
    assert settings.home == settings.folder / "data"


def test_a_new_home_has_the_shipped_settings_and_dagster_understands_them(
    given: Given, tmp_path: Path
) -> None:
    places = Places.here()
    assert places.prepare() == []
    settings = yaml.safe_load((places.dagster / "dagster.yaml").read_text())
    assert settings["telemetry"] == {"enabled": False}
    with DagsterInstance.from_config(str(places.dagster)) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 2


def test_the_shipped_settings_are_the_only_ones_in_the_project() -> None:
    found = {path.relative_to(ROOT) for path in ROOT.glob("*.yaml") if not path.is_symlink()}
    assert found == {Path("forecast.yaml")}


@pytest.mark.parametrize("text", ["", "\n", "   \n\n"])
def test_an_empty_file_of_an_earlier_release_is_filled_and_told_once(
    given: Given, text: str
) -> None:
    places = Places.here()
    places.dagster.mkdir()
    settings = places.dagster / "dagster.yaml"
    settings.write_text(text)
    (told,) = places.prepare()
    assert told.startswith(f"{settings} was empty and now has the shipped settings")
    assert "run_monitoring" in settings.read_text()
    assert places.prepare() == []


@pytest.mark.parametrize("text", ["telemetry: {enabled: true}\n", "# Dagster's own\n"])
def test_settings_of_the_users_own_stay(given: Given, text: str) -> None:
    places = Places.here()
    places.dagster.mkdir()
    (places.dagster / "dagster.yaml").write_text(text)
    assert places.prepare() == []
    assert (places.dagster / "dagster.yaml").read_text() == text


def test_settings_beside_the_configuration_are_taken_for_a_new_home(given: Given) -> None:
    places = Places.here()
    (places.folder / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    places.prepare()
    assert (places.dagster / "dagster.yaml").read_text() == "telemetry: {enabled: true}\n"


def test_a_home_that_is_the_configurations_folder_is_filled_too(given: Given) -> None:
    (Path.cwd() / "dagster.yaml").touch()
    given(DAGSTER_HOME=Path.cwd())
    assert len(Places.here().prepare()) == 1
    assert "run_monitoring" in (Path.cwd() / "dagster.yaml").read_text()


def test_a_home_that_cannot_be_made_is_told_with_its_variable(given: Given) -> None:
    (Path.cwd() / "file").touch()
    given(DAGSTER_HOME="file/dagster")
    with pytest.raises(ConfigurationError, match="Not a directory; DAGSTER_HOME names"):
        Places.here().prepare()


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("file", "is a file"),
        ("file/below", "cannot be used: Not a directory"),
        ("file/below/further", "cannot be used: Not a directory"),
        ("dangling/data", "cannot be used: Not a directory"),
    ],
)
@pytest.mark.parametrize("made", [True, False])
def test_a_data_folder_that_cannot_be_one_is_told_with_its_variable(
    given: Given, named: str, why: str, made: bool
) -> None:
    (Path.cwd() / "file").touch()
    (Path.cwd() / "dangling").symlink_to(Path.cwd() / "file")
    given(FORECAST_HOME=named)
    with pytest.raises(ConfigurationError) as caught:
        Places.here().require_data(made=made)
    told = str(caught.value)
    assert told.startswith(f"data folder {Places.here().data}: {why}")
    assert told.endswith(
        "FORECAST_HOME names it: set FORECAST_HOME to a folder that can be made and written"
    )


@pytest.mark.parametrize("named", ["/proc/x", "/proc/x/data", "/proc/self/x"])
def test_a_data_folder_that_no_one_can_make_is_told_by_who_writes(given: Given, named: str) -> None:
    given(FORECAST_HOME=named)
    with pytest.raises(ConfigurationError, match=r"^data folder /proc/.*; FORECAST_HOME names it"):
        Places.here().require_data(made=True)


def test_a_data_folder_is_made_for_who_writes_and_for_no_one_else(given: Given) -> None:
    Places.here().require_data(made=False)
    assert list(Path.cwd().iterdir()) == []
    Places.here().require_data(made=True)
    assert Places.here().data.is_dir()


def test_a_data_folder_that_may_not_be_written_is_told(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path.cwd() / "data").mkdir()

    def refused(**keys: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    Places.here().require_data(made=False)
    with pytest.raises(
        ConfigurationError, match="data: cannot be used: Permission denied; the default: data"
    ):
        Places.here().require_data(made=True)


def test_a_history_counts_its_runs(tmp_path: Path) -> None:
    assert history_of(tmp_path) == NO_HISTORY
    remember(tmp_path, runs=3)
    assert history_of(tmp_path).runs == 3
    assert history_of(tmp_path).newest > "20"


@pytest.mark.parametrize("content", [b"", b"not a database", None])
def test_what_is_no_history_of_dagster_counts_as_none(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "history" / "runs.db"
    file.parent.mkdir()
    if content is None:
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE runs (name TEXT)")
    else:
        file.write_bytes(content)
    assert history_of(tmp_path) == NO_HISTORY


def test_a_history_beside_the_configuration_is_told_when_another_home_is_used(
    given: Given, tmp_path: Path
) -> None:
    beside = Path.cwd() / ".dagster"
    remember(beside, runs=2)
    assert Places.here().elsewhere(Path.exists) == []
    given(DAGSTER_HOME=tmp_path / "other")
    (told,) = Places.here().elsewhere(Path.exists)
    assert told == (
        f"{beside} holds a newer history (2 runs) than Dagster's home {tmp_path / 'other'}"
        " (0 runs): unset DAGSTER_HOME to go on with it"
    )
    remember(tmp_path / "other")
    assert Places.here().elsewhere(Path.exists) == []  # it has gone on there


def test_the_home_that_the_tables_were_used_with_is_told(given: Given, tmp_path: Path) -> None:
    given(DAGSTER_HOME=tmp_path / "other")
    Places.here().prepare()
    remember(tmp_path / "other", runs=2)
    given()
    (told,) = Places.here().elsewhere(Path.exists)
    assert told.startswith(f"{tmp_path / 'other'} holds a newer history (2 runs)")
    assert told.endswith(f": set DAGSTER_HOME={tmp_path / 'other'} to go on with it")


def test_newer_tables_beside_the_configuration_are_told(given: Given, tmp_path: Path) -> None:
    database = Path.cwd() / "data" / "commodity.duckdb"
    database.parent.mkdir()
    database.touch()
    given(FORECAST_HOME=tmp_path / "tables")
    (told,) = Places.here().elsewhere(Path.exists)
    assert told.startswith(f"{database.parent} holds newer tables than the data folder")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "commodity.duckdb").touch()
    assert Places.here().elsewhere(Path.exists) == []


def test_one_dagster_home_for_two_configurations_is_told(given: Given, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    for name in ("demo", "own"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data" / "commodity.duckdb").touch()
    given(FORECAST_CONFIG=tmp_path / "demo/forecast.yaml", DAGSTER_HOME=shared)
    Places.here().prepare()
    assert Places.here().elsewhere(Path.exists) == []
    given(FORECAST_CONFIG=tmp_path / "own/forecast.yaml", DAGSTER_HOME=shared)
    (told,) = Places.here().elsewhere(Path.exists)
    assert told.startswith(
        f"Dagster's home {shared} holds runs on the tables in {tmp_path / 'demo/data'}"
    )


def test_a_place_that_has_moved_as_a_whole_tells_nothing(given: Given, tmp_path: Path) -> None:
    given(FORECAST_CONFIG=tmp_path / "before/forecast.yaml")
    (tmp_path / "before").mkdir()
    Places.here().prepare()
    (tmp_path / "before/data/commodity.duckdb").touch()
    (tmp_path / "before").rename(tmp_path / "after")
    given(FORECAST_CONFIG=tmp_path / "after/forecast.yaml")
    assert Places.here().elsewhere(Path.exists) == []


def copied_home(given: Given, folder: Path) -> Path:
    """A home with runs, and a copy of it beside; returns the copy."""
    given(FORECAST_CONFIG=folder / "first/forecast.yaml")
    Places.here().prepare()
    (folder / "first/data/commodity.duckdb").touch()
    remember(folder / "first/.dagster", runs=2)
    shutil.copytree(folder / "first", folder / "second")
    remember(folder / "first/.dagster")  # it goes on
    given(FORECAST_CONFIG=folder / "second/forecast.yaml")
    return folder / "second"


def test_a_copy_of_a_home_is_a_home_of_its_own(given: Given, tmp_path: Path) -> None:
    copied_home(given, tmp_path)
    for prepares in (False, True):
        if prepares:
            Places.here().prepare()
        assert Places.here().elsewhere(lambda path: False) == []
    given(FORECAST_CONFIG=tmp_path / "first/forecast.yaml")
    assert Places.here().elsewhere(Path.exists) == []


def test_tables_that_were_copied_without_their_history_begin_one(
    given: Given, tmp_path: Path
) -> None:
    shutil.rmtree(copied_home(given, tmp_path) / ".dagster")
    assert Places.here().elsewhere(Path.exists) == []


def test_a_copy_with_the_history_of_the_first_home_is_told(given: Given, tmp_path: Path) -> None:
    copy, first = copied_home(given, tmp_path), tmp_path / "first"
    given(FORECAST_CONFIG=copy / "forecast.yaml", DAGSTER_HOME=first / ".dagster")
    told = Places.here().elsewhere(Path.exists)
    assert told[-1].startswith(
        f"Dagster's home {first / '.dagster'} holds runs on the tables in {first / 'data'}"
    )


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_the_home_of_the_tables_is_told_after_runs_on_others_too(
    given: Given, tmp_path: Path, runs: int
) -> None:
    """Runs on tables of its own do not make a home one that goes on with these."""
    tables, first = tmp_path / "first/data", tmp_path / "first/.dagster"
    given(FORECAST_CONFIG=tmp_path / "first/forecast.yaml")
    Places.here().prepare()
    remember(first, runs=2)
    own = Path.cwd() / ".dagster"
    given()
    Places.here().prepare()
    remember(own, runs)  # newer ones, which made no tables
    given(FORECAST_HOME=tables)
    history, others = Places.here().elsewhere(Path.exists)
    assert history == (
        f"{first} holds a history (2 runs), and Dagster's home {own} one of the tables in"
        f" {Path.cwd() / 'data'} ({runs} runs): set DAGSTER_HOME={first} to go on with the former"
    )
    assert others.startswith(
        f"Dagster's home {own} holds runs on the tables in {Path.cwd() / 'data'}"
    )
    given(FORECAST_HOME=tables, DAGSTER_HOME=first)
    assert not [line for line in Places.here().elsewhere(Path.exists) if str(tables) in line]


def test_tables_without_a_row_are_no_newer_tables(given: Given, tmp_path: Path) -> None:
    database = Path.cwd() / "data" / "commodity.duckdb"
    database.parent.mkdir()
    database.touch()
    given(FORECAST_HOME=tmp_path / "tables")
    assert Places.here().elsewhere(lambda path: path != database) == []
    assert len(Places.here().elsewhere(lambda path: path == database)) == 1


def test_a_note_that_is_not_utf8_is_written_anew(given: Given, tmp_path: Path) -> None:
    places = Places.here()
    places.prepare()
    notes = places.data / ".dagster_home", places.dagster / ".data_folder"
    for note in notes:
        note.write_bytes(b"\xff\xfe")
    assert places.elsewhere(lambda path: True) == []
    places.prepare()
    assert [note.read_text().strip() for note in notes] == [str(places.dagster), str(places.data)]


def test_folders_whose_names_are_not_utf8_are_noted_as_they_are(
    given: Given, tmp_path: Path
) -> None:
    data, dagster = (tmp_path / os.fsdecode(name) for name in (b"d\xff", b"h\xff"))
    given(FORECAST_HOME=data, DAGSTER_HOME=dagster)
    places = Places.here()
    places.prepare()
    assert (dagster / ".data_folder").read_bytes() == os.fsencode(data) + b"\n"
    assert places.elsewhere(lambda path: True) == []

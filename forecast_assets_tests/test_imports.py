"""What is loaded before anything is said: nothing heavy, in a process of its own."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

import forecast_assets
from forecast_assets_tests.loading import command, loaded_by

pytestmark = pytest.mark.long

CONFIGURATION = """\
model_version: v1.0
training: {cadence: quarterly, start: 2020-01-01}
models: [naive, random_walk, arima_111, arima_auto, ets, theta, garch, ensemble]
commodities:
  Coffee: {unit: USc/lb, source: {type: landing}}
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of one's own, with models of every library."""
    path = tmp_path / "forecast.yaml"
    path.write_text(CONFIGURATION)
    monkeypatch.setenv("FORECAST_CONFIG", str(path))
    return path


def loaded_by_commands(asked: Sequence[tuple[Path, list[str]]]) -> set[str]:
    """What a process has loaded that was the console script for all of these, one by one.

    A command that loads something in a process of its own does so here. Each is a path of the
    configuration and arguments.
    """
    return loaded_by(
        "import os\n"
        "from forecast_assets.cli import app\n"
        f"for path, arguments in {[(str(path), arguments) for path, arguments in asked]!r}:\n"
        "    os.environ['FORECAST_CONFIG'] = path\n"
        "    try:\n"
        "        app(arguments)\n"
        "    except SystemExit:\n"
        "        print(*arguments, 'has ended')\n",
        check=True,
    )


def files_with(folder: Path, *texts: str | None) -> list[Path]:
    """Configurations with these texts; None is no file."""
    paths = [folder / f"{number}.yaml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        if text is not None:
            path.write_text(text)
    return paths


def test_help_and_where_load_nothing_heavy_and_read_no_more_than_the_file(own: Path) -> None:
    asked = [["--help"], ["run", "--help"], ["ui", "--help"], ["where"], ["nonsense"]]
    odd = files_with(own.parent, "commodities: [", "- Coffee", "", None)
    commands = [*((own, each) for each in asked), *((path, ["where"]) for path in odd)]
    assert loaded_by_commands(commands) == set()


def test_a_mistake_in_the_configuration_is_told_before_anything_works(own: Path) -> None:
    misspelt = CONFIGURATION.replace("models", "model")
    wrong = files_with(own.parent, "horizon: 14\n", misspelt, "commodities: [", None)
    asked = [["run"], ["status"], ["report"], ["show", "WTI"], ["ui"]]
    assert loaded_by_commands(list(product(wrong, asked))) <= {"numpy", "scipy"}


def test_status_loads_no_library_of_models_calendars_or_plots(own: Path) -> None:
    loaded = loaded_by(command("status"))
    assert not loaded & {"arch", "exchange_calendars", "matplotlib", "statsmodels"}


def test_the_sample_is_read_without_the_package_that_has_it() -> None:
    loaded = loaded_by("from forecast_assets.market.sources import wti\nwti()\n")
    assert not loaded & {"arch", "statsmodels"}


def test_what_dagster_loads_neither_draws_nor_tests_nor_reads_nor_fits_before_it_has_to(
    own: Path,
) -> None:
    loaded = loaded_by("import forecast_assets.definitions\n")  # as every run does, and a daemon
    assert not loaded & {"arch", "matplotlib", "pandera", "scipy.stats", "statsmodels"}


def test_readers_and_saved_models_need_neither_dagster_nor_a_models_library() -> None:
    loaded = loaded_by("from forecast_assets import Reader, load_model, save_model\n")
    assert loaded <= {"numpy", "pandas", "pyarrow", "scipy"}


def test_only_what_the_package_offers_can_be_imported_from_it() -> None:
    assert {getattr(forecast_assets, name).__name__ for name in forecast_assets.__all__} == {
        "Reader",
        "load_model",
        "load_model_spark",
        "register_spark",
        "save_model",
        "save_model_spark",
    }
    with pytest.raises(AttributeError, match="has no attribute 'Writer'"):
        _ = forecast_assets.Writer


def test_models_load_their_library_when_they_fit() -> None:
    before = "from forecast_assets.models.roster import ROSTER\n"
    assert loaded_by(before) <= {"numpy", "scipy"}
    fit = (
        "from datetime import date\n"
        "import numpy as np\n"
        "from forecast_assets.timeline.history import History\n"
        "days = np.busday_offset(np.datetime64('2018-01-01'), np.arange(600), roll='forward')\n"
        "moves = np.random.default_rng(1).standard_normal(600) * 0.02\n"
        "history = History('Coffee', days, 50 * np.exp(np.cumsum(moves)))\n"
        "ROSTER['garch']().estimate(history, None)\n"
    )
    loaded = loaded_by(before + fit)
    assert "arch" in loaded


def test_programs_may_ask_by_the_names_of_rooms_and_by_names_from_before_them() -> None:
    from forecast_assets import configuration, live
    from forecast_assets.configuration.settings import Settings, load_settings
    from forecast_assets.definitions import build_definitions
    from forecast_assets.defs import build
    from forecast_assets.market.live import final_day

    assert (configuration.Settings, configuration.load_settings) == (Settings, load_settings)
    assert (live.final_day, build_definitions) == (final_day, build.build_definitions)
    with pytest.raises(AttributeError, match="has no attribute 'home_of'"):
        _ = configuration.home_of

"""Hostile names: refused by the configuration and by commands, and shown as one line of text."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from forecast_assets.cli.console import UNEXPECTED
from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import ConfigurationError
from forecast_assets_tests.alarm import at_most
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.hostile.cases import LONGEST_SECONDS, VALID, cases, require, text_of


@pytest.mark.parametrize("case", cases("names"))
def test_a_hostile_name_is_refused_and_shown_as_text(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "forecast.yaml"
    monkeypatch.setenv("FORECAST_CONFIG", str(path))
    if "set" in case:
        path.write_bytes(text_of(case))
        with pytest.raises(ConfigurationError) as caught, at_most(LONGEST_SECONDS):
            load_settings()
        said = str(caught.value)
    else:
        path.write_text(yaml.safe_dump(VALID))
        with at_most(LONGEST_SECONDS):
            done = forecast(*case["command"])
        assert done.exit_code in (1, 2)
        said = done.output
        assert UNEXPECTED not in said
    require(said, case["message"])
    assert said.replace("\n", "").isprintable()
    assert "\nerror: forged" not in said
    assert "\nfailed: forged" not in said
    assert case.get("hidden", "HIDDEN") not in said

"""Hostile configurations: each is refused in bounded time, by its key, and without its secrets."""

import os
import traceback
from pathlib import Path
from typing import Any

import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import ConfigurationError
from forecast_assets_tests.alarm import at_most
from forecast_assets_tests.hostile.cases import LONGEST_SECONDS, cases, require, text_of


def put(case: dict[str, Any], folder: Path) -> Path:
    """What a case has in place of the configuration."""
    path = folder / "forecast.yaml"
    match case.get("file"):
        case None:
            path.write_bytes(text_of(case))
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "circle":
            path.symlink_to(path)
        case "absent":
            pass
        case device:
            path.symlink_to(device)
    return path


@pytest.mark.parametrize("case", cases("configuration"))
def test_a_hostile_configuration_is_refused_by_its_key_and_without_its_secrets(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(case, tmp_path)
    monkeypatch.setenv("FORECAST_CONFIG", str(path))
    with pytest.raises(ConfigurationError) as caught, at_most(LONGEST_SECONDS):
        load_settings()
    said = str(caught.value)
    require(said, [str(path), *case["message"]])
    assert said.replace("\n  ", "").isprintable()
    assert len(said) < 3000
    if hidden := case.get("hidden"):
        seen = "".join(traceback.format_exception(caught.value))
        told = (ConfigurationError, caught.value, caught.tb)
        seen += str(serializable_error_info_from_exc_info(told))
        assert hidden not in seen

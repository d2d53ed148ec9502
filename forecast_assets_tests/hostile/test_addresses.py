"""Hostile addresses: refused without their secrets, or taken, and nowhere shown with them."""

import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError, StoreError
from forecast_assets_tests.hostile.cases import cases, document, require


@pytest.mark.parametrize("case", [x for x in cases("addresses") if "taken" not in x.values[0]])
def test_an_address_that_is_none_is_refused_without_its_secrets(
    case: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "forecast.yaml"
    address = case["address"] * case["times"] if "times" in case else case["address"]
    path.write_text(yaml.safe_dump(document({case["key"]: address}), allow_unicode=True))
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(path)
    require(str(caught.value), case["message"])
    assert str(caught.value).replace("\n  ", "").isprintable()
    assert case.get("hidden", "HIDDEN") not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("case", [x for x in cases("addresses") if "taken" in x.values[0]])
def test_an_address_that_is_taken_is_shown_without_its_secrets(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", case["address"])
    for written in (case["address"], "${SECRET_OF_TEST}"):
        settings = Settings.model_validate(document({case["key"]: written}))
        section, _, key = case["key"].rpartition(".")
        held = getattr(getattr(settings, section) if section else settings, key)
        assert held.get_secret_value() == case["address"]
        shown = [repr(settings), str(settings), str(held), repr(held), settings.model_dump_json()]
        assert [each for each in shown if case["hidden"] in each] == []
    said = str(StoreError(f"cannot reach {case['address']}: it is closed"))
    require(said, [*case["message"], "cannot reach ", ": it is closed"])
    assert case["hidden"] not in said

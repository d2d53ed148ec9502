"""Names that reach out of a folder are refused wherever a user can give one."""

from pathlib import Path

import pytest

from forecast_assets.configuration.names import valid_name
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.store.spark import names
from forecast_assets.store.sql.names import quoted
from forecast_assets_tests.caretaker import configuration
from forecast_assets_tests.commands import forecast

REACHING = [
    "..",
    "../../x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    ".hidden",
    "a\0b",
    "a\nb",
    "~root",
    "",
    "é",
    "a" * 65,
]


@pytest.mark.parametrize("name", REACHING)
def test_a_name_that_reaches_out_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="allowed: 1 to 64 letters"):
        valid_name(name)


@pytest.mark.parametrize("name", ["../../x", "a/b", "a\0b"])
@pytest.mark.parametrize("key", ["commodity", "model", "model_version", "feature_set"])
def test_a_configuration_with_such_a_name_is_refused(key: str, name: str, tmp_path: Path) -> None:
    import yaml

    document = yaml.safe_load(configuration("Coffee"))
    if key == "commodity":
        document["commodities"] = {name: document["commodities"]["Coffee"]}
    elif key == "model":
        document["models"] = [name]
    elif key == "model_version":
        document["model_version"] = name
    else:
        document["feature_sets"] = {name: []}
    path = tmp_path / "forecast.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match=key if key != "commodity" else "commodities"):
        Settings.load(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["landing", "accept", "../../x"],
        ["landing", "reject", "/etc/passwd"],
        ["prices", "accept", "../../x"],
        ["show", "../../x"],
        ["run", "--commodity", "../../x"],
        ["run", "--model-version", "../../x"],
        ["status", "--model-version", "../x"],
        ["redraw", "--restore", "../../x"],
        ["published", "../../x"],
    ],
    ids=" ".join,
)
def test_a_command_refuses_such_a_name(arguments: list[str]) -> None:
    done = forecast(*arguments)
    assert done.exit_code == 1, done.output
    assert f"found {arguments[-1]!r}" in done.output, done.output


def test_a_name_is_one_identifier() -> None:
    assert quoted('a"; DROP TABLE t; --') == '"a""; DROP TABLE t; --"'


def test_a_name_is_one_identifier_for_spark() -> None:
    assert names.quoted("a`; DROP", "b") == "`a``; DROP`.`b`"
    assert names.within("a`b", "forecast.scores") == "`a``b`.`forecast`.`scores`"
    assert names.within(None, "forecast.scores") == "`forecast`.`scores`"
    assert names.stored_as("c", "forecast.scores") == "`c`.`forecast`.`stored_scores`"


@pytest.mark.parametrize("name", [*REACHING, "c`; DROP SCHEMA forecast"])
def test_a_catalog_with_such_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="allowed: 1 to 64 letters"):
        names.require_catalog(name)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [touch made]", "!!python/name:os.system"]
)
def test_a_configuration_makes_no_objects(tag: str, tmp_path: Path) -> None:
    path = tmp_path / "forecast.yaml"
    path.write_text(f"{configuration('Coffee')}\ndocs_url: {tag}\n")
    with pytest.raises(ConfigurationError, match=r"not YAML: .*could not determine a constructor"):
        Settings.load(path)

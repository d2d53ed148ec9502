"""The keys that say how a file is written: what is allowed, and what each mistake is told."""

from pathlib import Path

import pytest

from forecast_assets.configuration.file_format import PRESETS, FileFormat
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError

FILE = """\
model_version: v1
training: {{start: 2020-01-01}}
models: [naive]
commodities:
  Gold: {{unit: USD, source: {{type: file, path: a.csv, {source}}}}}
landing: {{formats: [{{files: "CL*.csv", {rule}}}]}}
"""


def load(folder: Path, source: str = "decimal: '.'", rule: str = "decimal: '.'") -> Settings:
    path = folder / "forecast.yaml"
    path.write_text(FILE.format(source=source, rule=rule))
    return Settings.load(path)


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ("date_format: '%d/%m'", "date_format", "a format of strptime with a day, a month and a"),
        ("date_format: day first", "date_format", "or one of iso, unix, unix_ms, excel"),
        ("delimiter: ';;'", "delimiter", "allowed: one character, such as ';', or `tab`"),
        ("decimal: x", "decimal", "Input should be '.' or ','"),
        ("thousands: '.', decimal: '.'", "", "allowed: `thousands` that are not `decimal`"),
        ("encoding: utf-99", "encoding", "allowed: a text encoding of Python"),
        ("encoding: rot13", "encoding", "allowed: a text encoding of Python"),
        ("skip_rows: -1", "skip_rows", "greater than or equal to 0"),
        ("columns: {close: 0}", "columns.close", "allowed: what the header calls"),
        (
            "columns: {price: Last}",
            "columns.price",
            "unknown key, found 'Last', allowed: date, time",
        ),
        ("sheet: 0", "sheet", "allowed: a name, or a number from 1"),
        ("format: mine", "format", "'investing', 'yahoo'"),
        ("seperator: ','", "seperator", "unknown key, found ',', allowed: "),
    ],
)
def test_a_mistake_is_told_with_its_key_in_a_source_and_in_a_rule(
    tmp_path: Path, keys: str, key: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, keys, keys)
    told = str(caught.value)
    assert f"commodities.Gold.source.{key}".rstrip(".") + ":" in told
    assert f"landing.formats.0.{key}".rstrip(".") + ":" in told
    assert told.count(said) >= 2


def test_the_first_rule_whose_pattern_fits_is_of_a_file(tmp_path: Path) -> None:
    landing = load(tmp_path, rule='format: barchart}, {files: "*.csv", delimiter: tab').landing
    assert landing.format_of("clz26.CSV").format == "barchart"
    assert landing.format_of("gold.csv").delimiter == "\t"
    assert landing.format_of("gold.txt") == FileFormat()


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_is_made_of_keys_that_a_source_may_have(name: str) -> None:
    settled = FileFormat.model_validate({"format": name}).settled
    assert settled == FileFormat.model_validate(PRESETS[name])
    own = FileFormat.model_validate({"format": name, "decimal": ",", "thousands": "."}).settled
    assert (own.decimal, own.thousands) == (",", ".")
    assert own.columns == settled.columns


def test_a_covariate_has_the_same_keys_but_for_columns_of_prices(tmp_path: Path) -> None:
    covariate = "}, covariates: {vix: {path: v.csv, column: VIX, columns: %s}"
    load(tmp_path, "decimal: '.'" + covariate % "{date: Day}")
    with pytest.raises(ConfigurationError, match="allowed: `columns` of date and time"):
        load(tmp_path, "decimal: '.'" + covariate % "{close: Day}")

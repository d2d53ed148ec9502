"""The configuration file: what loads, and what each mistake is told."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

import exchange_calendars
import pytest

from forecast_assets.configuration.commodities import EXAMPLES, FileSource
from forecast_assets.configuration.names import NAME_RULE, valid_name
from forecast_assets.configuration.sections import Calibration, Checks, Parallel, Publish
from forecast_assets.configuration.settings import PARTS, Settings, load_settings
from forecast_assets.errors import ConfigurationError, StoreError
from forecast_assets.market.landing import LandingFolder
from forecast_assets.models.garch import Garch
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.opening import open_store
from forecast_assets_tests.graphs import ROOT

VALID = """\
model_version: v1.0
horizon: 14
paths: 2000
training: {cadence: semiannually, start: 2012-01-01, min_observations: 500}
models: [naive, random_walk, arima_111, garch]
commodities:
  WTI: {unit: USD/bbl, source: {type: sample, name: wti}}
  Gold: {unit: USD/oz, source: {type: file, path: gold.csv}, calendar: XLON}
"""

Load = Callable[[str], Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_text(text: str) -> Settings:
        path = tmp_path / "forecast.yaml"
        path.write_text(text, encoding="utf-8")
        return Settings.load(path)

    return load_text


def edited(old: str, new: str) -> str:
    assert VALID.count(old) == 1, f"{old!r} does not stand once in the valid file"
    return VALID.replace(old, new)


def message_of(load: Load, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    return str(caught.value)


def test_the_file_of_the_project_loads() -> None:
    settings = Settings.load(ROOT / "forecast.yaml")
    assert (settings.model_version, settings.horizon, settings.paths) == ("v1.0", 14, 2000)
    assert (settings.training.cadence, settings.training.start) == (
        "semiannually",
        date(2012, 1, 1),
    )
    assert list(settings.models) == [
        "naive",
        "arima_auto",
        "ets",
        "garch",
        "reverting_volatility",
        "ensemble",
    ]
    assert {name: each.model_dump() for name, each in settings.commodities.items()} == {
        "WTI": {
            "unit": "USD/bbl",
            "source": {"type": "sample", "name": "wti"},
            "calendar": "from_data",
            "covariates": {},
            "bounds": None,
            "tick": 0.01,
        },
        "Gold": {
            "unit": "USD/oz",
            "source": {"type": "sample", "name": "gold"},
            "calendar": "XLON",
            "covariates": {},
            "bounds": None,
            "tick": 0.05,
        },
    }


def test_what_is_left_out_has_its_documented_default(load: Load) -> None:
    settings = load(
        "model_version: v1\ntraining: {start: 2020-01-01}\nmodels: [naive]\n"
        "commodities: {WTI: {unit: USD/bbl, source: {type: sample, name: wti}}}\n"
    )
    assert (settings.horizon, settings.paths) == (14, 2000)
    assert (settings.training.cadence, settings.training.min_observations) == ("semiannually", 500)
    assert (settings.artifacts.url, settings.artifacts.threshold_bytes) == (None, 1_000_000)
    assert settings.database.memory_limit == "512MB"
    assert settings.database.lock_timeout_seconds == 120.0


def test_models_keep_their_order_and_take_options(load: Load) -> None:
    options = "[{garch: {persistence_cap: 0.9}}, naive, {random_walk: }]"
    settings = load(edited("[naive, random_walk, arima_111, garch]", options))
    assert list(settings.models) == ["garch", "naive", "random_walk"]
    assert settings.models["garch"] == Garch(persistence_cap=0.9)
    assert settings.models["naive"].model_dump() == {
        "recalibrate": False,
        "decay": 0.94,
        "lookback": 250,
        "form": "auto",
    }


def test_a_commodity_has_a_tick_only_where_it_says_so(load: Load) -> None:
    settings = load(edited("unit: USD/bbl,", "unit: USD/bbl, tick: 0.01,"))
    assert [each.tick for each in settings.commodities.values()] == [0.01, None]


def test_a_file_source_loads(load: Load) -> None:
    source = load(edited("path: gold.csv", "path: gold.csv, symbol: GC")).commodity("Gold").source
    assert source == FileSource(type="file", path="gold.csv", symbol="GC")


def test_settings_do_not_change(load: Load) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(VALID).training.__setattr__("min_observations", 1)


@pytest.mark.parametrize(
    ("old", "new", "key", "found"),
    [
        ("horizon:", "horizons:", "horizons", "14"),
        ("horizon:", "Horizon:", "Horizon", "14"),
        ("cadence:", "cadense:", "training.cadense", "'semiannually'"),
        ("unit: USD/bbl,", "unit: USD/bbl, units: USD,", "commodities.WTI.units", "'USD'"),
        ("path: gold.csv", "path: gold.csv, file: x", "source.file", "'x'"),
        ("garch]", "{garch: {cap: 0.9}}]", "garch.cap", "0.9"),
        ("paths:", "artifacts: {uri: x}\npaths:", "artifacts.uri", "'x'"),
        ("paths:", "database: {limit: 1GB}\npaths:", "database.limit", "'1GB'"),
    ],
)
def test_an_unknown_key_is_named_with_what_it_held(
    load: Load, old: str, new: str, key: str, found: str
) -> None:
    message = message_of(load, edited(old, new))
    assert f"{key}: unknown key, found {found}, allowed: " in message


@pytest.mark.parametrize("section", PARTS)
def test_an_unknown_key_of_a_section_is_named_with_the_keys_of_that_section(
    load: Load, section: str
) -> None:
    text = edited("paths:", f"{section}: {{x: 1}}\npaths:")
    if section == "training":
        text = edited("start: 2012", "x: 1, start: 2012")
    [line] = [x for x in message_of(load, text).splitlines() if f"{section}.x: unknown key" in x]
    assert line.endswith(f", allowed: {', '.join(PARTS[section].model_fields)}")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("model_version: v1.0\n", "", "model_version"),
        ("models: [naive, random_walk, arima_111, garch]\n", "", "models"),
        (" start: 2012-01-01,", "", "training.start"),
        ("unit: USD/bbl, ", "", "commodities.WTI.unit"),
        (", source: {type: sample, name: wti}", "", "commodities.WTI.source"),
        ("type: sample, name: wti", "type: sample", "commodities.WTI.source.name"),
        (" path: gold.csv", "", "commodities.Gold.source.path"),
    ],
)
def test_a_missing_key_is_named(load: Load, old: str, new: str, key: str) -> None:
    assert f"  {key}: missing" in message_of(load, edited(old, new))


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "allowed"),
    [
        ("horizon: 14", "horizon: 0", "horizon", "0", "greater than or equal to 1"),
        ("horizon: 14", "horizon: 61", "horizon", "61", "less than or equal to 60"),
        ("horizon: 14", "horizon: two", "horizon", "'two'", "valid integer"),
        ("horizon: 14", "horizon: 1.5", "horizon", "1.5", "valid integer"),
        ("paths: 2000", "paths: 1", "paths", "1", "greater than or equal to 2"),
        ("paths: 2000", "paths:", "paths", "None", "valid integer"),
        (": 500}", ": 29}", "training.min_observations", "29", "greater than or equal to 30"),
        ("2012-01-01", "soon", "training.start", "'soon'", "valid date"),
        ("v1.0", "1.0", "model_version", "1.0", "valid string"),
        ("USD/bbl", "''", "commodities.WTI.unit", "''", "at least 1 character"),
        ("gold.csv", "''", "commodities.Gold.source.path", "''", "at least 1 character"),
        ("bbl,", "bbl, tick: 0,", "WTI.tick", "0", "greater than 0"),
        ("bbl,", "bbl, tick: -0.01,", "WTI.tick", "-0.01", "greater than 0"),
        ("bbl,", "bbl, tick: .inf,", "WTI.tick", "inf", "finite number"),
        ("bbl,", "bbl, tick: .nan,", "WTI.tick", "nan", "finite number"),
        ("bbl,", "bbl, tick: 2.0e+6,", "WTI.tick", "2000000.0", "less than or equal to 1000000"),
        ("bbl,", "bbl, tick: 0.123456789,", "WTI.tick", "0.123456789", "at most 8 decimal places"),
        ("bbl,", "bbl, tick: '0.01',", "WTI.tick", "'0.01'", "valid number"),
        ("bbl,", "bbl, tick: yes,", "WTI.tick", "True", "valid number"),
        ("name: wti", "name: brent", "source.name", "'brent'", "'wti' or 'gold'"),
        ("type: file", "type: http", "Gold.source", "'http'", "'sample', 'file'"),
        ("{type: sample, name: wti}", "wti.csv", "WTI.source", "'wti.csv'", "dictionary"),
        ("XLON", "LONDON", "Gold.calendar", "'LONDON'", "name known to exchange_calendars"),
        ("XLON", "NO", "Gold.calendar", "False", "valid string"),
        ("paths:", "artifacts: {threshold_bytes: -1}\npaths:", "artifacts.threshold_bytes", "-1",
         "greater than or equal to 0"),
        ("paths:", "database: {memory_limit: all}\npaths:", "database.memory_limit", "'all'",
         "MB|GB|MiB|GiB"),
        ("paths:", "database: {lock_timeout_seconds: 0}\npaths:", "database.lock_timeout_seconds",
         "0", "greater than 0"),
        ("paths:", "owners: {forecast: [ann]}\npaths:", "owners.forecast.0", "'ann'",
         "an e-mail address, or a team such as team:desk"),
        ("paths:", "owners: {market: team:desk}\npaths:", "owners.market", "'team:desk'", "list"),
        ("paths:", "owners: [team:desk]\npaths:", "owners", "['team:desk']",
         "a list under each of market, forecast, trust"),
        ("paths:", "docs_url: docs\npaths:", "docs_url", "'docs'", "such as https://host/path"),
        ("semiannually", "daily", "training.cadence", "'daily'",
         "'annually', 'semiannually', 'quarterly', 'monthly' or 'weekly'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_key_and_what_is_allowed(
    load: Load, old: str, new: str, key: str, found: str, allowed: str
) -> None:
    message = message_of(load, edited(old, new))
    [line] = [line for line in message.splitlines() if f"{key}: found " in line]
    told, _, rule = line.partition("; ")
    assert found in told
    assert allowed in rule


KNOWN_MODELS = (
    "known: arima_111, arima_auto, boosted_quantiles, ensemble, ets, garch, naive, random_walk,"
    " reverting_volatility, sarimax, theta"
)


@pytest.mark.parametrize(
    ("models", "found", "allowed"),
    [
        ("[naive, grach]", "'grach'", KNOWN_MODELS),
        ("[{grach: {decay: 1}}]", "'grach'", KNOWN_MODELS),
        ("[{naive: {decay: 1.5}}]", "naive.decay: found 1.5", "less than 1"),
        ("[{naive: {form: log}}]", "naive.form: found 'log'", "'auto' or 'difference'"),
        ("[{naive: 5}]", "{'naive': 5}", "allowed: a model name, or `name: {option: value}`"),
        ("[3]", "Value error, 3", "allowed: a model name, or `name: {option: value}`"),
        ("[{naive: {}, garch: {}}]", "'garch'", "allowed: a model name, or `name:"),
        ("[naive, {naive: {decay: 0.9}}]", "naive", "is listed twice"),
        ("{naive: {}}", "{'naive': {}}", "allowed: a list of model names or of `name:"),
        ("naive", "'naive'", "allowed: a list of model names or of `name:"),
        ("", "None", "allowed: a list of model names or of `name:"),
        ("[]", "[]", "at least 1 item"),
    ],
)
def test_a_wrong_model_is_told_with_what_is_allowed(
    load: Load, models: str, found: str, allowed: str
) -> None:
    message = message_of(load, edited("[naive, random_walk, arima_111, garch]", models))
    assert "  models: found " in message
    assert found in message
    assert allowed in message


UNSAFE = [
    "a|b", "../x", "", ".", "..", ".hidden", "-x", "a/b", "a\\b", "a b", "a,b", "a=b", "a'b",
    "a\nb", "a\n", "café", "٣", "a" * 65,
]  # fmt: skip
SAFE = ["a", "7", "WTI", "Crude_Oil-2.1", "a" * 64]


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_commodity_name_is_refused(load: Load, name: str) -> None:
    message = message_of(load, edited("  WTI:", f"  {_quoted(name)}:"))
    assert "  commodities: found the name " in message
    assert repr(name) in message
    assert NAME_RULE in message


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_version_is_refused(load: Load, name: str) -> None:
    message = message_of(load, edited("v1.0", _quoted(name)))
    assert f"  model_version: found {name!r}" in message
    assert NAME_RULE in message


@pytest.mark.parametrize("name", SAFE)
def test_a_safe_name_is_a_commodity_and_a_version(load: Load, name: str) -> None:
    assert name in load(edited("  WTI:", f"  {_quoted(name)}:")).commodities
    assert load(edited("v1.0", _quoted(name))).model_version == name
    assert valid_name(name) == name


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
    return f'"{escaped}"'


@pytest.mark.parametrize(
    ("name", "read"),
    [("NO", "False"), ("on", "True"), ("1", "1"), ("~", "None"), ("1.5", "1.5")],
)
def test_a_name_that_yaml_does_not_read_as_text_is_shown_as_it_was_read(
    load: Load, name: str, read: str
) -> None:
    message = message_of(load, edited("  WTI:", f"  {name}:"))
    assert f"  commodities: found the name {read} (YAML reads it as no text: quote it)" in message


def test_a_quoted_boolean_is_a_name(load: Load) -> None:
    assert list(load(edited("  WTI:", "  'NO':")).commodities) == ["NO", "Gold"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (VALID + "horizon: 3\n", "horizon"),
        (VALID + "  WTI: {unit: x, source: {type: sample, name: wti}}\n", "WTI"),
        (edited("start:", "start: 2011-01-01, start:"), "start"),
    ],
)
def test_a_key_that_stands_twice_is_told_with_its_line(load: Load, text: str, key: str) -> None:
    message = message_of(load, text)
    assert f"'{key}' stands twice" in message
    assert f"line {text.splitlines().index(_last_line_with(text, key)) + 1}," in message


def _last_line_with(text: str, key: str) -> str:
    return [line for line in text.splitlines() if f"{key}:" in line][-1]


@pytest.mark.parametrize(
    "text",
    [
        "model_version: [",
        "\tmodel_version: v1.0",
        "a: b: c",
        "a: \0",
        "a: !!python/object/apply:os.getcwd []",
        f"{VALID}---\n{VALID}",
        "[a]: 1",
    ],
)
def test_what_is_not_one_plain_yaml_document_is_told_with_its_file(load: Load, text: str) -> None:
    assert "forecast.yaml: not YAML: " in message_of(load, text)


@pytest.mark.parametrize(
    ("text", "found"), [("", "None"), ("- WTI\n", r"['WTI']"), ("WTI\n", "'WTI'"), ("3", "3")]
)
def test_a_document_that_is_no_mapping_is_told(load: Load, text: str, found: str) -> None:
    assert f"found {found}, allowed: a mapping of keys" in message_of(load, text)


@pytest.mark.parametrize("commodities", ["", " {}", " [WTI]"])
def test_there_is_at_least_one_commodity(load: Load, commodities: str) -> None:
    text = VALID.partition("commodities:")[0] + f"commodities:{commodities}\n"
    assert "  commodities: found " in message_of(load, text)


def test_every_mistake_of_a_file_is_told_at_once(load: Load) -> None:
    message = message_of(load, edited("horizon: 14", "horizon: 0\nspeed: 9").replace("XLON", "X"))
    starts = [line.split(": ")[0].strip() for line in message.splitlines()[1:]]
    assert starts == ["horizon", "commodities.Gold.calendar", "speed"]


def test_a_mistake_names_the_file(load: Load, tmp_path: Path) -> None:
    assert message_of(load, edited("horizon: 14", "horizon: 0")).startswith(
        f"{tmp_path / 'forecast.yaml'}: not a valid configuration\n"
    )


@pytest.mark.parametrize(
    ("name", "reason"), [("absent.yaml", "No such file"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_opened_is_told_with_the_variable_that_names_it(
    tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        Settings.load(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "FORECAST_CONFIG" in str(caught.value)


@pytest.mark.parametrize("given", [None, ""])
def test_without_forecast_config_the_file_of_this_folder_is_read(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    load(edited("horizon: 14", "horizon: 7"))
    monkeypatch.chdir(tmp_path)
    if given is None:
        monkeypatch.delenv("FORECAST_CONFIG")
    else:
        monkeypatch.setenv("FORECAST_CONFIG", given)
    assert load_settings().horizon == 7
    assert load_settings().folder == tmp_path


def test_forecast_config_names_the_file(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(edited("horizon: 14", "horizon: 7"))
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    assert load_settings().horizon == 7


@pytest.mark.parametrize("given", [None, ""])
def test_without_forecast_home_data_lies_beside_the_configuration(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    if given is None:
        monkeypatch.delenv("FORECAST_HOME")
    else:
        monkeypatch.setenv("FORECAST_HOME", given)
    assert load(VALID).home == tmp_path / "data"


def test_forecast_home_holds_database_and_artifacts(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "elsewhere"
    monkeypatch.setenv("FORECAST_HOME", str(home))
    settings = load(VALID)
    assert settings.home == home
    assert settings.database_path == home / "commodity.duckdb"
    assert settings.artifacts_url == f"file://{home}/artifacts"


def test_files_land_and_artifacts_stay_in_a_data_folder_of_any_name(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "Ann's data 100% #1?"
    monkeypatch.setenv("FORECAST_HOME", str(home))
    settings = load(edited("paths:", "artifacts: {url: 'big models'}\npaths:"))
    assert Path(LandingFolder(settings).path.path) == home / "landing"
    written = ArtifactStore(settings.artifacts_url).write("Coffee", "a", b"{}")
    assert (settings.folder / "big models" / "Coffee" / "a.json").read_bytes() == b"{}"
    assert ArtifactStore(settings.artifacts_url).read(written, 2) == b"{}"
    (home / "landing").mkdir(parents=True)
    (home / "landing" / "x.csv").write_text("date,close\n")
    (found,) = LandingFolder(settings).waiting(time.time() + 100).whole
    assert found.entry.name == "x.csv"


def test_a_data_folder_that_no_address_can_name_is_refused(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "a::b"))
    said = r"landing.url: .*/a::b/landing: :: in the path of a folder makes another of it: rename"
    with pytest.raises(ConfigurationError, match=said):
        load(VALID)
    load(edited("paths:", f"artifacts: {{url: '{tmp_path}/x'}}\nlanding: {{url: y}}\npaths:"))
    monkeypatch.setenv("FORECAST_HOME", f"{tmp_path}/a://b")
    assert Path(LandingFolder(load(VALID)).path.path) == tmp_path / "a:" / "b" / "landing"


@pytest.mark.parametrize(("given", "under"), [("data", "work"), ("~/data", "user")])
def test_a_relative_forecast_home_starts_here_and_a_tilde_at_the_users_home(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, under: str
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("FORECAST_HOME", given)
    assert load(VALID).home == tmp_path / under / "data"


def test_a_configuration_read_by_a_relative_path_has_an_absolute_folder(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(VALID)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORECAST_HOME")
    settings = Settings.load(Path("forecast.yaml"))
    assert settings.folder == tmp_path
    assert settings.database_path == tmp_path / "data" / "commodity.duckdb"


@pytest.mark.parametrize("name", ["lake #1", "lake?", "lake%41", "lake"])
def test_delta_tables_may_be_in_a_folder_of_any_name(load: Load, name: str) -> None:
    settings = load(edited("paths:", f"store: {{type: delta, url: '{name}'}}\npaths:"))
    address = urlsplit(settings.tables_at)
    assert (address.scheme, address.query, address.fragment) == ("file", "", "")
    assert Path(unquote(address.path)) == settings.folder.resolve() / name


@pytest.mark.parametrize(("sign", "code"), [("#", "%23"), ("?", "%3F")])
def test_an_address_of_delta_tables_that_ends_too_soon_is_refused(
    load: Load, sign: str, code: str
) -> None:
    settings = load(edited("paths:", f"store: {{type: delta, url: 's3://a/b{sign}2'}}\npaths:"))
    with pytest.raises(StoreError, match=rf"found \{sign} in the address .*: write {code}"):
        open_store(settings)


def test_artifacts_may_go_to_any_url(load: Load) -> None:
    settings = load(edited("paths:", "artifacts: {url: 's3://bucket/models'}\npaths:"))
    assert settings.artifacts_url == "s3://bucket/models"


def test_a_run_may_have_a_version_of_its_own(load: Load) -> None:
    settings = load(VALID)
    assert settings.version(None) == "v1.0"
    assert settings.version("v2.0-rc.1") == "v2.0-rc.1"


@pytest.mark.parametrize("override", UNSAFE)
def test_an_unsafe_version_of_a_run_is_refused(load: Load, override: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(VALID).version(override)
    assert str(caught.value) == f"model_version: found {override!r}, allowed: {NAME_RULE}"


def test_an_unknown_commodity_is_told_with_those_there_are(load: Load) -> None:
    with pytest.raises(ConfigurationError, match="found 'Brent', allowed: WTI, Gold"):
        load(VALID).commodity("Brent")


def test_an_unknown_key_is_told_the_known_ones(load: Load) -> None:
    assert "allowed: cadence, start, min_observations" in message_of(
        load, edited("cadence:", "cadense:")
    )
    assert "garch.cap: unknown key, found 0.9, allowed: recalibrate, persistence_cap" in message_of(
        load, edited("garch]", "{garch: {cap: 0.9}}]")
    )
    assert (
        "parallel.cores: unknown key, found 4, allowed: backend, processes, module"
        in message_of(load, VALID + "parallel: {cores: 4}\n")
    )


def test_a_source_without_a_type_is_told_the_types(load: Load) -> None:
    message = message_of(load, edited("type: sample, name: wti", "name: wti"))
    assert "commodities.WTI.source.type: missing, allowed: sample, file" in message


@pytest.mark.parametrize(
    ("written", "other", "key", "says"),
    [
        (
            "start: 2012-01-01",
            "start: 2012-13-01",
            "line 4: training.start",
            "found '2012-13-01', which is no date: month must be in 1..12; allowed: a day that",
        ),
        (
            "start: 2012-01-01",
            "start: 2012-02-30",
            "line 4: training.start",
            "found '2012-02-30', which is no date: day is out of range for month; allowed: a day",
        ),
        (
            "type: sample, name: wti",
            "type: sample, name: 2012-00-01 10:00:00",
            "commodities.WTI.source.name",
            "found '2012-00-01 10:00:00', which is no date: month must be in 1..12; allowed: a day",
        ),
        ("garch]", "0x_]", "models.", "found '0x_', which is no number: "),
        ("WTI:", "2012-31-01:", "commodities.2012-31-01", "which is no date: month must be"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_line_and_key(
    load: Load, written: str, other: str, key: str, says: str
) -> None:
    text = edited(written, other)
    message = message_of(load, text)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if other in each)
    assert f"forecast.yaml: line {line}: " in message
    assert key in message
    assert says in message


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("XLONN", "; did you mean XLON"),
        ("nyse", "; did you mean NYSE"),
        ("CMEE", "; did you mean CME"),
        ("fromdata", "; did you mean from_data"),
    ],
)
def test_an_unknown_calendar_is_told_with_the_nearest(load: Load, name: str, near: str) -> None:
    message = message_of(load, edited("XLON", name))
    assert f"commodities.Gold.calendar: found {name!r}; " in message
    assert near in message
    assert len(message) < 400


def test_a_calendar_like_no_other_is_told_examples_that_there_are(load: Load) -> None:
    message = message_of(load, edited("XLON", "qqqqqqqq"))
    assert "did you mean" not in message
    assert set(EXAMPLES) <= set(exchange_calendars.get_calendar_names())
    assert f"such as {', '.join(EXAMPLES)}" in message


def test_another_encoding_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "forecast.yaml").write_bytes("model_version: caf\u00e9".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"forecast\.yaml: line 1 is not UTF-8"):
        Settings.load(tmp_path / "forecast.yaml")


def test_yaml_may_merge_what_commodities_share(load: Load) -> None:
    settings = load(
        VALID + "  Silver: {<<: {unit: USD/oz, calendar: XLON}, "
        "source: {type: sample, name: gold}}\n"
    )
    assert settings.commodity("Silver").calendar == "XLON"


def test_a_calendar_that_cannot_be_built_is_told_when_the_file_is_read(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise NotImplementedError("no holidays")

    monkeypatch.setattr(exchange_calendars, "get_calendar", broken)
    message = message_of(load, VALID)
    assert "commodities.Gold.calendar: found 'XLON'" in message
    assert "cannot build it: no holidays" in message


def test_a_whole_number_is_not_a_boolean(load: Load) -> None:
    assert "horizon: found True" in message_of(load, edited("horizon: 14", "horizon: true"))


WITH_COVARIATES = (
    VALID.replace("calendar: XLON}", "calendar: XLON, covariates: {vix: {path: v.csv, column: c}}}")
    + "feature_sets: {market: [vix]}\n"
)


def covariate(keys: str) -> str:
    return WITH_COVARIATES.replace("{path: v.csv, column: c}", keys)


def roster(models: str) -> str:
    return WITH_COVARIATES.replace("[naive, random_walk, arima_111, garch]", models)


def test_covariates_and_feature_sets_load_with_their_defaults(load: Load) -> None:
    settings = load(roster("[naive, {sarimax: {features: market}}]"))
    vix = settings.commodity("Gold").covariates["vix"]
    assert (vix.path, vix.column, vix.unit) == ("v.csv", "c", "")
    assert (vix.delay_days, vix.fill_days, vix.region, vix.aggregate) == (1, 5, None, "mean")
    sarimax, naive = settings.models["sarimax"], settings.models["naive"]
    assert settings.covariates_of(sarimax, ["rain", "vix"]) == ("vix",)
    assert settings.covariates_of(sarimax, ["rain"]) == ("vix",)
    assert settings.covariates_of(naive, ["vix"]) == ()


def test_an_ensemble_uses_those_of_its_members_covariates_that_there_are(load: Load) -> None:
    settings = load(roster("[naive, {sarimax: {features: market}}, ensemble]"))
    ensemble = settings.models["ensemble"]
    assert settings.covariates_of(ensemble, ["rain", "vix"]) == ("vix",)
    assert settings.covariates_of(ensemble, ["rain"]) == ()


def test_models_are_fitted_by_lokys_processes_one_a_core_unless_it_is_told(load: Load) -> None:
    assert load(VALID).parallel == Parallel(backend="loky", processes=None, module=None)
    told = "parallel: {backend: grid, processes: 3, module: our.grid}\n"
    assert load(VALID + told).parallel == Parallel(backend="grid", processes=3, module="our.grid")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("{processes: 0}", "parallel.processes: found 0; Input should be greater than or equal"),
        ("{processes: true}", "parallel.processes: found True; Input should be a valid integer"),
        ("{backend: ''}", "parallel.backend: found ''; String should have at least 1 character"),
    ],
)
def test_a_wrong_way_to_fit_models_is_told(load: Load, keys: str, message: str) -> None:
    assert message in message_of(load, VALID + f"parallel: {keys}\n")


@pytest.mark.parametrize(
    ("keys", "key", "found", "allowed"),
    [
        ("{path: v.csv}", "column: missing", "", ""),
        ("{path: v, column: c, lag: 3}", "lag: unknown key", "3", "allowed: path, column, unit,"),
        ("{path: v, column: c, delay_days: -1}", "delay_days", "-1", "greater than or equal to 0"),
        ("{path: v, column: c, fill_days: x}", "fill_days", "'x'", "valid integer"),
        ("{path: v, column: c, region: r, aggregate: sum}", "aggregate", "'sum'", "'weighted'"),
        ("{path: v, column: date}", "vix", "'date'", "neither called date, file or line"),
        ("{path: v, column: c, aggregate: first}", "vix", "'first'", "the column of `region`"),
        ("{path: v, column: c, region: r, aggregate: weighted}", "vix", "'weighted'",
         "`weights` together with"),
        ("{path: v, column: c, region: r, weights: {A: 1}}", "vix", "'A'", "`weights` together"),
        ("{path: v, column: c, region: r, regions: [A]}", "vix", "['A']", "`aggregate: first`"),
        ("{path: v, column: c, region: r, aggregate: weighted, weights: {A: 0}}", "weights.A", "0",
         "greater than 0"),
    ],
)  # fmt: skip
def test_a_wrong_covariate_is_told_with_its_key_and_what_is_allowed(
    load: Load, keys: str, key: str, found: str, allowed: str
) -> None:
    message = message_of(load, covariate(keys))
    [line] = [x for x in message.splitlines() if "commodities.Gold.covariates.vix" in x]
    for part in (key, found, allowed):
        assert part in line


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ("{market: [vox]}", "market names vox; allowed: covariates of a commodity: vix"),
        ("{market: []}", "market: allowed: at least one covariate, each once"),
        ("{market: [vix, vix]}", "market: allowed: at least one covariate, each once"),
        ("{market: vix}", "feature_sets.market: found 'vix'"),
        ("[vix]", "feature_sets: found ['vix']"),
        ("{'a b': [vix]}", "feature_sets: found the name 'a b'"),
    ],
)
def test_a_wrong_feature_set_is_told(load: Load, sets: str, message: str) -> None:
    assert message in message_of(load, WITH_COVARIATES.replace("{market: [vix]}", sets))


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("[sarimax]", "sarimax.features: missing"),
        ("[{sarimax: {features: macro}}]",
         "sarimax.features: found 'macro', allowed: a name of feature_sets: market"),
        ("[{sarimax: {features: market, projection: hope}}]", "sarimax.projection: found 'hope'"),
        ("[{sarimax: {features: market, p: 0, q: 0}}]", "sarimax.q: found 0; Value error, allowed"),
        ("[{sarimax: {features: market, projection: none, lag: 13}}]",
         "sarimax: reaches 13 sessions ahead, allowed: the horizon of 14 or more"),
    ],
)  # fmt: skip
def test_a_model_with_covariates_is_checked(load: Load, models: str, message: str) -> None:
    assert message in message_of(load, roster(models))


def test_a_run_may_have_models_of_its_own_under_a_version_of_its_own(load: Load) -> None:
    settings = load(WITH_COVARIATES)
    run = settings.of_run("experiment", [{"sarimax": {"features": "market"}}, "naive"])
    assert (run.model_version, list(run.models)) == ("experiment", ["sarimax", "naive"])
    assert (run.folder, run.commodities) == (settings.folder, settings.commodities)
    assert settings.of_run(None, None).models == settings.models
    assert settings.of_run("v2", None).model_version == "v2"


@pytest.mark.parametrize("version", [None, "v1.0"])
def test_models_of_a_run_without_a_version_of_their_own_are_refused(
    load: Load, version: str | None
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(VALID).of_run(version, ["naive"])
    assert f"model_version: found {version!r}, allowed: a version of its own" in str(caught.value)
    assert "under v1.0 they would retire the models in use" in str(caught.value)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (["grach"], "models: found ['grach']; no model is called 'grach'; known: arima_111"),
        ([{"naive": {"decay": 2}}], "naive.decay: found 2; Input should be less than 1"),
        ([{"sarimax": {"features": "x"}}], "sarimax.features: found 'x', allowed: a name of"),
        ([], "models: found []; allowed: at least 1 item"),
    ],
)
def test_wrong_models_of_a_run_are_told_as_those_of_the_configuration(
    load: Load, models: list[object], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(WITH_COVARIATES).of_run("experiment", models)
    assert message in str(caught.value)


def test_calibration_publishing_and_checks_have_their_documented_defaults(load: Load) -> None:
    settings = load(VALID)
    expected = Calibration(coverage_80=0.05, coverage_95=0.03, pit_p_value=0.01)
    assert settings.calibration == expected
    assert settings.publish == Publish(rule="best", models=None, fallback=None)
    assert settings.checks == Checks(median_bound=0.25)


def test_calibration_publishing_and_checks_load(load: Load) -> None:
    settings = load(
        VALID
        + "calibration: {coverage_80: 0, coverage_95: 0.95, pit_p_value: 1}\n"
        + "publish: {rule: best, models: [garch, naive], fallback: naive}\n"
        + "checks: {median_bound: 0.5}\n"
    )
    assert settings.calibration == Calibration(coverage_80=0, coverage_95=0.95, pit_p_value=1)
    assert settings.publish == Publish(models=["garch", "naive"], fallback="naive")
    assert settings.checks.median_bound == 0.5
    fixed = load(VALID + "publish: {rule: fixed, models: [naive]}\n").publish
    assert (fixed.rule, fixed.models) == ("fixed", ["naive"])
    assert load(VALID + "publish: {fallback: garch}\n").publish.fallback == "garch"


@pytest.mark.parametrize(
    ("text", "key", "found", "allowed"),
    [
        ("calibration: {coverage_80: -0.1}", "calibration.coverage_80", "-0.1",
         "greater than or equal to 0"),
        ("calibration: {coverage_80: 0.81}", "calibration.coverage_80", "0.81",
         "less than or equal to 0.8"),
        ("calibration: {coverage_95: 5}", "calibration.coverage_95", "5",
         "less than or equal to 0.95"),
        ("calibration: {pit_p_value: 1.5}", "calibration.pit_p_value", "1.5",
         "less than or equal to 1"),
        ("calibration: {pit_p_value: low}", "calibration.pit_p_value", "'low'", "valid number"),
        ("calibration: {coverage_80: .nan}", "calibration.coverage_80", "nan",
         "less than or equal to 0.8"),
        ("calibration: strict", "calibration", "'strict'", "dictionary"),
        ("publish: {rule: all}", "publish.rule", "'all'", "'best' or 'fixed'"),
        ("publish: {models: []}", "publish.models", "[]", "at least 1 item"),
        ("publish: {models: naive}", "publish.models", "'naive'", "valid list"),
        ("publish: {models: [1]}", "publish.models.0", "1", "valid string"),
        ("publish: {models: [naive, theta]}", "publish", "'theta'",
         "names theta; allowed: naive, random_walk, arima_111, garch"),
        ("publish: {fallback: theta}", "publish", "'theta'",
         "names theta; allowed: naive, random_walk, arima_111, garch"),
        ("publish: {models: [naive], fallback: garch}", "publish", "'garch'",
         "fallback garch; allowed: one of its own `models`"),
        ("publish: {rule: fixed}", "publish", "'fixed'",
         "`rule: fixed` with `models` and without `fallback`"),
        ("publish: {rule: fixed, models: [naive], fallback: naive}", "publish", "'fixed'",
         "`rule: fixed` with `models` and without `fallback`"),
        ("checks: {median_bound: 0}", "checks.median_bound", "0", "greater than 0"),
        ("checks: {median_bound: .inf}", "checks.median_bound", "inf", "finite number"),
        ("checks: {median_bound: .nan}", "checks.median_bound", "nan", "finite number"),
    ],
)  # fmt: skip
def test_a_wrong_rule_of_trust_is_told_with_its_key_and_what_is_allowed(
    load: Load, text: str, key: str, found: str, allowed: str
) -> None:
    message = message_of(load, VALID + text + "\n")
    [line] = [line for line in message.splitlines() if f"  {key}: found " in line]
    told, _, rule = line.partition("; ")
    assert found in told
    assert allowed in rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("calibration: {coverage_50: 0.1}",
         "calibration.coverage_50: unknown key, found 0.1, allowed: coverage_80, coverage_95,"
         " pit_p_value"),
        ("publish: {model: naive}",
         "publish.model: unknown key, found 'naive', allowed: rule, models, fallback"),
        ("checks: {bound: 1}", "checks.bound: unknown key, found 1, allowed: median_bound"),
    ],
)  # fmt: skip
def test_an_unknown_key_of_trust_is_told_the_known_ones(
    load: Load, text: str, message: str
) -> None:
    assert message in message_of(load, VALID + text + "\n")


def test_a_wrong_roster_is_not_told_twice_where_publishing_names_models(load: Load) -> None:
    text = edited("garch]", "grach]") + "publish: {models: [naive]}\n"
    message = message_of(load, text)
    assert "no model is called 'grach'" in message
    assert "publish" not in message

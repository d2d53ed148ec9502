"""Properties of what comes from outside: the configuration, names, and any text that is shown."""

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from forecast_assets.configuration.commodities import SOURCES, Commodity, Covariate
from forecast_assets.configuration.names import NAME_PATTERN, valid_name
from forecast_assets.configuration.sections import LandingFormat
from forecast_assets.configuration.settings import PARTS, Settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.outside import is_plain, plain
from forecast_assets_tests.alarm import at_most
from forecast_assets_tests.hostile.cases import LONGEST_SECONDS, document

COVARIATE = {"path": "x.csv", "column": "mm"}


def keys() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each key of the configuration, and what must stand beside it."""
    yield from ((name, {}) for name in Settings.model_fields)
    for section, of in PARTS.items():
        beside: dict[str, Any] = {"start": "2018-01-01"} if section == "training" else {}
        yield from ((f"{section}.{name}", {section: beside}) for name in of.model_fields)
    rule = {"landing.formats": [{"files": "*"}]}
    yield from ((f"landing.formats.0.{name}", rule) for name in LandingFormat.model_fields)
    yield from ((f"commodities.WTI.{name}", {}) for name in Commodity.model_fields)
    for kind, of in SOURCES.items():
        for name in of.model_fields:
            yield f"commodities.WTI.source.{name}", {"commodities.WTI.source": {"type": kind}}
    for name in Covariate.model_fields:
        yield (
            f"commodities.WTI.covariates.rain.{name}",
            {"commodities.WTI.covariates": {"rain": COVARIATE}},
        )


KEYS = list(keys())

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**400)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        ["", "[/]", "\x1b[31m", "${X}", "0001-01-01", "%d%d", "a\nb", "٣", "x" * 5000]
    )
    | st.dates()
    | st.datetimes()
    | st.binary(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.integers() | st.booleans(), inner, max_size=4)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "forecast.yaml"


def loaded(path: Path) -> str:
    """What the configuration at a path is told, "" if it is loaded; another error is raised."""
    said = ""
    with at_most(LONGEST_SECONDS):
        try:
            Settings.load(path)
        except ConfigurationError as error:
            said = str(error)
    assert is_plain(said.replace("\n  ", ""))
    return said


def with_value(key: str, beside: dict[str, Any], value: Any) -> dict[str, Any]:
    """A valid configuration with a value at a key."""
    whole = document(beside)
    *parents, last = key.split(".")
    inner: Any = whole
    for parent in parents:
        inner = inner[int(parent)] if isinstance(inner, list) else inner.setdefault(parent, {})
    inner[last] = value
    return whole


@settings(max_examples=100)
@given(st.sampled_from(KEYS), VALUES)
def test_any_value_at_any_key_is_loaded_or_refused_with_file_and_key(
    path: Path, key: tuple[str, dict[str, Any]], value: Any
) -> None:
    path.write_text(yaml.safe_dump(with_value(*key, value), allow_unicode=True), "utf-8")
    if said := loaded(path):
        assert str(path) in said
        assert key[0].partition(".")[0] in said


@given(st.binary(max_size=60) | st.text("[]{}:,-&*!|>'\"%@`? \n\tab01.<#~e", max_size=60))
def test_any_file_is_loaded_or_refused_with_its_name(path: Path, content: bytes | str) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert str(path) in loaded(path)


ANYTHING = st.text(st.characters(codec=None), max_size=80)
"""Any text, halves of pairs included, as names of files have them."""


@given(ANYTHING)
def test_any_text_is_a_name_or_refused_in_one_line(name: str) -> None:
    if NAME_PATTERN.fullmatch(name):
        assert valid_name(name) == name
        return
    with pytest.raises(ConfigurationError) as caught:
        valid_name(name)
    assert is_plain(str(caught.value))


@settings(max_examples=200)
@given(ANYTHING)
def test_any_text_is_shown_as_one_line_without_controls(text: str) -> None:
    shown = plain(text)
    assert is_plain(shown)
    assert shown.encode().decode() == shown  # a half of a pair has no bytes


SECRETS = st.text(string.ascii_letters + string.digits + "/+=%-_.~:!$", min_size=12, max_size=40)


@given(
    st.sampled_from(["s3", "https", "ftp", "simplecache::s3"]),
    SECRETS.map(lambda said: f"HIDDEN{said}"),
    st.sampled_from(
        ["{0}://user:{1}@host/x", "{0}://host/x?sig={1}", "token={1}", "'secret': '{1}'"]
    ),
    st.sampled_from(["", " ", "('", ": ", "\n", "http://a/b,"]),
)
def test_a_secret_of_an_address_is_never_shown(
    scheme: str, secret: str, form: str, before: str
) -> None:
    assert "HIDDEN" not in plain(f"{before}{form.format(scheme, secret)}")


def test_all_sections_have_keys_here() -> None:
    known = {key.partition(".")[0] for key, _ in KEYS}
    assert known == set(Settings.model_fields)
    assert all(issubclass(each, BaseModel) for each in PARTS.values())


COMPARED_ONLY = {"median_bound", "spike_bound"}
"""Shares without a largest one: closes are compared with them and nothing else."""


LARGEST = {"maximum", "exclusiveMaximum"}


@pytest.mark.parametrize(
    "of", [*PARTS.values(), Commodity, Covariate, LandingFormat, *SOURCES.values()]
)
def test_every_number_has_a_largest_one(of: type[BaseModel]) -> None:
    schema = of.model_json_schema()
    unbounded = {
        name
        for part in (schema, *schema.get("$defs", {}).values())
        for name, key in part.get("properties", {}).items()
        for kind in key.get("anyOf", [key])
        if kind.get("type") in ("integer", "number") and not LARGEST & kind.keys()
    }
    assert unbounded <= COMPARED_ONLY

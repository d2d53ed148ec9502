"""Who asks by HTTPS asks nobody whose certificate is unknown, or of another host."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from forecast_assets.configuration.sections import Alerts
from forecast_assets.defs import alerts
from forecast_assets.defs.services import FredResource, YahooResource
from forecast_assets.errors import AlertFailed, SourceError
from forecast_assets.market import live
from forecast_assets_tests.security.certificates import ELSEWHERE, HERE, certified
from forecast_assets_tests.web import Answer

FINAL = date(2026, 11, 20)

TRUSTED = "REQUESTS_CA_BUNDLE"
"""The variable by which a user has the project trust an authority of his own."""


def of_fred(url: str) -> None:
    FredResource(base_url=url, requests_per_minute=1e6).read("WTI", "OIL", None, FINAL)  # type: ignore[call-arg]


def of_yahoo(url: str) -> None:
    YahooResource(base_url=url, requests_per_minute=1e6).read("WTI", "CL=F", None, FINAL)  # type: ignore[call-arg]


def of_webhook(url: str) -> None:
    alert = alerts.Alert("check", "freshness", "green", "red", "old", "a run")
    alerts.deliver(Alerts.model_validate({"webhook": url}), alert)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(live, "_pause", lambda state: 0.0)
    monkeypatch.setattr(alerts, "wait_random", lambda *_: lambda *_: 0.0)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("ask", [of_fred, of_yahoo, of_webhook])
def test_a_server_of_an_unknown_authority_is_asked_nothing(
    ask: Callable[[str], None], tmp_path: Path
) -> None:
    with certified(tmp_path, Answer("hello")) as secure:
        with pytest.raises((SourceError, AlertFailed), match=r"(?i)certificate|SSL"):
            ask(secure.server.url)
        assert secure.server.asked == []


@pytest.mark.parametrize("ask", [of_fred, of_webhook])
@pytest.mark.parametrize(("host", "asked"), [(HERE, True), (ELSEWHERE, False)])
def test_a_known_authority_is_trusted_for_the_host_that_it_names(
    ask: Callable[[str], None],
    host: str,
    asked: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with certified(tmp_path, Answer("hello", 404), host) as secure:
        monkeypatch.setenv(TRUSTED, str(secure.authority))
        with pytest.raises((SourceError, AlertFailed)):
            ask(secure.server.url)
        assert bool(secure.server.asked) == asked

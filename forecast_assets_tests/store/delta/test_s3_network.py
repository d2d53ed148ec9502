"""Tables on S3 when the network is slow or ends: told in words, and nothing is half there."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.delta import storage
from forecast_assets.store.delta.delta_tables import delta_tables
from forecast_assets.store.delta.store import DeltaStore
from forecast_assets.store.patience import Patience
from forecast_assets_tests.meddler import Meddler, meddling
from forecast_assets_tests.records import WRITTEN, draw
from forecast_assets_tests.seaweed import BUCKET, Seaweed

pytestmark = pytest.mark.engine

URL = f"s3://{BUCKET}/{{}}"

PATIENT = {"connect_timeout": "30s", "timeout": "30s", "max_retries": "2", "retry_timeout": "60s"}
"""A busy machine may be slow, but a connection that is cut is not tried for long."""

SKEWED = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>RequestTimeTooSkewed</Code><Message>The"
    b" difference between the request time and the current time is too large.</Message></Error>"
)


@pytest.fixture
def network(s3: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meddler]:
    """What stands between this process and the server."""
    with meddling(s3.endpoint) as network:
        monkeypatch.setattr(storage, "PATIENCE", PATIENT)
        monkeypatch.setenv("AWS_ENDPOINT_URL", network.endpoint)
        delta_tables.cache_clear()
        yield network
        delta_tables.cache_clear()


def opened(url: str) -> DeltaStore:
    return DeltaStore(url, 3, "256MB", Patience(20.0))


def write(url: str) -> None:
    opened(url).paths.apply(WRITTEN, WindowChange([draw()]))


def rows(url: str) -> dict[str, int]:
    """How many rows are seen of the tables of a forecast."""
    with opened(url).reading() as tables:
        return {
            name: len(tables.read(f"commodity.forecast.{name}"))
            for name in ("forecasts", "distributions", "point_estimates")
        }


WHOLE = {"forecasts": 3, "distributions": 15, "point_estimates": 9}
NONE = dict.fromkeys(WHOLE, 0)


def test_connections_that_are_cut_now_and_then_cost_only_time(network: Meddler) -> None:
    url = URL.format(uuid4().hex)
    network.cut_after, network.cuts = 4_000, 3
    write(url)
    assert network.cut == 3
    assert rows(url) == WHOLE


@pytest.mark.parametrize("let_through", [1_500, 3_000, 12_000])
def test_a_connection_that_is_cut_again_and_again_leaves_nothing_half_there(
    network: Meddler, let_through: int
) -> None:
    """The tables are as before or as after; the same write goes well when the network does."""
    url = URL.format(uuid4().hex)
    opened(url).marks.leave("begun", WRITTEN.at)
    network.cut_after = let_through
    said = ""
    try:
        write(url)
    except StoreError as error:
        said = str(error)
    assert network.cut > 0
    network.cut_after = None
    delta_tables.cache_clear()
    seen = rows(url)
    assert seen in (NONE, WHOLE)
    assert seen == WHOLE or said.startswith(f"{url}: the connection to the store was cut"), said
    write(url)
    assert rows(url) == WHOLE


def test_an_answer_that_never_comes_is_waited_for_so_long_and_told(network: Meddler) -> None:
    url = URL.format(uuid4().hex)
    write(url)
    network.silent = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "PATIENCE", PATIENT | {"timeout": "1s", "retry_timeout": "3s"})
        delta_tables.cache_clear()
        with pytest.raises(StoreError, match="the store did not answer: check that it runs"):
            rows(url)
    network.silent = False
    delta_tables.cache_clear()
    assert rows(url) == WHOLE


def test_slow_answers_cost_only_time(network: Meddler) -> None:
    url = URL.format(uuid4().hex)
    network.pause = 0.05
    write(url)
    assert rows(url) == WHOLE


def test_a_wrong_clock_is_told_in_words(network: Meddler) -> None:
    url = URL.format(uuid4().hex)
    head = (
        f"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: {len(SKEWED)}"
    )
    network.answer = f"{head}\r\n\r\n".encode() + SKEWED
    with pytest.raises(
        StoreError, match="RequestTimeTooSkewed: the clock of this machine is wrong"
    ):
        write(url)

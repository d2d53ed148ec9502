"""Tables on S3: what goes wrong is told in words, and nothing of it is seen."""

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.delta.delta_tables import delta_tables
from forecast_assets.store.delta.storage import in_words, options_of
from forecast_assets.store.delta.store import DeltaStore
from forecast_assets.store.patience import Patience
from forecast_assets.store.reader import Reader
from forecast_assets_tests.records import AT, WRITTEN, draw
from forecast_assets_tests.seaweed import BUCKET, Seaweed

pytestmark = pytest.mark.engine


@pytest.fixture
def url(s3: Seaweed) -> str:
    """A prefix of its own."""
    return f"s3://{BUCKET}/{uuid4().hex}"


def opened(url: str) -> DeltaStore:
    return DeltaStore(url, 3, "256MB", Patience(10.0))


def test_what_is_written_is_read_by_any_program_that_has_the_keys(url: str) -> None:
    opened(url).paths.apply(WRITTEN, WindowChange([draw()]))
    assert Reader(url).paths("Coffee", "naive").prices.shape == (3, 4, 3)
    assert opened(url).size() > 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong", "SignatureDoesNotMatch: the secret key is another"),
        ("AWS_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId: this access key is not known"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "the store did not answer: check that it runs"),
    ],
)
def test_what_keeps_a_program_from_the_tables_is_told_in_words(
    url: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    opened(url).marks.leave("a", AT)
    monkeypatch.setattr("forecast_assets.store.delta.storage.PATIENCE", {"max_retries": "1"})
    monkeypatch.setenv(name, value)
    delta_tables.cache_clear()  # as another process has none
    for act in (lambda: opened(url).marks.found(), lambda: opened(url).marks.leave("b", AT)):
        with pytest.raises(StoreError) as found:
            act()
        assert f"{url}: " in str(found.value)
        assert said in str(found.value)
        assert "only-for-tests" not in str(found.value)
    delta_tables.cache_clear()


def test_a_bucket_that_is_missing_is_named(s3: Seaweed) -> None:
    with pytest.raises(StoreError, match="NoSuchBucket: there is no such bucket: make it"):
        opened("s3://nowhere/lake").marks.leave("a", AT)


def test_two_processes_that_write_one_commodity_leave_what_both_have_written(
    s3: Seaweed, url: str, tmp_path: Path
) -> None:
    opened(url).marks.leave("begun", AT)
    program = (
        "import sys\n"
        "from datetime import datetime\n"
        "from forecast_assets.store.delta.store import DeltaStore\n"
        "from forecast_assets.store.patience import Patience\n"
        "store = DeltaStore(sys.argv[1], 3, '256MB', Patience(120.0))\n"
        "for number in range(5):\n"
        "    store.marks.leave(sys.argv[2] + str(number), datetime(2024, 1, 1))\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, url, name], stderr=subprocess.PIPE)
        for name in ("a", "b")
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=300)
        assert writer.returncode == 0, said.decode()
    marks = opened(url).marks.found()
    assert sorted(marks[2:]) == [f"{name}{number}" for name in "ab" for number in range(5)]
    assert marks[1] == "begun"


def test_a_folder_needs_no_options_and_plain_http_is_allowed_where_it_is_the_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert options_of("/a/folder") == {}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.example.org")
    assert "allow_http" not in options_of("s3://bucket")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert options_of("s3://bucket")["allow_http"] == "true"


def test_an_unknown_error_is_told_without_escapes_and_secrets() -> None:
    said = in_words(OSError("it broke\n \x1b[31m↳\x1b[0m at https://user:secret@host/a?sig=abc"))
    assert "\x1b" not in said
    assert "secret" not in said
    assert said.startswith("it broke at ")

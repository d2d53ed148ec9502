"""Artifacts on S3, by the same environment as the tables."""

from uuid import uuid4

import fsspec
import pytest

from forecast_assets.errors import ArtifactMissing, ArtifactsUnavailable
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets_tests.seaweed import BUCKET, Seaweed

pytestmark = pytest.mark.engine

FOLDER, NAME = "Coffee/naive/2024-01-01/v1.0", "0" * 64

PAYLOAD = b'{"state": [1.5e-7]}' * 1_000


@pytest.fixture
def store(s3: Seaweed) -> ArtifactStore:
    """A prefix of its own, on which no earlier connection is used again."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    return ArtifactStore(f"s3://{BUCKET}/{uuid4().hex}", seconds=30.0)


def test_what_is_written_is_read_again_and_stands_alone(store: ArtifactStore) -> None:
    address = store.write(FOLDER, NAME, PAYLOAD)
    assert store.write(FOLDER, NAME, PAYLOAD) == address
    assert store.read(address, len(PAYLOAD)) == PAYLOAD
    files = fsspec.filesystem("s3", use_listings_cache=False).find(store.url)
    assert [file.rpartition("/")[2] for file in files] == [f"{NAME}.json"]
    with pytest.raises(ArtifactMissing):
        store.read(address.replace("v1.0", "v2.0"), len(PAYLOAD))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong"),
        ("AWS_ACCESS_KEY_ID", "nobody"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ],
)
def test_a_store_that_cannot_be_used_is_told_and_nothing_counts_as_lost(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    address = store.write(FOLDER, NAME, PAYLOAD)
    monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    for act in (
        lambda: store.read(address, len(PAYLOAD)),
        lambda: store.write(FOLDER, "1" * 64, PAYLOAD),
    ):
        with pytest.raises(ArtifactsUnavailable, match=r"look at artifacts\.url") as found:
            act()
        assert "only-for-tests" not in str(found.value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()

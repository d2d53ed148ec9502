"""A store of S3 on this machine: SeaweedFS, which checks signatures and conditional writes."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

ACCESS_KEY, SECRET_KEY = "forecast", "only-for-tests"

BUCKET = "lake"

LONGEST_SECONDS = 120
"""How long a server may take to begin."""

IDENTITIES = {
    "identities": [
        {
            "name": "team",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
    ]
}


@dataclass(frozen=True)
class Seaweed:
    """A server that runs. ``endpoint``: its address."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def seaweed(folder: Path) -> Iterator[Seaweed]:
    """Run a server on ports of its own, with a bucket; it keeps its files in a folder."""
    (folder / "s3.json").write_text(json.dumps(IDENTITIES))
    master, volume, filer, s3 = free_ports(4)
    command = [
        str(Path(sys.executable).with_name("weed")),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={master}",
        "-master.telemetry=false",
        f"-volume.port={volume}",
        "-volume.max=20",
        "-master.volumeSizeLimitMB=64",
        f"-filer.port={filer}",
        "-filer",
        "-s3",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.port={s3}",
        f"-s3.config={folder / 's3.json'}",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            make_bucket(server, s3)
            yield Seaweed(f"http://127.0.0.1:{s3}")
        finally:
            server.terminate()
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def make_bucket(server: subprocess.Popen[bytes], port: int) -> None:
    """Make the bucket as soon as the server answers."""
    store = fs.S3FileSystem(
        endpoint_override=f"127.0.0.1:{port}",
        scheme="http",
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        region="us-east-1",
        allow_bucket_creation=True,
        connect_timeout=2,
    )
    ends = time.monotonic() + LONGEST_SECONDS
    while True:
        try:
            store.create_dir(BUCKET)
        except OSError:
            assert server.poll() is None, "the server has ended"
            assert time.monotonic() < ends, "the server does not answer"
            time.sleep(0.2)
        else:
            return


def free_ports(count: int) -> list[int]:
    """Ports that are free, and so are those 10,000 above, which gRPC takes."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as low, socket.socket() as high:
            low.bind(("127.0.0.1", 0))
            port = low.getsockname()[1]
            with suppress(OSError, OverflowError):
                high.bind(("127.0.0.1", port + 10_000))
                found.append(port)
    return found

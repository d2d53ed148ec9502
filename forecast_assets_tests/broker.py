"""A Redis server on this machine, which asks for a password."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from forecast_assets_tests.daemons import within
from forecast_assets_tests.seaweed import free_ports

LONGEST_SECONDS = 120
"""How long a server or a worker may take to begin, or to end."""


@dataclass(frozen=True)
class Broker:
    """A server that runs; ``address``: with its password."""

    address: str

    @property
    def environment(self) -> dict[str, str]:
        """What executor and workers ask for."""
        return {"FORECAST_BROKER": self.address}

    def client(self) -> Redis:
        """A connection of a test's own."""
        return Redis.from_url(self.address)


@contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """Run a server on a port of its own."""
    (port,) = free_ports(1)
    password = secrets.token_hex(16)
    said = f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ''\ndir {folder}\n"
    (folder / "redis.conf").write_text(said)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            ["redis-server", str(folder / "redis.conf")], stdout=log, stderr=log, cwd=folder
        )
        try:
            made = Broker(f"redis://:{password}@127.0.0.1:{port}/0")
            within(LONGEST_SECONDS, "Redis", lambda: answers(server, made), pause=0.2)
            yield made
        finally:
            server.terminate()
            server.wait(LONGEST_SECONDS)


def answers(server: subprocess.Popen[bytes], made: Broker) -> bool:
    assert server.poll() is None, "Redis has ended"
    try:
        return bool(made.client().ping())
    except RedisError:
        return False

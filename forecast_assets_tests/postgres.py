"""A PostgreSQL server on this machine: that of Debian's package, run as user postgres."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forecast_assets_tests.daemons import within
from forecast_assets_tests.seaweed import free_ports

USER, DATABASE = "postgres", "dagster"

LONGEST_SECONDS = 120
"""How long a server may take to begin, or to end."""


@dataclass(frozen=True)
class Postgres:
    """A server that runs."""

    port: int
    password: str

    @property
    def environment(self) -> dict[str, str]:
        """What ``deploy/several_machines/dagster.yaml`` asks for."""
        return {
            "FORECAST_POSTGRES_HOST": "127.0.0.1",
            "FORECAST_POSTGRES_PORT": str(self.port),
            "FORECAST_POSTGRES_USER": USER,
            "FORECAST_POSTGRES_PASSWORD": self.password,
        }


def programs() -> Path:
    """The folder of the newest PostgreSQL of Debian's packages."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "PostgreSQL is needed: `make test-engines` installs it"
    return found[-1]


def as_postgres(*command: str) -> list[str]:
    """A command as the user who may run a server, if this one may not."""
    return ["runuser", "-u", USER, "--", *command] if os.geteuid() == 0 else list(command)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server with a database, on a port and in a folder of its own.

    pytest's folders are closed to other users, and so to the server.
    """
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    password, (port,) = secrets.token_hex(16), free_ports(1)
    secret = folder / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        shutil.chown(folder, USER)
        shutil.chown(secret, USER)
    data = folder / "data"
    try:
        made = [str(programs() / "initdb"), "-D", str(data), "-U", USER, "-E", "UTF8"]
        run(folder, *made, "--auth=scram-sha-256", f"--pwfile={secret}")
        asked = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-c", "fsync=off"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                as_postgres(str(programs() / "postgres"), "-D", str(data), *asked),
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
            )
            try:
                begin(folder, server, Postgres(port, password))
                yield Postgres(port, password)
            finally:
                stop(folder, data, server)
    finally:
        shutil.rmtree(folder)


def run(folder: Path, *command: str) -> None:
    subprocess.run(
        as_postgres(*command), check=True, capture_output=True, cwd=folder, timeout=LONGEST_SECONDS
    )


def begin(folder: Path, server: subprocess.Popen[bytes], made: Postgres) -> None:
    """Make the database as soon as the server answers."""
    command = [str(programs() / "createdb"), "-h", "127.0.0.1", "-p", str(made.port)]

    def answers() -> bool:
        assert server.poll() is None, (folder / "log").read_text()
        secret = os.environ | {"PGPASSWORD": made.password}
        created = [*command, "-U", USER, DATABASE]
        return subprocess.run(created, env=secret, capture_output=True, check=False).returncode == 0

    within(LONGEST_SECONDS, "PostgreSQL", answers, pause=0.2)


def stop(folder: Path, data: Path, server: subprocess.Popen[bytes]) -> None:
    """End the server, whatever its clients do."""
    if server.poll() is None:
        run(folder, str(programs() / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    server.wait(LONGEST_SECONDS)

"""Spark on this machine: a Connect server, and what a session of its own needs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from socket import create_connection

from forecast_assets_tests.daemons import within
from forecast_assets_tests.seaweed import Seaweed, free_ports

LONGEST_SECONDS = 600
"""How long a server may take to begin, or to end."""

JARS = Path(sys.executable).parent.parent / "spark-jars"
"""Where `make spark` puts the jars of Delta."""

SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"

QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""What lets a machine of Java that runs for a minute begin sooner, and take less memory."""


@dataclass(frozen=True)
class Spark:
    """A server that runs; ``address``: that of Connect."""

    address: str


def settings(folder: Path, s3: Seaweed | None = None) -> dict[str, str]:
    """What a session is told: Delta's extension, few partitions, and how S3 is reached."""
    told = {
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": f"{QUICK} -Dderby.system.home={folder}",
        "spark.driver.host": "127.0.0.1",
        "spark.jars": ",".join(str(each) for each in sorted(JARS.glob("*.jar"))),
        "spark.log.level": "WARN",
        "spark.master": "local[2]",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.session.timeZone": "America/New_York",  # no moment may depend on it
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.ui.enabled": "false",
        "spark.databricks.delta.snapshotPartitions": "1",
    }
    if s3:
        access = s3.environment
        told |= {
            "spark.hadoop.fs.s3a.endpoint": s3.endpoint,
            "spark.hadoop.fs.s3a.endpoint.region": access["AWS_REGION"],
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.access.key": access["AWS_ACCESS_KEY_ID"],
            "spark.hadoop.fs.s3a.secret.key": access["AWS_SECRET_ACCESS_KEY"],
        }
    return told


def environment() -> dict[str, str]:
    """What the processes of Spark find: this Python, and no address but that of this machine.

    A session of Connect leaves word for later ones in the environment of its process.
    """
    plain = {name: each for name, each in os.environ.items() if not name.startswith("SPARK_")}
    (package,) = find_spec("pyspark").submodule_search_locations  # type: ignore[union-attr,misc]
    return plain | {
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_HOME": package,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


@contextmanager
def connect_server(folder: Path, s3: Seaweed | None = None) -> Iterator[Spark]:
    """Run a Connect server on a port of its own; it keeps what it writes in a folder."""
    (port,) = free_ports(1)
    told = settings(folder, s3) | {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.local.dir": str(folder / "local"),
    }
    conf = folder / "spark.conf"
    conf.write_text("".join(f"{name} {value}\n" for name, value in told.items()))
    conf.chmod(0o600)
    found = environment()
    command = [f"{found['SPARK_HOME']}/bin/spark-submit", "--properties-file", str(conf)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--class", SERVER, "spark-internal"],
            stdout=log,
            stderr=log,
            cwd=folder,
            env=found,
        )
        try:
            within(LONGEST_SECONDS, "Spark", lambda: answers(server, port), pause=0.5)
            yield Spark(f"sc://127.0.0.1:{port}")
        finally:
            server.terminate()
            try:
                server.wait(timeout=LONGEST_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the server takes connections."""
    assert server.poll() is None, "Spark has ended"
    try:
        create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True

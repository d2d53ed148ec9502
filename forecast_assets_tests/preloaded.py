"""One of Dagster's programs over a code server that is forked from it, as are the runs.

``python -m forecast_assets_tests.preloaded MODULE ARGUMENT ...`` loads Dagster and the project
once. By themselves, the program, its code server and each run would do so, which takes longer than
all that a short run does; and Dagster's daemon would start another code server every minute. Each
of them still is a process of its own, in the process group of the program.
"""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import yaml
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc import server
from dagster._grpc.client import DagsterGrpcClient

import forecast_assets.defs.build  # noqa: F401 - for the code server
from forecast_assets.cli.serving import workspace
from forecast_assets_tests import quick
from forecast_assets_tests.daemons import within

READY_SECONDS = 600
"""How long the code server is waited for: a machine may have other things to do."""


class CodeServer(server.DagsterApiServer):
    """A code server whose runs are forked, where Dagster's own starts them anew."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        forking = multiprocessing.get_context("forkserver")
        forking.set_forkserver_preload(["forecast_assets_tests.forked"])
        self._mp_ctx: Any = forking


def main(program: str, *arguments: str) -> None:
    """Fork the code server, and be the program."""
    (entry,) = yaml.safe_load(workspace().read_text())["load_from"]
    module, name = (entry["python_module"][key] for key in ("module_name", "location_name"))
    with quick.kept_engines(), TemporaryDirectory() as folder:  # as the path of a socket is short
        socket, file = str(Path(folder) / "socket"), Path(folder) / "workspace.yaml"
        if os.fork() == 0:
            try:
                serve(socket, module, name)
            finally:
                os._exit(1)
        where = {"socket": socket, "location_name": name}
        file.write_text(yaml.safe_dump({"load_from": [{"grpc_server": where}]}))
        client = DagsterGrpcClient(socket=socket)
        within(READY_SECONDS, "code server", lambda: answers(client), pause=0.1)
        sys.argv = [program, *arguments, "-w", str(file)]
        runpy.run_module(program, run_name="__main__", alter_sys=True)


def serve(socket: str, module: str, name: str) -> None:
    """Be the code server at a socket."""
    sys.argv = ["dagster", "api", "grpc", "--socket", socket, "--log-level", "warning"]
    sys.argv += ["--lazy-load-user-code", "--inject-env-vars-from-instance"]
    sys.argv += ["--location-name", name, "-m", module]
    with patch.object(server, "DagsterApiServer", CodeServer):
        runpy.run_module("dagster", run_name="__main__", alter_sys=True)


def answers(client: DagsterGrpcClient) -> bool:
    """Whether the code server answers."""
    try:
        client.ping("")
    except DagsterUserCodeUnreachableError:
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])

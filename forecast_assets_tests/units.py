"""Units of systemd in ``deploy``, and their programs as systemd would start them."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from forecast_assets_tests.graphs import ROOT

DEPLOY = ROOT / "deploy"

INSTALLED, CONFIGURED = "/opt/forecast/bin", "/etc/forecast"
"""Where units find programs and configuration."""

PROGRAMS = str(Path(sys.executable).parent)
"""Where they are here."""


def placed(unit: Path, folder: Path, instance: str = "") -> str:
    """The text of a unit for programs as they are here; ``folder``: has the configuration."""
    text = unit.read_text().replace(INSTALLED, PROGRAMS).replace(CONFIGURED, str(folder))
    return text.replace("%i", instance).replace("%H", socket.gethostname())


def said(text: str, key: str) -> list[str]:
    """The values that a unit has for a key, in order."""
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def start(
    unit: Path, folder: Path, environment: Mapping[str, str], instance: str = ""
) -> subprocess.Popen[bytes]:
    """Start the program of a unit in a process group of its own; its log is in the folder."""
    text = placed(unit, folder, instance)
    own = dict(each.split("=", 1) for each in said(text, "Environment"))
    found = os.pathsep.join([*filter(None, [own.pop("PYTHONPATH", "")]), str(ROOT)])
    (command,) = said(text, "ExecStart")
    with (folder / f"{instance or unit.stem}.log").open("ab") as log:
        return subprocess.Popen(
            command.split(),
            env=os.environ | dict(environment) | own | {"PYTHONPATH": found},
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

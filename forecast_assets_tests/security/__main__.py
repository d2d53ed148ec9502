"""``python -m forecast_assets_tests.security``: the promises of SECURITY.md on a whole system."""

import subprocess
import sys
from pathlib import Path

import pytest

from forecast_assets_tests.security.alone import command, is_alone, switch_on

REFUSED = """\
The system is watched in a network of its own, which this user may not make here. Run this as root,
or permit it (sysctl kernel.unprivileged_userns_clone=1, and on Ubuntu also
kernel.apparmor_restrict_unprivileged_userns=0). In a container, start that with --network none.
"""


def main() -> int:
    """Run the tests in a network of their own, by pytest's arguments."""
    if is_alone():
        switch_on()
        places = [str(Path(__file__).with_name(name)) for name in ("leaving.py", "whole_system.py")]
        return pytest.main([*places, "-n0", "-p", "no:cacheprovider", *sys.argv[1:]])
    if subprocess.run(command(["true"]), check=False).returncode:
        sys.stderr.write(REFUSED)
        return 1
    again = [sys.executable, "-m", __package__ or "", *sys.argv[1:]]
    return subprocess.run(command(again), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

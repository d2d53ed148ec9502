"""Which heavy packages a process of its own has loaded when it ends."""

import subprocess
import sys

HEAVY = (
    "arch",
    "dagster",
    "exchange_calendars",
    "matplotlib",
    "numpy",
    "pandas",
    "pandera",
    "pyarrow",
    "pyspark",
    "scipy",
    "scipy.special",
    "scipy.stats",
    "statsmodels",
)
"""Packages that take from a tenth of a second to several."""


def loaded_by(code: str, *, check: bool = False) -> set[str]:
    """The heavy packages that a process has loaded at its end; ``check``: it must go well."""
    told = (
        "import atexit, sys\n"
        f"heavy = {HEAVY!r}\n"
        "atexit.register(lambda: print('loaded:', *[x for x in heavy if x in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", told + code], capture_output=True, text=True, check=check
    )
    assert "loaded:" in done.stdout, done.stderr
    return set(done.stdout.rpartition("loaded:")[2].split())


def command(*arguments: str) -> str:
    """The code of a process that is the console script."""
    return f"from forecast_assets.cli import app\napp({list(arguments)!r})\n"

"""Fuzz a target for some seconds: ``python -m forecast_assets_tests.fuzz payload --seconds 60``.

Ends with 0 if nothing was found. An error that is not promised, a hang, a crash or too much memory
ends it with 1, and the input is kept in a folder that is named.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"

HANG_SECONDS, MEGABYTES = 10, 2048
"""An input that takes longer, or more memory, is a finding."""

GRACE_SECONDS = 120
"""The process that fuzzes is ended if it is there so long after its time, as if it hung."""


def fuzz(target: str, seconds: int, found: Path, *, grow: bool = False) -> int:
    """Fuzz in a process of its own, which may crash. Returns 0, or 1 if something was found.

    ``found``: the folder for inputs that fail. ``grow``: whether inputs that reach new branches are
    added to the corpus.
    """
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = CORPUS / target
        if not grow:
            corpus = Path(shutil.copytree(corpus, Path(folder) / "corpus"))
        limits = [f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={MEGABYTES}", "-print_final_stats=1"]
        bounds = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", *limits]
        program = [sys.executable, "-m", f"{__package__}.running", target]
        try:
            ended = subprocess.run(
                [*program, *bounds, str(corpus)], check=False, timeout=seconds + GRACE_SECONDS
            )
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"{target}: did not end by itself\n")
            return 1
    if ended.returncode == 0:
        return 0
    sys.stderr.write(f"{target}: ended with {ended.returncode}; what it was given is in {found}\n")
    return 1


def main() -> int:
    """Fuzz as the command line says."""
    targets = sorted(folder.name for folder in CORPUS.iterdir())
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    parser.add_argument("target", choices=targets)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--found", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--grow", action="store_true", help="add new inputs to the corpus")
    asked = parser.parse_args()
    return fuzz(asked.target, asked.seconds, asked.found / asked.target, grow=asked.grow)


if __name__ == "__main__":
    sys.exit(main())

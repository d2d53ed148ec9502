"""What large arrays took goes back to the system, although small ones were made between them."""

import subprocess
import sys

GROWN = """
import sys
from pathlib import Path
import numpy as np
from forecast_assets.defs.run_memory import give_back_large_arrays

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

if sys.argv[1] == "given back":
    give_back_large_arrays()
np.ones(14 * 2**20, dtype=np.uint8)
before, small = resident(), []
for _ in range(3):
    large = []
    for _ in range(10):
        large.append(np.ones(14 * 2**20, dtype=np.uint8))
        small.append(np.ones(100_000, dtype=np.uint8))
    del large
print(resident() - before - sum(len(each) for each in small))
"""


def grown(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", GROWN, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_the_memory_of_large_arrays_is_given_back() -> None:
    assert grown("given back") < 14e6 < 50e6 < grown("kept")

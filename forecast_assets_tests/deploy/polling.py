"""``python -m forecast_assets_tests.deploy.polling URL END``: a program that reads forecasts.

It reads all forecasts again and again until the file END is there. Each must be whole and once, and
none may go. The last line of its output is JSON: the rounds, the forecasts seen, what was wrong.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from forecast_assets.store.reader import Reader

PATHS, HORIZON = 20, 3

PAUSE_SECONDS = 2.0


def wrong(reader: Reader, seen: dict[tuple[str, str], set[str]]) -> Iterator[str]:
    """A line for each thing that is wrong now; ``seen``: the cutoffs seen so far, which grow."""
    for row in reader.models().itertuples():
        named = str(row.commodity), str(row.model_name)
        found = reader.paths(*named)
        cutoffs = set(map(str, found.cutoffs))
        if len(cutoffs) != len(found):
            yield f"{named}: a forecast is there twice"
        if found.prices.shape[1:] != (PATHS, HORIZON) or np.isnan(found.prices).any():
            yield f"{named}: forecasts of the shape {found.prices.shape}, or with gaps"
        if gone := seen.get(named, set()) - cutoffs:
            yield f"{named}: {len(gone)} forecasts are gone: {min(gone)}"
        seen[named] = cutoffs


def main(url: str, end: Path) -> None:
    """Read until the end, and say what was seen."""
    seen: dict[tuple[str, str], set[str]] = {}
    broken: list[str] = []
    rounds = 0
    while not end.exists():
        broken += wrong(Reader(url), seen)
        rounds += 1
        time.sleep(PAUSE_SECONDS)
    said = {"rounds": rounds, "forecasts": sum(map(len, seen.values())), "wrong": broken}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

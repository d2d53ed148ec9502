"""The process that fuzzes one target, by libFuzzer's own arguments; it may crash."""

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import atheris


def target(name: str) -> ModuleType:
    """A target, over a product whose branches are counted from here on."""
    with atheris.instrument_imports(include=["forecast_assets"]):
        return import_module(f"{__package__}.{name}")


def main(name: str, arguments: list[str]) -> None:
    """Fuzz until the time is over or something is found; does not return."""
    asked = target(name)
    own: dict[str, Any] = {}
    if mutate := getattr(asked, "mutate", None):
        own = {"custom_mutator": mutate}
    atheris.Setup([sys.argv[0], *arguments], getattr(asked, "fuzz", asked.take), **own)
    atheris.Fuzz()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(sys.argv[1], sys.argv[2:])

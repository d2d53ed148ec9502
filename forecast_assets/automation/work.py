"""Pieces of work: what is due, each with a hash of what it would be made from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from forecast_assets.market.landing import Arrival
from forecast_assets.timeline.window import Window

STAGES = {"train": "trained_models", "forecast": "distributions", "score": "scores"}
"""Stages of a window in order, each with its asset."""

LOAD = ("prices", "features")
"""The assets of a commodity before any window."""

PLACES_TOLD = 3
"""Windows or files that are named before the rest are counted."""


@dataclass(frozen=True, order=True)
class Work:
    """A piece of work that is due, and a hash of what it would be made from."""

    name: str
    signature: str

    @property
    def stage(self) -> str:
        """What is to be done, such as ``train``."""
        return self.name.partition(" ")[0]


def signature(*parts: object) -> str:
    """A short hash of some values, by what they look like."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Piece:
    """A piece of work: a stage of a window, or what a commodity needs before any window.

    ``also``: what a run that goes on from it does as well, as soon as it can be done.
    ``declined``: whether models have declined all of it that is missing, so that a run that was
    made from the same has nothing to add.
    """

    work: Work
    commodity: str
    assets: tuple[str, ...]
    window: Window | None = None
    also: tuple[Work, ...] = ()
    declined: bool = False


def file_work(arrival: Arrival) -> Piece:
    """The landing of a file, as a piece of work."""
    work = Work(f"land {arrival.path.name}", signature(arrival.signature))
    return Piece(work, "", ("landed_files",))


def in_words(asked: Sequence[Work]) -> str:
    """Pieces of work as people read them: "WTI 2026-07-01: forecast, score".

    Windows in which the same is done are told together; of many only the first few.
    """
    stages: dict[str, list[str]] = {}
    for work in asked:
        stage, _, where = work.name.partition(" ")
        stages.setdefault(where.replace("|", " "), []).append(stage)
    places: dict[str, list[str]] = {}
    for where, done in stages.items():
        named = [stage for stage in STAGES if stage in done]
        named += [stage for stage in done if stage not in STAGES]
        places.setdefault(", ".join(named), []).append(where)
    lines = [f"{_shortened(wheres)}: {what}".removeprefix(": ") for what, wheres in places.items()]
    return "; ".join(lines)


def _shortened(places: Sequence[str]) -> str:
    more = f" and {len(places) - PLACES_TOLD} more" if len(places) > PLACES_TOLD else ""
    return ", ".join(places[:PLACES_TOLD]) + more

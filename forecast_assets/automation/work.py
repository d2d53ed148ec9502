"""Pieces of work that are due, each with a hash of the inputs that it would be made from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from forecast_assets.market.landing import Arrival
from forecast_assets.timeline.window import Window

STAGES = {"train": "trained_models", "forecast": "distributions", "score": "scores"}
"""The stages of a window in their order, each with the asset that does it."""

LOAD = ("prices", "features")
"""The assets that load a commodity; they run before those of its windows."""

PLACES_TOLD = 3
"""How many windows or files a text names; it counts the rest."""


@dataclass(frozen=True, order=True)
class Work:
    """The name of a piece of work, such as ``train WTI|2026-07-01``, and a hash of its inputs."""

    name: str
    signature: str

    @property
    def stage(self) -> str:
        """The first word of the name, such as ``train``."""
        return self.name.partition(" ")[0]


def signature(*parts: object) -> str:
    """A short hash of some values; values whose ``repr`` is the same have the same hash."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Piece:
    """A piece of work: one stage of a window, or the loading of a commodity or file.

    ``also``: the work that becomes possible by this piece, and that a run through the later stages
    does too: a training is followed by its forecasts. ``declined``: whether models have declined
    all that is missing, so that another run with the same inputs would add nothing.
    """

    work: Work
    commodity: str
    assets: tuple[str, ...]
    window: Window | None = None
    also: tuple[Work, ...] = ()
    declined: bool = False


def file_work(arrival: Arrival) -> Piece:
    """The landing of a file, as a piece of work."""
    work = Work(f"land {arrival.name}", signature(arrival.signature))
    return Piece(work, "", ("landed_files",))


def in_words(asked: Sequence[Work]) -> str:
    """Pieces of work as people read them: "WTI 2026-07-01: forecast, score".

    Windows with the same stages share a text, which names only the first few of them.
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

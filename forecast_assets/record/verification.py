"""Verification: all rows of the tables, walked commodity by commodity."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pandas as pd

from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import StoreError, StoreLocked
from forecast_assets.record import (
    estimates,
    fitted,
    issued,
    market,
    paths,
    pinned,
    published,
    ranking,
    redrawn,
    scored,
)
from forecast_assets.record.damage import Damage, day_of
from forecast_assets.record.mending import BACKUP, RESTORE, restoring
from forecast_assets.record.rows import Rows, kept_since
from forecast_assets.store.contract import Store
from forecast_assets.store.frames import frame

Check = Callable[[Rows], Iterable[Damage]]

CHECKS: tuple[Check, ...] = (
    market.of_prices,
    market.of_features,
    fitted.of_models,
    issued.of_ledger,
    issued.of_superseded,
    paths.of_counts,
    paths.of_outcomes,
    estimates.of_counts,
    scored.of_rows,
    published.of_log,
)
"""The checks of a commodity's rows, in the order in which data flow."""


REDRAWN = 3
"""How many forecasts of each model are drawn and scored again, unless somebody asks for others."""


@dataclass
class Verification:
    """What was walked and what is wrong.

    ``forecasts``, ``paths`` and ``models``: how many were walked; ``redrawn``: how many forecasts
    were drawn again. ``seconds``: how long it took.
    """

    damages: list[Damage] = field(default_factory=list)
    commodities: list[str] = field(default_factory=list)
    models: int = 0
    forecasts: int = 0
    paths: int = 0
    redrawn: int = 0
    seconds: float = 0.0

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damages


def verify(
    settings: Settings,
    store: Store,
    commodities: Sequence[str] | None = None,
    redraw: int | None = REDRAWN,
) -> Verification:
    """Walk all rows of some commodities, or of all that the tables have, and of what is shared.

    ``redraw``: how many forecasts of each model are drawn and scored again; None for all of them.

    Each commodity is read at one moment of its own, so that writes wait only for one. Raises
    StoreLocked; tables that cannot be read are damage.
    """
    began, done = time.monotonic(), Verification()
    try:
        whole: list[str | None] = [None]
        for each in commodities or whole:
            done.damages += _undeclared(settings, store, each)
        for name in commodities or store.integrity.commodities():
            with told_as_damage(name, done):
                _walk(settings, store, name, redraw, done)
        if not commodities:
            done.damages += _shared(settings, store)
    except StoreLocked:
        raise
    except StoreError as error:
        done.damages.append(_unreadable(settings, error))
    done.seconds = time.monotonic() - began
    return done


def _walk(
    settings: Settings, store: Store, name: str, redraw: int | None, done: Verification
) -> None:
    """Walk a commodity; payloads are read when the tables are closed again."""
    with store.reading() as tables:
        rows = Rows(settings, store, tables, name)
        last: Check = partial(of_blocks, scored_again=redraw)
        for check in (*CHECKS, last):
            with told_as_damage(name, done):
                done.damages += check(rows)
        models, mending = rows.models, rows.mending
    payloads = fitted.of_payloads(models, name, mending)
    done.damages += payloads
    broken = {f"{name}_{x.model_name}_{x.day}_{x.model_version}" for x in payloads}
    with store.reading() as tables, told_as_damage(name, done):
        again = Rows(settings, store, tables, name)
        drawn, unlike = redrawn.of_sample(again, redraw, broken)
        done.redrawn += drawn
        done.damages += unlike
    done.damages = with_histories(done.damages)
    done.commodities.append(name)
    done.models += len(models)
    done.forecasts += len(rows.ledger)
    done.paths += int(rows.tally.paths.sum())


def with_histories(damages: Sequence[Damage]) -> list[Damage]:
    """The same damages; what cannot be drawn again, since its history is lost, is not restored."""

    def key(each: Damage) -> tuple[object, ...]:
        return each.commodity, each.model_name, each.model_version, each.day

    lost = {key(each) for each in damages if each.kind == issued.OTHER_HISTORY}
    return [
        replace(each, mended_by=BACKUP) if RESTORE in each.mended_by and key(each) in lost else each
        for each in damages
    ]


@contextmanager
def told_as_damage(name: str, done: Verification) -> Iterator[None]:
    """Let rows so broken that a check cannot look at them be damage, and the other checks go on."""
    failures: list[str] = []
    with boundary(name, failures):
        yield
    done.damages += [
        Damage("cannot be verified", "", name, "", "", None, line, BACKUP) for line in failures
    ]


def of_blocks(rows: Rows, scored_again: int | None = REDRAWN) -> Iterable[Damage]:
    """The checks that need prices of paths.

    ``scored_again``: how many forecasts of each model are scored again; None for all of them.
    """
    chosen = scored.sample(rows, scored_again)
    for block in paths.blocks(rows):
        if isinstance(block, pd.DataFrame):
            yield from paths.of_repeated(rows, block)
            continue
        yield from paths.of_prices(rows, block)
        yield from estimates.of_paths(rows, block)
        yield from published.of_paths(rows, block)
        yield from scored.of_paths(rows, block, chosen)


def _shared(settings: Settings, store: Store) -> list[Damage]:
    """What is wrong with rows that belong to no commodity, or to all of them together."""
    with store.reading() as tables:
        schemas = frame(tables.read("commodity.market.schema_versions"))
        pins = tables.read("commodity.forecast.versions").sort_by(pinned.ORDER)
        columns = ["model_version", "created_at", "created_by"]
        models = frame(tables.read("commodity.forecast.trained_models", columns))
        return [
            *market.of_schemas(schemas),
            *pinned.of_versions(frame(pins), models, kept_since(tables, pinned.KEPT)),
            *pinned.of_meanings(pins.to_pylist()),
            *ranking.of_leaderboard(settings, store, tables),
        ]


def _undeclared(settings: Settings, store: Store, name: str | None) -> list[Damage]:
    """Rows that break what their table declares."""
    found = store.integrity.broken(name)
    return [
        Damage(
            row["kind"],
            row["table"],
            row["commodity"],
            row["model_name"],
            row["model_version"],
            day_of(row["day"]),
            f"{row['rows']} rows: {row['found']}",
            _restored(settings, row),
        )
        for row in found.to_pylist()
    ]


def _restored(settings: Settings, row: Mapping[str, Any]) -> str:
    """What mends a row that breaks a declaration: what is drawn with paths can be drawn again."""
    drawn = row["table"].endswith((paths.TABLE, estimates.TABLE))
    if drawn and row["commodity"] in settings.commodities:
        return restoring(row["commodity"], row["model_name"], row["model_version"])
    return BACKUP


def _unreadable(settings: Settings, error: StoreError) -> Damage:
    """Tables that cannot be read, with the copies from which they can be restored."""
    place = settings.database_path
    copies = sorted(place.parent.glob(f"{place.stem}.*{place.suffix}"))
    there = f" (there is {', '.join(each.name for each in copies)})" if copies else ""
    said = " ".join(str(error).split())
    return Damage("unreadable file", place.name, "", "", "", None, said, f"{BACKUP}{there}")

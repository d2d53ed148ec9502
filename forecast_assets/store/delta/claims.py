"""Claims: which program writes a commodity now, so that no other does.

A claim is a row of a Delta table. Delta refuses the second of two commits that replace the same
row, so only one of two programs that claim a commodity at once gets it. A claim ends by itself,
since a program that is killed cannot give it back; one that takes longer extends it.
"""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from forecast_assets.store.delta.making import made
from forecast_assets.store.delta.predicate import literal
from forecast_assets.store.delta.storage import rows_of
from forecast_assets.timeline.clock import now

LASTS = timedelta(minutes=2)
"""How long a claim lasts unless it is extended. Clocks of machines may differ by half of it."""

ENDED = datetime(1970, 1, 1)  # noqa: DTZ001 - in UTC, as all moments of the tables
"""When a claim that was given back ended."""

SCHEMA = pa.schema(
    [
        pa.field("commodity", pa.string(), nullable=False),
        pa.field("claim", pa.string(), nullable=False),
        pa.field("machine", pa.string(), nullable=False),
        pa.field("process", pa.int64(), nullable=False),
        pa.field("until", pa.timestamp("us"), nullable=False),
    ]
)


class Claimed(Exception):
    """Another program has the claim."""


@dataclass
class Claim:
    """A claim to a commodity, which this program has until ``until``."""

    table: DeltaTable
    commodity: str
    claim: str = field(default_factory=lambda: uuid4().hex)
    until: datetime = ENDED

    def take(self) -> None:
        """Get the claim, for some time. Raises Claimed if another program has it."""
        held = self._held()
        if held and held["claim"] != self.claim and held["until"] > now() and not _dead(held):
            raise Claimed(f"process {held['process']} on {held['machine'].partition(' ')[0]}")
        self._write(now() + LASTS)

    def extend(self) -> None:
        """Make sure that half of the time is left.

        Raises Claimed if another program took it, even if that has given it back by now.
        """
        if self.until - now() >= LASTS / 2:
            return
        held = self._held()
        if held is None or held["claim"] != self.claim:
            raise Claimed("a program that claimed it when this one was too slow")
        self._write(now() + LASTS)

    def give_back(self) -> None:
        """End the claim, unless another program has it by now."""
        held = self._held()
        if held and held["claim"] == self.claim:
            self._write(ENDED)

    def _held(self) -> dict[str, Any] | None:
        self.table.update_incremental()
        mine = ds.field("commodity") == self.commodity
        rows = rows_of(self.table).to_table(filter=mine).to_pylist()
        return rows[0] if rows else None

    def _write(self, until: datetime) -> None:
        row = {
            "commodity": self.commodity,
            "claim": self.claim,
            "machine": machine(),
            "process": os.getpid(),
            "until": until,
        }
        try:
            write_deltalake(
                self.table,
                pa.Table.from_pylist([row], schema=SCHEMA),
                mode="overwrite",
                predicate=f"commodity = {literal(self.commodity)}",
            )
        except CommitFailedError as error:
            raise Claimed("a program that was faster") from error
        self.until = until


@contextmanager
def claimed(
    address: str, options: Mapping[str, str], commodities: Sequence[str]
) -> Iterator[list[Claim]]:
    """Claim commodities, in order of their names so that nobody waits for one who waits for him.

    Raises Claimed if another program has one.
    """
    table = made(address, SCHEMA, options, partition_by=["commodity"])
    with ExitStack() as stack:
        claims = []
        for commodity in sorted(commodities):
            claim = Claim(table, commodity)
            claim.take()
            stack.callback(claim.give_back)
            claims.append(claim)
        yield claims


@cache
def machine() -> str:
    """A name for what numbers this process: the host, and its space of process numbers."""
    space = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()} {space.readlink() if space.is_symlink() else ''}".strip()


def _dead(held: Mapping[str, Any]) -> bool:
    """Whether the process with a claim ran here and has ended."""
    if held["machine"] != machine():
        return False
    try:
        os.kill(held["process"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False

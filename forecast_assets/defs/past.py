"""What Dagster compares: the past that models were fitted on, and what a partition holds.

Dagster calls a partition *Unsynced* when something that it was made from has another data version
since. Every landing would change the version of all prices, and call every window of a commodity
unsynced although nothing is due in it. So the version of prices and of features is that of their
past: new sessions leave it alone, and what changes a session that models were fitted on changes it.

The version of models, forecasts and scores is that of what their tables hold: a run that writes
nothing leaves it alone.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dagster import AssetKey, AssetMaterialization, AssetRecordsFilter, DagsterInstance

from forecast_assets.defs.code_versions import CODE_VERSIONS
from forecast_assets.timeline.history import History

VERSION = "dagster/data_version"
"""Dagster's tag of a materialization: what those made from it are compared by."""

CODE_VERSION = "dagster/code_version"
"""Dagster's tag of a materialization: the version of the code that made it."""

UNCHANGED = "INITIAL"
"""The version that Dagster takes an asset for which was never materialized: nothing changed."""

PAST = "past"
"""The metadata in which a materialization keeps its past for the next one."""

CONTENTS = "contents"
"""The metadata in which a materialization keeps the fingerprint of what its partition held."""

DIGITS = 16
"""Hexadecimal digits of a fingerprint that are kept."""


@dataclass(frozen=True)
class Past:
    """The sessions before ``until``, the newest training date that the history reaches.

    ``fingerprint``: of these sessions. ``version``: stays for as long as sessions are only added.
    """

    until: date
    fingerprint: str
    version: str

    @classmethod
    def of(cls, history: History, training_dates: Sequence[date], before: "Past | None") -> "Past":
        """The past of a history that is not empty; ``before`` is that of the last materialization.

        ``training_dates``: all of the cadence that have begun, in order.
        """
        reached = [day for day in training_dates if day <= history.newest]
        until = reached[-1] if reached else history.first
        found = fingerprint(history, until)
        if before is not None and fingerprint(history, before.until) == before.fingerprint:
            return cls(until, found, before.version)
        return cls(until, found, f"{until}-{found}")

    @classmethod
    def from_metadata(cls, text: str, version: str) -> "Past":
        """What ``metadata`` wrote, and the version beside it."""
        until, found = text.split()
        return cls(date.fromisoformat(until), found, version)

    @property
    def metadata(self) -> dict[str, str]:
        """What the next materialization compares with."""
        return {PAST: f"{self.until} {self.fingerprint}"}


def made_from(version: str, asset: str, its_version: str) -> Mapping[str, str]:
    """The tags of prices that a landing logs: their version, their code, and what they came from.

    Without them Dagster compares times, and calls it unsynced as soon as ``asset`` is logged.
    """
    return {
        VERSION: version,
        CODE_VERSION: CODE_VERSIONS["prices"],
        f"dagster/input_data_version/{asset}": its_version,
        f"dagster/input_event_pointer/{asset}": "NULL",
        "dagster/data_version_is_user_provided": "true",
    }


def fingerprint(history: History, until: date) -> str:
    """The first digits of the fingerprint of the sessions before a day; "none" without any."""
    known = history.known_before(until)
    return known.fingerprint[:DIGITS] if len(known) else "none"


def last_past(instance: DagsterInstance, asset: AssetKey, partition: str) -> Past | None:
    """The past that the last materialization of a partition knew, if it said so."""
    newest = last_materialization(instance, asset, partition)
    if newest is None or PAST not in newest.metadata or VERSION not in (newest.tags or {}):
        return None
    return Past.from_metadata(str(newest.metadata[PAST].value), (newest.tags or {})[VERSION])


def last_contents(instance: DagsterInstance, asset: AssetKey, partition: str) -> tuple[str, str]:
    """What a partition held when it was last materialized, and its version; empty if not said."""
    newest = last_materialization(instance, asset, partition)
    if newest is None or CONTENTS not in newest.metadata:
        return "", ""
    return str(newest.metadata[CONTENTS].value), (newest.tags or {}).get(VERSION, "")


def versions_by_contents(
    held: Mapping[str, str], before: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """The data version of each partition of a run, by what it holds.

    ``held``: the fingerprint of each partition now; ``before``: the last one and its version. Who
    holds the same keeps its version. The others share one, made of what they hold, or a long run
    would have to log each of them twice.
    """
    kept = {key: before[key][1] for key in held if before[key][0] == held[key]}
    changed = sorted((key, found) for key, found in held.items() if key not in kept)
    fresh = hashlib.sha256(repr(changed).encode()).hexdigest()[:DIGITS]
    return dict.fromkeys(held, fresh) | kept


def other_code(instance: DagsterInstance, asset: AssetKey, partition: str) -> str | None:
    """The code version that made a partition; None where it is the one in use.

    Also where it is not told, as by a release without code versions, which gave the run's id.
    """
    newest = last_materialization(instance, asset, partition)
    told = (newest.tags or {}).get(CODE_VERSION, "") if newest else ""
    return told if told.isdecimal() and told != CODE_VERSIONS[asset.to_user_string()] else None


def last_materialization(
    instance: DagsterInstance, asset: AssetKey, partition: str | None = None
) -> AssetMaterialization | None:
    """The newest materialization of an asset, or of one partition of it."""
    partitions = [partition] if partition else None
    wanted = AssetRecordsFilter(asset_key=asset, asset_partitions=partitions)
    records = instance.fetch_materializations(wanted, limit=1).records
    return records[0].asset_materialization if records else None

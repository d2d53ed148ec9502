"""Data versions, which Dagster compares to find partitions that are out of date.

Dagster calls a partition *Unsynced* if the data version of one of its inputs has changed since it
was made. If every new price changed the version of all prices, all windows of a commodity would be
unsynced although nothing is due in them. So the version of prices and features depends only on
their past: new sessions do not change it, and a revision of a session that models were fitted on
does.

The version of models, forecasts and scores depends on the contents of their tables, so a run that
writes nothing does not change it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dagster import AssetKey, AssetMaterialization, AssetRecordsFilter, DagsterInstance

from forecast_assets.defs.code_versions import CODE_VERSIONS
from forecast_assets.timeline.history import History

VERSION = "dagster/data_version"
"""Dagster's tag for the data version of a materialization."""

CODE_VERSION = "dagster/code_version"
"""Dagster's tag for the code version of a materialization."""

UNCHANGED = "INITIAL"
"""The data version that Dagster assumes for an asset that was never materialized."""

PAST = "past"
"""The metadata key under which a materialization stores its past for the next one."""

CONTENTS = "contents"
"""The metadata key under which a materialization stores the fingerprint of its contents."""

DIGITS = 16
"""How many hexadecimal digits of a fingerprint are used."""


@dataclass(frozen=True)
class Past:
    """The sessions before ``until``, the newest training date that the history reaches.

    ``fingerprint``: that of these sessions. ``version``: the data version, which stays the same as
    long as sessions are only added.
    """

    until: date
    fingerprint: str
    version: str

    @classmethod
    def of(cls, history: History, training_dates: Sequence[date], before: "Past | None") -> "Past":
        """The past of a history that is not empty.

        ``training_dates``: all that have come, in order. ``before``: the past of the last
        materialization, or None.
        """
        reached = [day for day in training_dates if day <= history.newest]
        until = reached[-1] if reached else history.first
        found = fingerprint(history, until)
        if before is not None and fingerprint(history, before.until) == before.fingerprint:
            return cls(until, found, before.version)
        return cls(until, found, f"{until}-{found}")

    @classmethod
    def from_metadata(cls, text: str, version: str) -> "Past":
        """Read the text that ``metadata`` wrote; ``version``: the data version beside it."""
        until, found = text.split()
        return cls(date.fromisoformat(until), found, version)

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata from which the next materialization reads this past."""
        return {PAST: f"{self.until} {self.fingerprint}"}


def made_from(version: str, asset: str, its_version: str) -> Mapping[str, str]:
    """The tags of a materialization of prices that a landing logs.

    They are the data version, the code version, and the version of the input ``asset``. Without
    them Dagster would compare times, and call the prices unsynced as soon as ``asset`` is logged.
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
    """The past that the last materialization of a partition has stored, or None."""
    newest = last_materialization(instance, asset, partition)
    if newest is None or PAST not in newest.metadata or VERSION not in (newest.tags or {}):
        return None
    return Past.from_metadata(str(newest.metadata[PAST].value), (newest.tags or {})[VERSION])


def last_contents(instance: DagsterInstance, asset: AssetKey, partition: str) -> tuple[str, str]:
    """The fingerprint and data version of a partition's last materialization; empty if unknown."""
    newest = last_materialization(instance, asset, partition)
    if newest is None or CONTENTS not in newest.metadata:
        return "", ""
    return str(newest.metadata[CONTENTS].value), (newest.tags or {}).get(VERSION, "")


def versions_by_contents(
    held: Mapping[str, str], before: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """The data version of each partition of a run, by its contents.

    ``held``: the fingerprint of each partition now. ``before``: the fingerprint and version of its
    last materialization. A partition whose contents are the same keeps its version. All others
    share one version, made from their contents: with different versions, each of them would have
    to be logged twice.
    """
    kept = {key: before[key][1] for key in held if before[key][0] == held[key]}
    changed = sorted((key, found) for key, found in held.items() if key not in kept)
    fresh = hashlib.sha256(repr(changed).encode()).hexdigest()[:DIGITS]
    return dict.fromkeys(held, fresh) | kept


def other_code(instance: DagsterInstance, asset: AssetKey, partition: str) -> str | None:
    """The code version that made a partition; None if it is the one in use.

    It is also None if the code version is not known. Earlier releases had no code versions, and
    Dagster stored the run's id instead.
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

"""The record: all tables together, with the check that every row of them is as it was written.

No run makes this asset, so that the check slows none of them: the job `verify` walks the rows, by
its schedule once a week. The check says what is damaged, where, and which command mends it.
"""

import re
from collections import Counter
from collections.abc import Sequence

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetKey,
    AssetSpec,
    MetadataValue,
    asset_check,
)

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.after_commit import AfterCommit, Metadata
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.verdicts import of_wrong
from forecast_assets.record.damage import Group, grouped
from forecast_assets.record.verification import Verification, verify

RECORD, SOUND = "record", "record_is_sound"

CHECK = AssetCheckKey(AssetKey(RECORD), SOUND)

SAYS = "Every row of the tables is as it was written; `forecast verify` says the same."


def record_spec(settings: Settings) -> AssetSpec:
    """The tables together, as an asset that no run makes."""
    return AssetSpec(
        RECORD,
        deps=["leaderboard", "published_distributions"],
        group_name="trust",
        kinds={settings.store.kind},
        description=__doc__,
    )


def record_check(settings: Settings) -> AssetChecksDefinition:
    """The check of all rows; damage is an error."""

    @asset_check(asset=RECORD, name=SOUND, description=SAYS)
    def look(store: StoreResource) -> AssetCheckResult:
        found = verify(settings, store.tables())
        metadata = AfterCommit().metadata(RECORD, lambda: of_verification(found))
        return AssetCheckResult(passed=found.is_sound, metadata=metadata)

    return look


def of_verification(found: Verification) -> Metadata:
    """What was walked, how much damage there is by kind, and a table of it with what mends it."""
    groups = grouped(found.damages)
    rows = [{"commodity": x.damage.commodity, "found": text_of(x)} for x in groups]
    metadata: Metadata = {
        "models": found.models,
        "forecasts": found.forecasts,
        "paths": found.paths,
        "redrawn": found.redrawn,
        "seconds": round(found.seconds, 1),
        **of_wrong(rows),
    }
    if groups:
        metadata["damage"] = MetadataValue.md(markdown_of(groups))
    kinds = Counter(each.kind for each in found.damages)
    return metadata | {f"damage: {kind}": count for kind, count in kinds.items()}


def text_of(group: Group) -> str:
    """A group of damage in a line."""
    each = group.damage
    whose = " ".join(x for x in (each.table, each.model_name, each.model_version) if x)
    days = days_of(group)
    return f"{each.kind} in {whose}{f' {days}' if days else ''}: {each.found}; {each.mended_by}"


def days_of(group: Group) -> str:
    """How many places, from which day to which."""
    if group.count == 1:
        return str(group.first or "")
    return f"{group.count} times" + (f", {group.first} to {group.last}" if group.first else "")


MARKS = re.compile(r"([\\`*_{}\[\]()<>#+.!|~&:-])")
"""The characters that Markdown may take for more than text; a colon may make an address a link."""


def escaped(text: str) -> str:
    """A text as Markdown that shows it as it is, in one line: no link, no picture, no HTML."""
    return MARKS.sub(r"\\\1", " ".join(text.split()))


def markdown_of(groups: Sequence[Group]) -> str:
    """A table of all groups."""
    headings = ("damage", "table", "whose", "days", "found", "mended by")
    lines = [headings, ("---",) * len(headings)]
    for group in groups:
        each = group.damage
        whose = " ".join(x for x in (each.commodity, each.model_name, each.model_version) if x)
        cells = (each.kind, each.table, whose, days_of(group), each.found, each.mended_by)
        lines.append(tuple(map(escaped, cells)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""Verdicts: what an asset check found wrong, as the UI shows it and as alerts are told it.

A check is evaluated in one process and told of in another, so that Dagster's event log is the way
between them: what is written into it and read from it is said here, and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagster import AssetCheckEvaluation, AssetCheckSeverity, TableMetadataValue

from forecast_assets.automation.freshness import GREEN, RED, YELLOW
from forecast_assets.defs.metadata import Metadata, table

FAILED = "failed"
"""Under this key a check says what is wrong, a row for each thing."""


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong: with which commodity or partition, how bad, and in words.

    ``level``: green, yellow or red.
    """

    whom: str
    level: str
    found: str


@dataclass(frozen=True)
class Verdict:
    """What a check found, and in which run; green where nothing is wrong."""

    level: str = GREEN
    wrong: Sequence[Wrong] = ()
    run_id: str = ""

    @classmethod
    def of(cls, evaluation: AssetCheckEvaluation, run_id: str) -> "Verdict":
        """What an evaluation says whose metadata ``of_wrong`` made."""
        if evaluation.passed:
            return cls(run_id=run_id)
        level = RED if evaluation.severity == AssetCheckSeverity.ERROR else YELLOW
        found = evaluation.metadata.get(FAILED)
        records = found.records if isinstance(found, TableMetadataValue) else []
        return cls(level, [_wrong(record.data, level) for record in records], run_id)

    @property
    def of_whom(self) -> str:
        """With whom something is wrong, and how bad, in a line."""
        return ", ".join(f"{each.whom} {each.level}" for each in self.wrong)

    @property
    def text(self) -> str:
        """What is wrong, a line each."""
        return "\n".join(f"{each.whom}: {each.found}" for each in self.wrong)


def of_wrong(rows: Sequence[Mapping[str, str]]) -> Metadata:
    """The metadata of a check: what is wrong, a row each.

    A row has a ``commodity`` or a ``partition``, what was ``found``, and its ``level`` where this
    is not the same for all.
    """
    return {FAILED: table(rows)}


def _wrong(row: Mapping[str, object], level: str) -> Wrong:
    whom = row.get("commodity", row.get("partition", ""))
    return Wrong(str(whom), str(row.get("level", level)), str(row["found"]))

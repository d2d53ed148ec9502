"""Verdicts: what an asset check found wrong, for the UI and for alerts.

A check is evaluated in one process, and the alert about it is sent by another. Dagster's event log
is the link between them. Only this module writes a verdict into that log and reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagster import AssetCheckEvaluation, AssetCheckSeverity, TableMetadataValue

from forecast_assets.automation.freshness import GREEN, RED, YELLOW
from forecast_assets.defs.after_commit import AfterCommit, Metadata
from forecast_assets.defs.metadata import table

FAILED = "failed"
"""The metadata key under which a check lists what is wrong, one row each."""


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong.

    ``whom``: the commodity or partition. ``level``: green, yellow or red. ``found``: a text for
    users.
    """

    whom: str
    level: str
    found: str


@dataclass(frozen=True)
class Verdict:
    """The result of a check, and the run that evaluated it; green if nothing is wrong."""

    level: str = GREEN
    wrong: Sequence[Wrong] = ()
    run_id: str = ""

    @classmethod
    def of(cls, evaluation: AssetCheckEvaluation, run_id: str) -> "Verdict":
        """Read an evaluation whose metadata was made by ``of_wrong``."""
        if evaluation.passed:
            return cls(run_id=run_id)
        level = RED if evaluation.severity == AssetCheckSeverity.ERROR else YELLOW
        found = evaluation.metadata.get(FAILED)
        records = found.records if isinstance(found, TableMetadataValue) else []
        return cls(level, [_wrong(record.data, level) for record in records], run_id)

    @property
    def of_whom(self) -> str:
        """A line with the commodities or partitions that are wrong, and their levels."""
        return ", ".join(f"{each.whom} {each.level}" for each in self.wrong)

    @property
    def text(self) -> str:
        """The text of all that is wrong, one line each."""
        return "\n".join(f"{each.whom}: {each.found}" for each in self.wrong)


def of_wrong(rows: Sequence[Mapping[str, str]]) -> Metadata:
    """The metadata of a check, with one row for each thing that is wrong.

    A row has a ``commodity`` or a ``partition``, what was ``found``, and its ``level`` unless all
    have the same.
    """
    return AfterCommit().metadata("what a check found", lambda: {FAILED: table(rows)})


def _wrong(row: Mapping[str, object], level: str) -> Wrong:
    whom = row.get("commodity", row.get("partition", ""))
    return Wrong(str(whom), str(row.get("level", level)), str(row["found"]))

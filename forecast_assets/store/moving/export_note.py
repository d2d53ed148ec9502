"""The note in an exported folder: what was exported, so that an import knows if it is whole."""

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forecast_assets.configuration.settings import LONGEST_HORIZON
from forecast_assets.errors import StoreError
from forecast_assets.store.tables import tables as declared_tables
from forecast_assets.store.tables.table import CATALOG

NOTE = "export.json"

LARGEST = 100_000
"""Most bytes of a note."""


class ExportNote(BaseModel):
    """What was exported.

    ``tables``: how many rows of each table, named as ``forecast.scores``. ``commodities``: empty
    if all were. ``first``, ``last`` and ``columns``: None unless only those were.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: str
    schema_version: int
    horizon: int = Field(ge=1, le=LONGEST_HORIZON)
    tables: dict[str, int]
    commodities: list[str] = []
    first: date | None = None
    last: date | None = None
    columns: list[str] | None = None

    def require_whole(self, folder: Path) -> None:
        """Raise StoreError for an export of some days, columns or tables: it is a part."""
        if self.first or self.last or self.columns:
            raise StoreError(
                f"{folder}: the export is of some days or columns, and only whole commodities can"
                " be imported: export them without --from, --to DAY and --columns"
            )

        declared = [each for each in declared_tables(self.horizon).values() if not each.view]
        names = [each.name.removeprefix(f"{CATALOG}.") for each in declared]
        if lacking := [name for name in names if name not in self.tables]:
            raise StoreError(
                f"{folder}: the export has no {', '.join(lacking)}, and only whole commodities can"
                " be imported: export them without --table"
            )

    def write(self, folder: Path) -> None:
        """Put the note into a folder."""
        (folder / NOTE).write_text(self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "ExportNote | None":
        """The note of a folder; None if it has none. Raises StoreError for one that is damaged."""
        file = folder / NOTE
        if not file.is_file():
            return None
        try:
            with file.open("rb") as opened:
                return cls.model_validate_json(opened.read(LARGEST))
        except ValidationError as error:
            raise StoreError(
                f"{file}: no note of an export ({error.error_count()} mistakes): export again"
            ) from None

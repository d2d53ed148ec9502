"""What tables hold, without what differs between two runs of the same work: a hash for each."""

from collections.abc import Collection
from pathlib import Path

from forecast_assets.automation.settled import NOTE
from forecast_assets.configuration.settings import Settings
from forecast_assets.store.opening import open_store
from forecast_assets.store.tables import tables

OF_A_RUN = {
    *("created_by", "ingested_by", "held_by", "landed_by", "read_by", "superseded_by", "pinned_by"),
    *("fit_seconds", "training_seconds", "fitted_model_uri", "backup"),
}
"""Columns that name the run, its folder, or how long it took; moments are known by their type."""

OF_RUNS = {"marks"}
"""Tables of run ids."""

Likeness = dict[str, tuple[int, int]]
"""For each table, how many rows there are, and a sum of their hashes."""


def likeness_of(settings: Settings, but: Collection[str] = ()) -> Likeness:
    """What all tables hold, whatever their order of rows.

    ``but``: columns that are left out, such as ``market.price_revisions.source``.
    """
    found: Likeness = {}
    store = open_store(settings)
    with store.connection(read_only=True) as connection:
        for table in tables(settings.horizon):
            if tables(settings.horizon)[table].view or table.rpartition(".")[2] in OF_RUNS:
                continue
            place = table.removeprefix("commodity.")
            columns = [
                f'"{each.name}"'
                for each in tables(settings.horizon)[table].columns
                if each.sql_type != "TIMESTAMP" and each.name not in OF_A_RUN
                if f"{place}.{each.name}" not in but
            ]
            query = f"SELECT count(*), sum(hash({', '.join(columns)})::HUGEINT) FROM {place}"  # noqa: S608 - names of our tables
            ((rows, hashed),) = connection.execute(query).fetchall()
            found[place] = (rows, int(hashed or 0))
    return found


def files_of(folder: Path) -> list[str]:
    """The files of a data folder by name, without what differs by moment.

    Whether a command leaves a note that nothing is left to do depends on what it had to tell.
    """
    home = folder / "home"
    names = sorted(str(file.relative_to(home)) for file in home.rglob("*") if file.is_file())
    kept = [name for name in names if ".schema-" not in name or name.startswith(".")]
    return [name for name in kept if not name.startswith(NOTE)]

"""Keeping paths in a table as a user would: from a frame, by pandas, or row by row."""

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.peers.job import Job, Paths


def frame_of(job: Job, paths: Paths) -> pd.DataFrame:
    """A row for each path: whose it is, and a column for each session."""
    n_origins, n_paths, horizon = paths.shape
    columns = {
        "commodity": np.full(n_origins * n_paths, job.history.commodity),
        "data_cutoff_date": np.repeat(np.array(job.days(0), dtype="datetime64[s]"), n_paths),
        "path_id": np.tile(np.arange(1, n_paths + 1, dtype=np.int32), n_origins),
    }
    days = {f"day_{day + 1}": paths[:, :, day].ravel() for day in range(horizon)}
    return pd.DataFrame(columns | days)


def from_frame(job: Job, paths: Paths, file: Path) -> None:
    """DuckDB inserts a frame."""
    with duckdb.connect(file) as connection:
        connection.register("paths", frame_of(job, paths))
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS FROM paths LIMIT 0")
        connection.execute("INSERT INTO kept SELECT * FROM paths")


def by_pandas(job: Job, paths: Paths, file: Path) -> None:
    """``DataFrame.to_sql`` into SQLite, which pandas writes to without another package."""
    with closing(sqlite3.connect(file)) as connection:
        frame_of(job, paths).to_sql("kept", connection, index=False, if_exists="append")


def row_by_row(job: Job, paths: Paths, file: Path) -> None:
    """One ``INSERT`` for each path, in one transaction."""
    frame = frame_of(job, paths)
    marks = ", ".join("?" * len(frame.columns))
    with duckdb.connect(file) as connection:
        connection.register("paths", frame)
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS FROM paths LIMIT 0")
        connection.begin()
        for row in frame.itertuples(index=False):
            connection.execute(f"INSERT INTO kept VALUES ({marks})", list(row))  # noqa: S608 - marks
        connection.commit()

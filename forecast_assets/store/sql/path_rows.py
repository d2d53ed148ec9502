"""The rows of ``distributions`` for some draws, made one row group after the other.

At once they would take as much memory as all the paths. What arrives in pieces that are no multiple
of its row groups DuckDB compresses twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.forecast.records import Draw, Written

ROW_GROUP = 122_880
"""The rows of a row group of DuckDB."""


@dataclass(frozen=True)
class Piece:
    """Successive paths of a draw.

    ``origins``: those whose paths they are. ``rows``: which of the paths of these origins, since
    some may be missing at both ends.
    """

    draw: Draw
    origins: slice
    rows: slice

    @property
    def n_rows(self) -> int:
        """The number of paths."""
        return int(self.rows.stop - self.rows.start)

    @property
    def path_ids(self) -> NDArray[np.int32]:
        """The number of each path, from 1 on."""
        ids = np.arange(1, self.draw.paths.shape[1] + 1, dtype=np.int32)
        return np.tile(ids, self.origins.stop - self.origins.start)[self.rows]

    def each(self, days: list[date]) -> NDArray[np.datetime64]:
        """The day of each path; ``days``: that of each origin of the draw."""
        of_origins = np.array(days[self.origins], dtype="datetime64[D]")
        return np.repeat(of_origins, self.draw.paths.shape[1])[self.rows]

    def prices(self, session: int) -> NDArray[np.float32]:
        """The price of each path at a session, counted from 0."""
        return self.draw.paths[self.origins, :, session].reshape(-1)[self.rows]


@dataclass
class PathRows:
    """The rows of at least one path, in order of draws, origins and paths.

    All draws have the same number of sessions. ``error``: what went wrong while rows were made, of
    which a reader of another language tells only a text.
    """

    written: Written
    draws: Sequence[Draw]
    error: BaseException | None = None

    def reader(self) -> pa.RecordBatchReader:
        """A reader of the rows."""
        batches = self._batches()
        head = next(batches)
        return pa.RecordBatchReader.from_batches(head.schema, chain([head], batches))

    def _batches(self) -> Iterator[pa.RecordBatch]:
        n_rows = sum(draw.paths.shape[0] * draw.paths.shape[1] for draw in self.draws)
        try:
            for first in range(0, n_rows, ROW_GROUP):
                end = min(first + ROW_GROUP, n_rows)
                yield _batch(self.written, [*pieces(self.draws, first, end)])
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # not that nobody reads on
            self.error = error
            raise


def pieces(draws: Sequence[Draw], first: int, end: int) -> Iterator[Piece]:
    """The paths from the ``first`` on to that before the ``end``, counted over all draws."""
    before = 0
    for draw in draws:
        n_origins, n_paths, _ = draw.paths.shape
        begin, stop = max(first - before, 0), min(end - before, n_origins * n_paths)
        before += n_origins * n_paths
        if begin < stop:
            origins = slice(begin // n_paths, -(-stop // n_paths))
            skipped = origins.start * n_paths
            yield Piece(draw, origins, slice(begin - skipped, stop - skipped))


def _batch(written: Written, some: Sequence[Piece]) -> pa.RecordBatch:
    counts = [piece.n_rows for piece in some]
    n_rows = sum(counts)

    def joined(values: Callable[[Piece], NDArray[Any]]) -> pa.Array:
        return pa.array(np.concatenate([values(piece) for piece in some]))

    columns = {
        "path_id": joined(lambda piece: piece.path_ids),
        "commodity": _constant(written.commodity, n_rows),
        "model_name": _constants([piece.draw.model.model_name for piece in some], counts),
        "model_version": _constant(written.model_version, n_rows),
        "model_id": _constants([piece.draw.model.model_id for piece in some], counts),
        "training_date": _constant(written.training_date, n_rows),
        "forecast_start_date": joined(lambda piece: piece.each(piece.draw.starts)),
        "data_cutoff_date": joined(lambda piece: piece.each(piece.draw.cutoffs)),
        "generation_timestamp": _constant(written.at, n_rows),
        "is_actuals": pa.array(np.zeros(n_rows, dtype=bool)),
        "has_data_leakage": pa.array(np.zeros(n_rows, dtype=bool)),
    }
    for session in range(some[0].draw.paths.shape[2]):
        columns[f"day_{session + 1}"] = joined(partial(Piece.prices, session=session))
    return pa.RecordBatch.from_pydict(columns)


def _constant(value: object, n_rows: int) -> pa.DictionaryArray:
    return _constants([value], [n_rows])


def _constants(values: Sequence[object], counts: Sequence[int]) -> pa.DictionaryArray:
    """Each value so many times."""
    places = np.repeat(np.arange(len(values), dtype=np.int16), counts)
    return pa.DictionaryArray.from_arrays(places, pa.array(values))

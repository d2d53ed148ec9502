"""Records of forecasts, kept as the columns that the tables have of them.

A commodity has tens of thousands of forecasts, and nearly all are as they should be. So what is
asked of all of them is asked of columns, and objects are made only of the rows that are wanted.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.timeline.history import Dates, found_in

Record = TypeVar("Record")

Mask = NDArray[np.bool_]
"""Which rows are meant, one item for each."""

MODEL, CUTOFF = "model_name", "data_cutoff_date"
"""The columns that identify a forecast of a commodity and version."""


@dataclass(frozen=True, eq=False)
class ForecastColumns(Sequence[Record]):
    """Records in order of model and cutoff; a model has at most one from each cutoff.

    ``rows``: the columns of ``schema``. ``outcomes``: the close of each session ahead, NaN where it
    is not known; shape (n, horizon).
    """

    schema: ClassVar[pa.Schema]

    rows: pa.Table
    outcomes: NDArray[np.floating[Any]]

    def __post_init__(self) -> None:
        """Make the outcomes read-only, as the rows are."""
        self.outcomes.flags.writeable = False

    @classmethod
    def in_order(cls, rows: pa.Table, outcomes: NDArray[np.floating[Any]]) -> Self:
        """The records of rows in any order; ``rows`` may have other columns besides."""
        order = np.argsort(keys_of(rows), kind="stable")  # rows come almost in order
        chosen = rows.select(cls.schema.names)
        if np.array_equal(order, np.arange(len(order))):
            return cls(chosen, outcomes)
        return cls(chosen.take(order), outcomes[order])

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """Records in any order as columns; those that are columns already stay as they are."""
        if isinstance(records, cls):
            return records
        known: list[Any] = list(records)
        columns = {name: [getattr(each, name) for each in known] for name in cls.schema.names}
        outcomes = padded([each.outcome or () for each in known])
        return cls.in_order(pa.table(columns, cls.schema), outcomes)

    @abstractmethod
    def __iter__(self) -> Iterator[Record]:
        """Make an object of each row."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> Record | Self:
        """Return the object of one row, or the columns of some."""
        if isinstance(place, slice):
            return self._at(np.arange(len(self))[place])
        return next(iter(self._at(np.arange(len(self))[place, None])))

    def __eq__(self, other: object) -> bool:
        """Return whether these are the same records, in the same order."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # they are many

    def only(self, chosen: Mask) -> Self:
        """Some of the rows."""
        return self if chosen.all() else self._at(np.flatnonzero(chosen))

    def of_model(self, name: str) -> Self:
        """The rows of one model."""
        mine = self.places.get(name, slice(0, 0))
        length = mine.stop - mine.start
        return replace(self, rows=self.rows.slice(mine.start, length), outcomes=self.outcomes[mine])

    @cached_property
    def places(self) -> dict[str, slice]:
        """Where the rows of each model are, by name in order."""
        found, first = {}, 0
        for each in self.rows.column(MODEL).value_counts().to_pylist():
            found[each["values"]] = slice(first, first + each["counts"])
            first += each["counts"]
        return found

    @cached_property
    def cutoffs(self) -> Dates:
        """The cutoff of each."""
        return self.column(CUTOFF)

    @cached_property
    def starts(self) -> Dates:
        """The first session of each."""
        return self.column("forecast_start_date")

    @cached_property
    def drawn_at(self) -> NDArray[np.datetime64]:
        """When each was drawn, in UTC."""
        return self.column("generation_timestamp")

    @cached_property
    def cutoff_closes(self) -> NDArray[np.float64]:
        """The close at the cutoff of each; NaN where it is not known."""
        return self.column("cutoff_close").astype(np.float64)

    @property
    def keys(self) -> Iterator[tuple[str, Any]]:
        """The model and the cutoff of each."""
        return zip(self.rows.column(MODEL).to_pylist(), self.cutoffs.tolist(), strict=True)

    def column(self, name: str) -> NDArray[Any]:
        """A column as an array."""
        values: NDArray[Any] = self.rows.column(name).to_numpy()
        return values

    def places_in(self, others: "ForecastColumns[Any]") -> NDArray[np.intp]:
        """Where others have the forecast of each row: of its model and cutoff; -1 for none."""
        found = np.full(len(self), -1)
        for name, mine in self.places.items():
            if name in others.places:
                theirs = others.places[name]
                at, there = found_in(others.cutoffs[theirs], self.cutoffs[mine])
                found[mine] = np.where(there, theirs.start + at, -1)
        return found

    def _at(self, places: NDArray[np.intp]) -> Self:
        return replace(self, rows=self.rows.take(places), outcomes=self.outcomes[places])


def keys_of(rows: pa.Table) -> NDArray[np.int64]:
    """A number for each row, in whose order rows are in order of model and cutoff."""
    coded = rows.column(MODEL).combine_chunks().dictionary_encode()
    ranks = np.argsort(np.argsort(np.array(coded.dictionary.to_pylist(), dtype=object)))
    days = rows.column(CUTOFF).to_numpy().astype(np.int64)
    keys: NDArray[np.int64] = (ranks[coded.indices.to_numpy()] << 32) + days
    return keys


def padded(outcomes: Iterable[Sequence[float | None]]) -> NDArray[np.float64]:
    """Outcomes of different lengths as an array, NaN where they have none."""
    known = [np.array(each, dtype=np.float64) for each in outcomes]
    found = np.full((len(known), max(map(len, known), default=0)), np.nan)
    for place, each in enumerate(known):
        found[place, : len(each)] = each
    return found

"""What is made of rows is that of the rows read, and is made again only where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.store.made_rows import BLOCK, MOST, MadeRows

Row = tuple[str, int, list[float | None] | None]
TYPES = pa.schema(
    [("model_name", pa.string()), ("day", pa.int64()), ("outcome", pa.list_(pa.float64()))]
)
OUTCOMES = st.none() | st.lists(st.none() | st.floats(allow_nan=False), max_size=2)
ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), OUTCOMES), max_size=8)


def table(rows: Sequence[Row]) -> pa.Table:
    names = TYPES.names
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return pa.table(columns, TYPES)


@dataclass
class Counted:
    """Readings of which is known how many there were, and how many objects were made."""

    kept: MadeRows[Row] = field(default_factory=MadeRows)
    readings: int = 0
    made: int = 0

    def read(self, rows: Sequence[Row], state: str | None = None, key: str = "one") -> list[Row]:
        def reading() -> pa.Table:
            self.readings += 1
            return table(rows)

        def make(name: str, day: int, outcome: list[float | None] | None) -> Row:
            self.made += 1
            return name, day, outcome

        return self.kept.of(key, state, reading, make)


def by_model(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row[0])


def days(count: int, name: str = "a") -> list[Row]:
    return [(name, day, None) for day in range(count)]


@given(st.lists(ROWS.map(by_model), max_size=4))
def test_whatever_was_read_before_the_objects_are_those_of_the_rows(
    readings: list[list[Row]],
) -> None:
    counted = Counted()
    for rows in readings:
        assert counted.read(rows) == rows


def test_models_share_the_values_that_they_have_alike() -> None:
    found = Counted().read([("a", 2**40, [0.5]), ("b", 2**40, [0.5])])
    assert found[0][1] is found[1][1]


def test_rows_that_came_and_changed_are_made_and_no_others() -> None:
    counted = Counted()
    before = [*days(3 * BLOCK), *days(BLOCK, "b")]
    counted.read(before)
    counted.made = 0
    after = [*days(3 * BLOCK + 1), *days(BLOCK, "b")]
    assert counted.read(after) == after
    assert counted.made == 1
    after[BLOCK] = ("a", BLOCK, [1.0])
    assert counted.read(after) == after
    assert counted.made == 1 + BLOCK
    assert counted.read(days(5)) == days(5)


def test_the_objects_of_before_keep_no_older_table_in_memory() -> None:
    counted = Counted()
    counted.read(days(BLOCK))
    (first,) = counted.kept.kept["one"].blocks.values()
    counted.read(days(BLOCK))
    (second,) = counted.kept.kept["one"].blocks.values()
    assert second.objects is first.objects
    assert second.rows is not first.rows


def test_in_the_same_state_nothing_is_read_until_the_tables_are_written() -> None:
    counted = Counted()
    assert counted.read(days(1), "as it was") == counted.read(days(2), "as it was") == days(1)
    assert counted.readings == 1
    assert counted.read(days(2), "otherwise") == days(2)
    counted.kept.changed()
    assert counted.read(days(3), "otherwise") == days(3)
    assert counted.read(days(4)) == days(4)
    assert counted.read(days(5)) == days(5)


def test_callers_may_change_the_list_that_they_get() -> None:
    counted = Counted()
    counted.read(days(2), "as it was").clear()
    assert counted.read([], "as it was") == days(2)


def test_only_the_last_few_readings_are_kept() -> None:
    counted = Counted()
    for number in range(2 * MOST):
        counted.read(days(1), "as it was", key=str(number))
        counted.read(days(1), "as it was", key="used all the time")
    assert len(counted.kept.kept) == MOST
    assert counted.readings == 2 * MOST + 1

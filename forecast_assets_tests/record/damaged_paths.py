"""Damage to paths, and to what was written with them."""

# ruff: noqa: S608 - the statements are of names in this file

from datetime import date

from forecast_assets_tests.record.case import (
    LEDGER,
    PATHS,
    POINTS,
    RUN,
    Case,
    at,
    case,
    delete,
    twice,
    update,
)

OF_PATHS = [
    case("a deleted path", 1, delete(PATHS, "path_id = 7"), ("wrong number of paths", PATHS)),
    case("a path twice", 2, twice(PATHS, "path_id = 7"), ("wrong number of paths", PATHS)),
    case(
        "a path in place of another",
        3,
        update(PATHS, "path_id = 8", "path_id = 7"),
        ("repeated path", PATHS),
    ),
    case(
        "a path with another number",
        4,
        update(PATHS, "path_id = 21", "path_id = 20"),
        ("wrong number of paths", PATHS),
    ),
    case("no path at all", 5, delete(PATHS, "path_id > 0"), ("no paths", PATHS)),
    case(
        "a changed float",
        6,
        update(PATHS, "day_2 = day_2 * 1.0000002", "path_id = 7"),
        ("points of other paths", POINTS),
    ),
    case(
        "a missing price",
        7,
        update(PATHS, "day_3 = NULL", "path_id = 7"),
        ("broken rule", PATHS),
    ),
    case(
        "a price that is no number",
        8,
        update(PATHS, "day_3 = 'nan'", "path_id = 7"),
        ("not a number", PATHS),
    ),
    case(
        "an infinite price",
        9,
        update(PATHS, "day_3 = 'infinity'", "path_id = 7"),
        ("not a number", PATHS),
        ("price beyond reason", PATHS),
    ),
    case(
        "a price of another scale",
        10,
        update(PATHS, "day_1 = 1e6", "path_id = 7"),
        ("price beyond reason", PATHS),
        ("points of other paths", POINTS),
    ),
    case(
        "paths of another training date",
        11,
        update(PATHS, "training_date = '2019-10-01'", "path_id > 0"),
        ("paths of another forecast", PATHS),
    ),
    case(
        "paths of a flag",
        12,
        update(PATHS, "has_data_leakage = TRUE", "path_id > 0"),
        ("paths of another forecast", PATHS),
        ("broken rule", PATHS),
    ),
    case("no outcome", 13, delete(PATHS, "path_id = 0"), ("no outcome", PATHS), mend=RUN),
    case(
        "another outcome",
        14,
        update(PATHS, "day_1 = day_1 + 1", "path_id = 0"),
        ("wrong outcome", PATHS),
        mend=RUN,
    ),
    case("two outcomes", 15, twice(PATHS, "path_id = 0"), ("several outcomes", PATHS)),
    case(
        "an outcome that is not marked",
        16,
        update(PATHS, "is_actuals = FALSE", "path_id = 0"),
        ("outcome of other flags", PATHS),
    ),
    case(
        "changed points",
        17,
        update(POINTS, "lower_80 = lower_80 + 1e-6", "day_ahead = 2"),
        ("points of other paths", POINTS),
    ),
    case("a point that is gone", 22, delete(POINTS, "day_ahead = 2"), ("missing points", POINTS)),
    case(
        "a point twice",
        20,
        twice(POINTS, "day_ahead = 2"),
        ("missing points", POINTS),
        ("repeated row", POINTS),
    ),
    case(
        "paths in each other's places",
        19,
        update(PATHS, "path_id = 3 - path_id", "path_id IN (1, 2)"),
        ("not as drawn again", PATHS),
    ),
    Case(
        "paths and points of no forecast",
        "".join(
            f"INSERT INTO {table} SELECT * REPLACE (DATE '2020-01-04' AS data_cutoff_date)"
            f" FROM {table} WHERE model_name = 'naive' AND data_cutoff_date = '{at(21)}';"
            for table in (PATHS, POINTS)
        ),
        [("paths of no forecast", PATHS), ("points of no forecast", POINTS)],
        date(2020, 1, 4),
    ),
    case(
        "a forecast that the ledger lost",
        -1,
        delete(LEDGER),
        ("paths of no forecast", PATHS),
        ("points of no forecast", POINTS),
        mend=f"{RUN} --from {at(-1)} --to {at(-1)}",
    ),
]
"""Damage to paths and to what was written with them."""

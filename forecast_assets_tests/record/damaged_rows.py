"""Damage to the ledger, scores and publications."""

# ruff: noqa: S608 - the statements are of names in this file

from datetime import date

from forecast_assets_tests.record.case import (
    BOARD,
    LEDGER,
    LOG,
    NUMBERS,
    OLD,
    OLD_POINTS,
    PATH_SCORES,
    PATHS,
    RESTORED,
    RUN,
    SCORES,
    Case,
    at,
    case,
    delete,
    update,
)

OF_ROWS = [
    case(
        "other names",
        1,
        update(LEDGER, "model_id = 'another'"),
        ("forecast of other names", LEDGER),
        ("paths of another forecast", PATHS),
    ),
    Case(
        "a start before the cutoff",
        "".join(
            f"UPDATE {table} SET forecast_start_date = data_cutoff_date"
            f" WHERE model_name = 'naive' AND data_cutoff_date = '{at(2)}';"
            for table in (LEDGER, PATHS)
        ),
        [("look-ahead", LEDGER)],
        at(2),
        mended_by=RUN,
        also=[("broken rule", f"commodity.{PATHS}", "naive", at(2), RESTORED)],
    ),
    case(
        "another history",
        3,
        update(LEDGER, "history_fingerprint = repeat('0', 64)"),
        ("other history", LEDGER),
    ),
    case(
        "drawn before its prices came",
        4,
        update(LEDGER, "generation_timestamp = '2020-01-01'")
        + update(PATHS, "generation_timestamp = '2020-01-01'", "path_id > 0"),
        ("other history", LEDGER),
    ),
    case(
        "a payload that no model has",
        5,
        update(LEDGER, "payload_sha256 = repeat('0', 64)"),
        ("unknown model", LEDGER),
    ),
    case(
        "a changed score",
        0,
        update(SCORES, "crps = crps * 1.001", "day_ahead = 2"),
        ("scores of other paths", SCORES),
    ),
    case(
        "a changed score of a path",
        37,
        update(PATH_SCORES, "energy_score = energy_score * 1.001"),
        ("scores of other paths", PATH_SCORES),
    ),
    case(
        "a score by another close",
        6,
        update(SCORES, "actual = actual * 1.001", "day_ahead = 2"),
        ("scores of other closes", SCORES),
        mend=RUN,
    ),
    case(
        "a score that is gone",
        7,
        delete(SCORES, "day_ahead = 2"),
        ("missing scores", SCORES),
        mend=RUN,
    ),
    case(
        "a score of a path that is gone",
        8,
        delete(PATH_SCORES, "horizon = 3"),
        ("missing scores", PATH_SCORES),
    ),
    Case(
        "scores of no forecast",
        "".join(
            f"INSERT INTO {table} SELECT * REPLACE (DATE '2020-01-04' AS data_cutoff_date)"
            f" FROM {table} WHERE model_name = 'naive' AND data_cutoff_date = '{at(21)}';"
            for table in (SCORES, PATH_SCORES)
        ),
        [("scores of no forecast", SCORES), ("scores of no forecast", PATH_SCORES)],
        date(2020, 1, 4),
        mended_by=RUN,
    ),
    case(
        "a revision without the one before it",
        -1,
        update(OLD, "revision = 2") + update(OLD_POINTS, "revision = 2"),
        ("gap in revisions", OLD),
    ),
    case(
        "replaced before it was drawn",
        -1,
        update(OLD, "superseded_at = '2020-01-01'"),
        ("superseded before it was issued", OLD),
        model="ensemble",
    ),
    case(
        "superseded points that are gone",
        -1,
        delete(OLD_POINTS, "day_ahead = 1"),
        ("superseded points", OLD_POINTS),
        model="random_walk",
    ),
    case(
        "an entry that is gone",
        -1,
        delete(LOG, "entry = 1") + delete(NUMBERS, "entry = 1"),
        ("gap in entries", LOG),
        model="random_walk",
    ),
    case(
        "a publication of no forecast",
        9,
        update(LOG, "generation_timestamp = '2020-01-01'"),
        ("publication of no forecast", LOG),
        model="random_walk",
    ),
    case(
        "published before it was drawn",
        13,
        update(LOG, "published_at = '2020-01-01'"),
        ("published before it was drawn", LOG),
        model="random_walk",
    ),
    case(
        "numbers of a page that are gone",
        10,
        delete(NUMBERS),
        ("missing outlooks", NUMBERS),
        model="random_walk",
    ),
    case(
        "a changed number of a page",
        11,
        update(NUMBERS, "value_at_risk = value_at_risk * 1.000001"),
        ("other outlooks", NUMBERS),
        model="random_walk",
    ),
    case(
        "numbers of no entry",
        12,
        update(NUMBERS, "entry = 2"),
        ("missing outlooks", NUMBERS),
        ("outlooks of no entry", NUMBERS),
        model="random_walk",
    ),
    Case(
        "a leaderboard of other scores",
        f"UPDATE {BOARD} SET crps = crps * 1.001 WHERE commodity = 'Coffee' AND place = 1;",
        [("other leaderboard", BOARD)],
        model="random_walk",
        mended_by="forecast report",
        also=[
            ("other leaderboard", f"commodity.{BOARD}", name, None, "forecast report")
            for name in ("naive", "naive", "ensemble", "ensemble", "random_walk")
        ],  # the scores that were changed count over all commodities, and for the others' skill
    ),
]
"""Damage to the ledger, scores and publications."""

OF_SUPERSEDED_PAGES = [
    case(
        "another close of a superseded publication",
        -1,
        update(LOG, "cutoff_close = cutoff_close + 1", "entry = 1"),
        ("other close", LOG),
        model="random_walk",
    ),
    case(
        "a changed quantile of a superseded publication",
        -1,
        update(NUMBERS, "lower_80 = lower_80 * 1.000001", "entry = 1 AND day_ahead = 3"),
        ("other outlooks", NUMBERS),
        model="random_walk",
    ),
]
"""Damage to what was published of a forecast that was superseded since."""

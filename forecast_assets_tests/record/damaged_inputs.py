"""Damage to prices, covariates and models."""

# ruff: noqa: S608 - the statements are of names in this file

from forecast_assets.record.mending import BACKUP
from forecast_assets_tests.record.case import (
    FEATURES,
    MODELS,
    OLD,
    REVISIONS,
    RUN,
    TRAIN,
    TRAINED,
    Case,
    at,
)

OF_MARKET = [
    Case(
        "a covariate that a session lacks",
        f"DELETE FROM {FEATURES} WHERE date = '{at(3)}';",
        [("session without covariate", FEATURES)],
        at(3),
        model="",
        mended_by=RUN,
    ),
    Case(
        "a covariate from the future",
        f"UPDATE {FEATURES} SET observed_on = '2021-01-01' WHERE date = '{at(4)}';",
        [("broken rule", FEATURES)],
        at(4),
        model="",
    ),
    Case(
        "a price's first revision that is gone",
        f"UPDATE {REVISIONS} SET revision = 2 WHERE date = '{at(5)}';",
        [("gap in revisions", REVISIONS)],
        at(5),
        model="",
    ),
    Case(
        "a revision before the first",
        f"UPDATE {REVISIONS} SET ingested_at = '2019-01-01'"
        f" WHERE date = '{at(-1)}' AND revision = 2;",
        [("revisions out of order", REVISIONS)],
        at(-1),
        model="",
        also=[
            ("other history", f"commodity.{OLD}", name, at(-1), BACKUP)
            for name in ("naive", "random_walk", "ensemble")
        ],
    ),
    Case(
        "a close that is no number",
        f"UPDATE {REVISIONS} SET high = 'nan' WHERE date = '{at(6)}';",
        [("not a number", REVISIONS)],
        at(6),
        model="",
    ),
]
"""Damage to prices and covariates."""

OF_MODELS = [
    Case(
        "a changed payload",
        f"UPDATE {MODELS} SET fitted_model_json = replace(fitted_model_json::VARCHAR, '0.94',"
        " '0.95') WHERE model_name = 'naive';",
        [("changed payload", MODELS)],
        TRAINED,
        mended_by=TRAIN,
    ),
    Case(
        "a payload of another model",
        f"UPDATE {MODELS} SET fitted_model_json = other.fitted_model_json,"
        " payload_sha256 = other.payload_sha256, model_size_bytes = other.model_size_bytes"
        f" FROM (FROM {MODELS} WHERE model_name = 'random_walk') AS other"
        f" WHERE {MODELS.partition('.')[2]}.model_name = 'naive';",
        [("payload cannot be rebuilt", MODELS)],
        TRAINED,
        mended_by=TRAIN,
    ),
    Case(
        "two active models",
        f"INSERT INTO {MODELS} SELECT * REPLACE (created_at + INTERVAL 1 DAY AS created_at)"
        f" FROM {MODELS} WHERE model_name = 'naive';",
        [("several active models", MODELS)],
        TRAINED,
    ),
    Case(
        "no active model",
        f"UPDATE {MODELS} SET is_active = FALSE WHERE model_name = 'naive';",
        [("no active model", MODELS)],
        TRAINED,
        mended_by=TRAIN,
    ),
    Case(
        "a model of another month",
        f"UPDATE {MODELS} SET month = 7 WHERE model_name = 'naive';",
        [("model of other names", MODELS)],
        TRAINED,
    ),
    Case(
        "a model that saw its window",
        f"UPDATE {MODELS} SET training_end_date = '2020-01-01' WHERE model_name = 'naive';",
        [("trained too late", MODELS)],
        TRAINED,
    ),
    Case(
        "an artifact that is gone",
        "",
        [("missing artifact", MODELS)],
        TRAINED,
        model="ensemble",
        mended_by=TRAIN,
    ),
    Case(
        "an artifact with another byte",
        " ",
        [("changed payload", MODELS)],
        TRAINED,
        model="ensemble",
        mended_by=TRAIN,
    ),
]
"""Damage to models; the last two are done to the file of one."""

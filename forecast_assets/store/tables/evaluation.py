"""The tables of ``commodity.forecast`` that say how good forecasts turned out to be."""

from forecast_assets.store.tables.forecast import (
    COMMODITY,
    CREATED_BY,
    CUTOFF,
    DAY_AHEAD,
    DRAWN_AT,
    FORECAST,
    MODEL_NAME,
    MODEL_VERSION,
    START,
    TRAINING_DATE,
    WINDOW,
)
from forecast_assets.store.tables.table import (
    Before,
    Table,
    count,
    day,
    flag,
    moment,
    number,
    text,
)

SCORED_AT = moment("scored_at", "when the score was written, UTC")
HORIZON = count("horizon", "how many sessions after the cutoff are counted")

LOST = "NULL where no number can hold it"
NONE = "NULL where one has none"
"""Descriptions of scores that are not defined, of a session or in a mean."""

SCORES = Table(
    "forecast",
    "scores",
    "How good each forecast turned out to be, one row a session that has happened.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        TRAINING_DATE,
        START,
        CUTOFF,
        DAY_AHEAD,
        day("session", "the day of day_ahead"),
        number("cutoff_close", "the close at the cutoff"),
        number("actual", "the close of the session"),
        number(
            "absolute_error", f"error of the median, in the commodity's unit; {LOST}", null=True
        ),
        number(
            "squared_error", f"squared error of the mean, in the unit squared; {LOST}", null=True
        ),
        number(
            "absolute_percentage_error",
            "error of the median, in % of the actual; NULL where that is 0 or too small",
            null=True,
        ),
        number("pinball_loss", f"mean loss of the quantiles, in the unit; {LOST}", null=True),
        number("crps", f"continuous ranked probability score, in the unit; {LOST}", null=True),
        number("log_score", "NULL where the density is 0, or a single point", null=True),
        flag("covered_80", "whether the actual is inside the central 80 %"),
        flag("covered_95", "whether the actual is inside the central 95 %"),
        number("width_80", "width of the central 80 %, in the unit"),
        number("width_95", "width of the central 95 %, in the unit"),
        number("pit", "where the actual fell among the paths, between 0 and 1"),
        DRAWN_AT,
        SCORED_AT,
        CREATED_BY,
    ),
    key=(*FORECAST, "day_ahead"),
    partition=WINDOW,
    rules=(Before("data_cutoff_date", "session"),),
)

PATH_SCORES = Table(
    "forecast",
    "path_scores",
    "How good the first sessions of each forecast turned out to be together, once all have come.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        TRAINING_DATE,
        START,
        CUTOFF,
        HORIZON,
        day("last_session", "the last of these sessions"),
        number("absolute_error", f"mean over these sessions; {NONE}", null=True),
        number("squared_error", f"mean over these sessions; {NONE}", null=True),
        number("absolute_percentage_error", f"mean over these sessions; {NONE}", null=True),
        number("pinball_loss", f"mean over these sessions; {NONE}", null=True),
        number("crps", f"mean over these sessions; {NONE}", null=True),
        number("log_score", f"mean over these sessions; {NONE}", null=True),
        number("covered_80", "share of these sessions inside the central 80 %"),
        number("covered_95", "share of these sessions inside the central 95 %"),
        number("width_80", "mean over these sessions"),
        number("width_95", "mean over these sessions"),
        number("pit", "of the last of these sessions"),
        number("energy_score", f"the CRPS of the whole path; {LOST}", null=True),
        number(
            "variogram_score", f"of the differences between sessions of the path; {LOST}", null=True
        ),
        number("directional_accuracy", "share of sessions where the median went the right way"),
        SCORED_AT,
        CREATED_BY,
    ),
    key=(*FORECAST, "horizon"),
    partition=WINDOW,
)

SKILL = Table(
    "forecast",
    "skill",
    "The CRPS of each forecast beside that of `naive` from the same cutoff.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        TRAINING_DATE,
        START,
        CUTOFF,
        HORIZON,
        number("crps", f"mean CRPS over these sessions; {NONE}", null=True),
        number("naive_crps", f"mean CRPS of naive over these sessions; {NONE}", null=True),
        number("skill", "1 - crps / naive_crps; NULL where that is 0 or NULL", null=True),
    ),
    key=(*FORECAST, "horizon"),
    view=True,
)

LEADERBOARD = Table(
    "forecast",
    "leaderboard",
    "How each model stands, per commodity and over all.",
    (
        text("commodity", "whose forecasts; (all): over all commodities"),
        MODEL_VERSION,
        MODEL_NAME,
        count("place", "1 is the best skill"),
        count("forecasts", "how many forecasts have a whole path that has happened"),
        count("effective_forecasts", "those of them that share no session"),
        day("first_forecast", "first session of the first of them"),
        day("last_forecast", "first session of the last of them"),
        number("crps", "mean; NULL over all commodities", null=True),
        number("absolute_error", "mean; NULL over all commodities", null=True),
        number("squared_error", "mean; NULL over all commodities", null=True),
        number("absolute_percentage_error", "mean", null=True),
        number("pinball_loss", "mean; NULL over all commodities", null=True),
        number("log_score", "mean where every model's is defined; NULL over all", null=True),
        number("width_80", "mean; NULL over all commodities", null=True),
        number("width_95", "mean; NULL over all commodities", null=True),
        number("energy_score", "mean; NULL over all commodities", null=True),
        number("variogram_score", "mean; NULL over all commodities", null=True),
        number("directional_accuracy", "mean", null=True),
        number("skill", "1 - crps / crps of naive, over forecasts that both have", null=True),
        number("coverage_80", "share of outcomes inside the central 80 %"),
        number("coverage_95", "share of outcomes inside the central 95 %"),
        number("coverage_error_80", "coverage_80 - 0.8; over all commodities, the mean"),
        number("coverage_error_95", "coverage_95 - 0.95; over all commodities, the mean"),
        number("pit_p_value", "that PIT values are uniform; NULL below 30 forecasts", null=True),
        text("calibration", "calibrated, too narrow, too wide or not uniform; or for how many"),
        number("dm_statistic", "of the Diebold-Mariano test against naive", null=True),
        number("dm_p_value", "of the Diebold-Mariano test against naive", null=True),
        text("dm_verdict", "better, worse or no difference; or why there is none"),
        count("models_trained", "how many models are active"),
        number("training_seconds", "how long they took to fit"),
        moment("created_at", "when it was written, UTC"),
        CREATED_BY,
        count(
            "undefined_forecasts",
            "those of forecasts with a score that no number can hold, which means leave out",
            null=True,
            later=True,
        ),
    ),
    key=("commodity", "model_version", "model_name"),
)

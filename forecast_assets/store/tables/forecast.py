"""The tables of ``commodity.forecast`` that say what was forecast: models, paths, publications."""

from forecast_assets.store.tables.table import (
    Before,
    Column,
    Complete,
    ExactlyOne,
    Never,
    OneOf,
    Table,
    count,
    day,
    document,
    flag,
    moment,
    number,
    price,
    text,
    total,
)

COMMODITY = text("commodity", "whose forecast it is")
MODEL_NAME = text("model_name", "the model, as the configuration names it")
MODEL_VERSION = text("model_version", "its version: versions live side by side")
MODEL_ID = text("model_id", "{commodity}_{model_name}_{training_date}_{model_version}")
TRAINING_DATE = day("training_date", "the model knows only closes before it; names its window")
START = day("forecast_start_date", "the session of day 1: the next one after the cutoff")
CUTOFF = day("data_cutoff_date", "the last session that the forecast knows")
PAYLOAD = text("payload_sha256", "SHA-256 of the fitted model's payload")
HISTORY = text(
    "history_fingerprint",
    "fingerprint of closes and of the covariates that the model is offered, up to the cutoff",
)
N_PATHS = count("n_paths", "how many paths it has, path 0 not counted")
DRAWN_AT = moment(
    "generation_timestamp", "when the run that drew it read the prices, UTC: no later close is used"
)
CREATED_BY = text("created_by", "the run that wrote it")
ISSUED_AT = moment(
    "issued_at",
    "when it was stored, UTC: from then on it was the forecast of its cutoff",
    null=True,
    later=True,
)
REVISION = count("revision", "1 for what was said first of this cutoff, and so on")

FORECAST = ("commodity", "model_name", "model_version", "data_cutoff_date")
"""The columns that identify a forecast."""

WINDOW = ("commodity", "training_date")
"""The columns that identify a window."""

ESTIMATES = (
    number("mean", "mean of the paths' prices at this session"),
    number("median", "their median"),
    number("standard_deviation", "their standard deviation (n - 1)"),
    *(
        number(f"{side}_{percent}", "bound of the central interval with this many % of the paths")
        for side, percents in (("lower", (95, 80, 50)), ("upper", (50, 80, 95)))
        for percent in percents
    ),
)

DAY_AHEAD = count("day_ahead", "which session after the cutoff, counted from 1")

TRAINED_MODELS = Table(
    "forecast",
    "trained_models",
    "Fitted models, one row each; the one in use is active.",
    (
        MODEL_ID,
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        TRAINING_DATE,
        day("training_start_date", "first session that it was fitted on"),
        day("training_end_date", "last session that it was fitted on, before the training date"),
        count("training_samples", "how many sessions, without those that a log model skips"),
        document("options", "the model's options, as the configuration has them"),
        document("parameters", "what was estimated"),
        document("fitted_model_json", "the payload; NULL where it is too large", null=True),
        text(
            "fitted_model_uri",
            "its address below `artifacts.url`; NULL where it is here",
            null=True,
        ),
        text("payload_format", "how the payload is written"),
        count("payload_schema_version", "which version of the model's payload it is"),
        PAYLOAD,
        total("model_size_bytes", "size of the payload"),
        text(
            "data_fingerprint",
            "fingerprint of every close before the training date, and of the model's covariates",
        ),
        document("library_versions", "versions of the libraries that took part"),
        document("fit_metrics", "how well it fits: likelihood, criteria, convergence, warnings"),
        number("fit_seconds", "how long the fit took"),
        moment("created_at", "when it was fitted, UTC"),
        CREATED_BY,
        flag("is_active", "whether it is in use; what replaced it says FALSE of it"),
        count("year", "year of the training date"),
        count("month", "month of the training date"),
    ),
    key=("model_id", "created_at"),
    partition=WINDOW,
    rules=(
        Before("training_end_date", "training_date"),
        ExactlyOne("fitted_model_json", "fitted_model_uri"),
    ),
)

VERSIONS = Table(
    "forecast",
    "versions",
    "What each model version means, one row a revision; rows are added and never changed.",
    (
        MODEL_VERSION,
        count("revision", "1 for what it was first pinned to mean; the highest counts"),
        text("kind", "first, taken over (from models of an older release), added or rewrite"),
        text("reason", "what was added; of a rewrite: the reason that the user gave"),
        N_PATHS,
        count("horizon", "sessions ahead"),
        document("models", "the options of each model by its name; an ensemble's with its members"),
        document("feature_sets", "the covariates in each set that a model uses"),
        document("covariates", "by commodity, the covariates in these sets, and how they are read"),
        moment("pinned_at", "when it was pinned, UTC"),
        text("pinned_by", "the run that pinned it"),
    ),
    key=("model_version", "revision"),
    partition=("model_version",),
    rules=(OneOf("kind", ("first", "taken over", "added", "rewrite")),),
)

FAILURES = Table(
    "forecast",
    "failures",
    "What is absent from the models and forecasts, and why.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        TRAINING_DATE,
        text("stage", "train or forecast"),
        flag("declined", "whether the model does not apply there by its nature"),
        count("origins", "forecasts that are absent where the model is not"),
        text("reason", "what went wrong, in words"),
        moment("created_at", "when it was written, UTC"),
        CREATED_BY,
    ),
    key=("commodity", "model_name", "model_version", "training_date", "stage"),
    partition=WINDOW,
    rules=(OneOf("stage", ("train", "forecast")),),
)


def sessions_ahead(horizon: int) -> tuple[Column, ...]:
    """Return the prices of a path, ``day_1`` to ``day_{horizon}``."""
    said = "price of the k-th session after the cutoff, in the commodity's unit"
    return tuple(price(f"day_{k}", said) for k in range(1, horizon + 1))


def path_columns(version: Column, horizon: int) -> tuple[Column, ...]:
    """Return the columns of paths."""
    return (
        count("path_id", "1 to n_paths; 0 is what really happened"),
        COMMODITY,
        MODEL_NAME,
        version,
        MODEL_ID,
        TRAINING_DATE,
        START,
        CUTOFF,
        moment(
            "generation_timestamp",
            "when the run that drew it read the prices, UTC; of path 0: the run that last wrote it",
        ),
        *sessions_ahead(horizon),
        flag("is_actuals", "TRUE for path 0, which has NULL for sessions that have not happened"),
        flag("has_data_leakage", "FALSE: a forecast that looks ahead is refused"),
    )


def distributions(horizon: int) -> Table:
    """Return the table of paths."""
    days = tuple(column.name for column in sessions_ahead(horizon))
    return Table(
        "forecast",
        "distributions",
        "Paths of the next prices, one row each, and what really happened.",
        path_columns(MODEL_VERSION, horizon),
        partition=WINDOW,
        rules=(
            Before("data_cutoff_date", "forecast_start_date"),
            Never("has_data_leakage"),
            Complete(days, unless="is_actuals"),
        ),
    )


FORECASTS = Table(
    "forecast",
    "forecasts",
    "Forecasts, one row each: what they were made from.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        CUTOFF,
        START,
        TRAINING_DATE,
        MODEL_ID,
        PAYLOAD,
        HISTORY,
        N_PATHS,
        DRAWN_AT,
        CREATED_BY,
        number(
            "cutoff_close",
            "close at the cutoff that it was drawn from; NULL: an older release did not store it",
            null=True,
            later=True,
        ),
        ISSUED_AT,
    ),
    key=FORECAST,
    partition=WINDOW,
)

POINT_ESTIMATES = Table(
    "forecast",
    "point_estimates",
    "Forecasts in a few numbers, one row a session ahead.",
    (COMMODITY, MODEL_NAME, MODEL_VERSION, CUTOFF, DAY_AHEAD, *ESTIMATES),
    key=(*FORECAST, "day_ahead"),
    partition=("commodity",),
)

POINT_FORECASTS = Table(
    "forecast",
    "point_forecasts",
    "Forecasts in a few numbers, one row a session ahead, with what really happened.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        TRAINING_DATE,
        START,
        CUTOFF,
        DAY_AHEAD,
        *ESTIMATES,
        price("actual", "what really happened; NULL where it has not yet"),
    ),
    key=(*FORECAST, "day_ahead"),
    view=True,
)

EXPECTED_SESSIONS = Table(
    "forecast",
    "expected_sessions",
    "The days that a commodity is expected to trade, after its newest close.",
    (
        text("commodity", "whose sessions they are"),
        day("session", "a day on which it trades by its calendar, if nothing unexpected happens"),
    ),
    key=("commodity", "session"),
    partition=("commodity",),
)

POINT_FORECASTS_BY_TARGET = Table(
    "forecast",
    "point_forecasts_by_target",
    "Forecasts in a few numbers by the day that they are of, one row a session ahead.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        day(
            "session",
            "the day that the numbers are of: as it came, or as it is expected; NULL: not known",
            null=True,
        ),
        DAY_AHEAD,
        CUTOFF,
        *ESTIMATES,
        number("actual", "the close of that day; NULL where there is none yet", null=True),
    ),
    key=(*FORECAST, "day_ahead"),
    view=True,
)

SUPERSEDED_FORECASTS = Table(
    "forecast",
    "superseded_forecasts",
    "What was said, and then said otherwise: forecasts that were drawn again or withdrawn.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        CUTOFF,
        REVISION,
        START,
        TRAINING_DATE,
        MODEL_ID,
        PAYLOAD,
        HISTORY,
        number("cutoff_close", "close at the cutoff that it was drawn from", null=True),
        N_PATHS,
        DRAWN_AT,
        CREATED_BY,
        moment("superseded_at", "when its replacement was stored, or it was withdrawn, UTC"),
        text("superseded_by", "the run that did this"),
        text(
            "reason",
            "revised history, retrained model, other number of paths, other code, moved start,"
            " session withdrawn, or several; the first is rewrite where a user asked for that",
        ),
        ISSUED_AT,
    ),
    key=(*FORECAST, "revision"),
    partition=("commodity",),
)

SUPERSEDED_POINT_FORECASTS = Table(
    "forecast",
    "superseded_point_forecasts",
    "The numbers of superseded forecasts, one row a session ahead.",
    (COMMODITY, MODEL_NAME, MODEL_VERSION, CUTOFF, REVISION, DAY_AHEAD, *ESTIMATES),
    key=(*FORECAST, "revision", "day_ahead"),
    partition=("commodity",),
)

REVISED_FORECASTS = Table(
    "forecast",
    "revised_forecasts",
    "Forecasts that used a close which has changed since they were drawn.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        CUTOFF,
        START,
        TRAINING_DATE,
        DRAWN_AT,
        total("revised_sessions", "how many of the closes that it used have changed"),
        day("first_revised", "the first session among them"),
        day("last_revised", "the last session among them"),
        moment("revised_at", "when the last of them changed, UTC"),
    ),
    key=FORECAST,
    view=True,
)

ENTRY = count("entry", "1 for the first entry about this forecast, and so on")
REASON = text("reason", "why this model; of a withdrawal: empty")
PUBLISHED_AT = moment("published_at", "when it was published or withdrawn, UTC")

PUBLICATION_LOG = Table(
    "forecast",
    "publication_log",
    "What was published, and what was withdrawn: entries are added and never changed.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        CUTOFF,
        ENTRY,
        flag("is_published", "FALSE: from then on it is not published"),
        REASON,
        PUBLISHED_AT,
        CREATED_BY,
        day("forecast_start_date", "its first session; NULL of a withdrawal", null=True),
        moment(
            "generation_timestamp",
            "that of the forecast that was published; NULL of a withdrawal",
            null=True,
        ),
        number("cutoff_close", "the close that it was drawn from", null=True),
    ),
    key=(*FORECAST, "entry"),
    partition=("commodity",),
)

PUBLISHED_OUTLOOKS = Table(
    "forecast",
    "published_outlooks",
    "The numbers of what was published, as its page had them, one row a session ahead.",
    (
        COMMODITY,
        MODEL_NAME,
        MODEL_VERSION,
        CUTOFF,
        ENTRY,
        DAY_AHEAD,
        number("median", "median of the paths at this session, in the commodity's unit"),
        *(
            number(f"{side}_{percent}", "bound of the central interval with this many % of them")
            for side, percents in (("lower", (95, 80)), ("upper", (80, 95)))
            for percent in percents
        ),
        number("value_at_risk", "of a long position of one unit at the cutoff's close, at 95 %"),
        number("expected_shortfall", "of the same position, at 95 %"),
        number("probability_above", "of a price above the cutoff's close"),
    ),
    key=(*FORECAST, "entry", "day_ahead"),
    partition=("commodity",),
)

PUBLICATIONS = Table(
    "forecast",
    "publications",
    "Which forecast is published for each commodity and cutoff.",
    (COMMODITY, MODEL_NAME, MODEL_VERSION, CUTOFF, REASON, PUBLISHED_AT, CREATED_BY),
    key=FORECAST,
    view=True,
)


def published_distributions(horizon: int) -> Table:
    """Return the view of published paths."""
    return Table(
        "forecast",
        "published_distributions",
        "Paths of the published forecasts, for downstream programs.",
        path_columns(text("model_version", "{model_name}_{model_version}"), horizon),
        view=True,
    )

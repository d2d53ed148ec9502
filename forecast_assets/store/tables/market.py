"""The tables of ``commodity.market``: prices, waiting prices, covariates, files and marks."""

from forecast_assets.store.tables.table import (
    Before,
    OneOf,
    Table,
    Together,
    count,
    day,
    document,
    moment,
    number,
    text,
    total,
)

COMMODITY = text("commodity", "whose row it is")
SESSION = day("date", "the session")
OPEN = number("open", "price at the beginning of the session", null=True)
HIGH = number("high", "highest price of the session", null=True)
LOW = number("low", "lowest price of the session", null=True)
CLOSE = number("close", "price at the end of the session")
VOLUME = number("volume", "how much was traded", null=True)
SOURCE = text("source", "who says so: the kind of source, and what it read")
INGESTED_AT = moment("ingested_at", "when it was written, UTC")

PRICE_REVISIONS = Table(
    "market",
    "price_revisions",
    "Prices with all their revisions, one row each.",
    (
        COMMODITY,
        SESSION,
        OPEN,
        HIGH,
        LOW,
        number("close", "price at the end; NULL: this date was taken back", null=True),
        VOLUME,
        SOURCE,
        count("revision", "1 for what was said first of this session; the highest counts"),
        INGESTED_AT,
        text("ingested_by", "the run that wrote it, or terminal and who gave the command"),
        text("reason", "why somebody took the date back; else NULL", null=True, later=True),
    ),
    key=("commodity", "date", "revision"),
    partition=("commodity",),
)

PRICES = Table(
    "market",
    "prices",
    "The newest price of each session.",
    (COMMODITY, SESSION, OPEN, HIGH, LOW, CLOSE, VOLUME, SOURCE, INGESTED_AT),
    key=("commodity", "date"),
    view=True,
)

PRICE_MOVES = Table(
    "market",
    "price_moves",
    "The move from each close to the next.",
    (
        COMMODITY,
        SESSION,
        CLOSE,
        number("previous_close", "close of the session before; NULL for the first", null=True),
        number("move", "close / previous_close - 1; NULL after a close at or below 0", null=True),
    ),
    key=("commodity", "date"),
    view=True,
)

HELD_PRICES = Table(
    "market",
    "held_prices",
    "Prices that wait for somebody's word.",
    (
        COMMODITY,
        SESSION,
        OPEN,
        HIGH,
        LOW,
        number("close", "price at the end of the session, as the source says it"),
        VOLUME,
        number("stored_close", "the close in use; NULL: a session that is not stored", null=True),
        text("reason", "revision, with_revisions (it came with too many) or strange (quarantined)"),
        SOURCE,
        moment("held_at", "when it was held, UTC"),
        text("held_by", "the run that held it"),
    ),
    key=("commodity", "date"),
    partition=("commodity",),
    rules=(OneOf("reason", ("revision", "with_revisions", "strange")),),
)

PRICE_WORDS = Table(
    "market",
    "price_words",
    "What somebody said of a close.",
    (
        COMMODITY,
        SESSION,
        number("close", "the close that the word is of: another one is looked at anew"),
        text("word", "accepted, rejected, or withdrawn after it was taken"),
        moment("said_at", "when it was said, UTC"),
    ),
    key=("commodity", "date", "close"),
    partition=("commodity",),
    rules=(OneOf("word", ("accepted", "rejected", "withdrawn")),),
)

LANDINGS = Table(
    "market",
    "landings",
    "The dropped files that were merged into the prices, one row a file and commodity.",
    (
        text("sha256", "SHA-256 of the file's bytes"),
        COMMODITY,
        total("rows_used", "rows of the file that are prices or withdrawals of this commodity"),
        text("file", "the file's name"),
        total("rows_refused", "rows of the file that could not be used"),
        total("sessions_added", "sessions that were new"),
        total("sessions_revised", "sessions whose price it changed"),
        moment("landed_at", "when it was merged, UTC"),
        text("landed_by", "the run that merged it"),
    ),
    key=("sha256", "commodity", "rows_used"),
    partition=("commodity",),
)

FEATURES = Table(
    "market",
    "features",
    "What was known of each covariate at each session.",
    (
        COMMODITY,
        SESSION,
        text("covariate", "the covariate's name"),
        number("value", "newest value known at the close; NULL where there was none", null=True),
        day("observed_on", "the day that the value is of, never after the session", null=True),
        moment("created_at", "when the row was written last, UTC; an unchanged row is not written"),
        text("created_by", "the run that wrote it"),
    ),
    key=("commodity", "date", "covariate"),
    partition=("commodity",),
    rules=(Before("observed_on", "date", or_equal=True), Together("value", "observed_on")),
)

COVARIATES = Table(
    "market",
    "covariates",
    "How each covariate got the values that features has of it.",
    (
        COMMODITY,
        text("covariate", "the covariate's name"),
        document("read_as", "the keys of the configuration that decide its values"),
        moment("read_at", "when it was first read so, UTC"),
        text("read_by", "the run that did"),
    ),
    key=("commodity", "covariate"),
    partition=("commodity",),
)

SUPERSEDED_FEATURES = Table(
    "market",
    "superseded_features",
    "What was known of a covariate at a session until it was corrected or taken back.",
    (
        *FEATURES.columns,
        count("revision", "1 for what the row said first, and so on"),
        moment("superseded_at", "when the correction was written, UTC"),
        text("superseded_by", "the run that wrote it"),
    ),
    key=("commodity", "date", "covariate", "revision"),
    partition=("commodity",),
)

COMMODITY_RENAMES = Table(
    "market",
    "commodity_renames",
    "The names that commodities had before; the paths of a forecast depend on its name then.",
    (
        text("commodity", "the commodity, by the name of now"),
        text("old_name", "what it was called until then"),
        moment("renamed_at", "when it got its next name, UTC"),
    ),
    partition=("commodity",),
)

MARKS = Table(
    "market",
    "marks",
    "How far the tables have come.",
    (
        text("mark", "the first is drawn at random with the tables, the others are ids of runs"),
        total("place", "the order in which they were left"),
        moment("left_at", "when it was left, UTC"),
    ),
    key=("mark",),
)

SCHEMA_VERSIONS = Table(
    "market",
    "schema_versions",
    "The schemas that the tables have had; the highest number is that of now.",
    (
        count("schema_version", "number of the schema; release 0.1.0 had 1 and did not store it"),
        moment("since", "when the tables got this schema, UTC"),
        text("backup", "file with the tables of before; NULL where there were none", null=True),
    ),
    key=("schema_version",),
)

MARKET = (
    PRICE_REVISIONS,
    PRICES,
    PRICE_MOVES,
    HELD_PRICES,
    PRICE_WORDS,
    LANDINGS,
    FEATURES,
    COVARIATES,
    SUPERSEDED_FEATURES,
    COMMODITY_RENAMES,
    MARKS,
    SCHEMA_VERSIONS,
)

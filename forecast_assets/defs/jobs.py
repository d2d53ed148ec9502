"""Jobs: parts of the graph that can be launched by name."""

from dagster import AssetCheckKey, AssetKey, AssetSelection, define_asset_job

from forecast_assets.defs.checks import FRESHNESS
from forecast_assets.defs.record import CHECK
from forecast_assets.defs.run_history import OURS

JOBS = (
    define_asset_job(
        "land",
        selection=AssetSelection.assets("landed_files")
        | AssetSelection.checks_for_assets("prices"),
        description="Merge the files that were dropped into the landing folder.",
        tags=OURS,
    ),
    define_asset_job(
        "load_prices",
        selection=AssetSelection.assets("prices", "features"),
        description="Read the prices and covariates of some commodities.",
        tags=OURS,
    ),
    define_asset_job(
        "train",
        selection=AssetSelection.assets("trained_models"),
        description="Fit the roster for some commodities and training dates.",
        tags=OURS,
    ),
    define_asset_job(
        "forecast",
        selection=AssetSelection.assets("distributions"),
        description="Draw the missing forecasts of some commodities and training dates.",
        tags=OURS,
    ),
    define_asset_job(
        "score",
        selection=AssetSelection.assets("scores"),
        description="Score the forecasts whose outcome is known and not scored yet.",
        tags=OURS,
    ),
    define_asset_job(
        "catch_up",
        selection=AssetSelection.assets(
            "trained_models",
            "distributions",
            "scores",
            "leaderboard",
            "published_distributions",
            "report",
        ),
        description="Train, forecast, score and publish what is due; sensors launch it.",
        tags=OURS,
    ),
    define_asset_job(
        "watch",
        selection=AssetSelection.checks(
            *(AssetCheckKey(AssetKey(asset), name) for asset, (name, _) in FRESHNESS.items())
        ),
        description="See how old the newest prices and forecasts are.",
        tags=OURS,
    ),
    define_asset_job(
        "verify",
        selection=AssetSelection.checks(CHECK),
        description="Walk every row of the tables, and say what is damaged and what mends it.",
        tags=OURS,
    ),
    define_asset_job(
        "publish",
        selection=AssetSelection.assets("leaderboard", "published_distributions", "report"),
        description="Rank the models, publish the best, and write the page about all of it.",
        tags=OURS,
    ),
)

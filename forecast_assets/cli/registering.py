"""``forecast spark register``: the tables and views in Spark's catalog."""

from rich.console import Console

from forecast_assets.cli.console import write
from forecast_assets.configuration.settings import load_settings
from forecast_assets.store.in_spark import register_spark
from forecast_assets.store.opening import require_lake, spark_at


def register_and_tell(console: Console, remote: str, catalog: str | None) -> None:
    """Register the tables by a Connect server, and print their names.

    Raises StoreError if the tables are no Delta tables, or if the server does not do it.
    """
    settings = load_settings()
    require_lake(settings.tables_at)
    with spark_at(remote) as spark:
        names = register_spark(spark=spark, catalog=catalog, settings=settings)
    for name in names:
        write(console, name)
    write(console, f"{settings.tables_at}: {len(names)} tables and views are in Spark's catalog")

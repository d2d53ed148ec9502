"""The entry of an asset in the catalogue of Dagster's UI.

Besides the description it has the owners, the code version, the table with its columns, and a link
to the documentation.
"""

from functools import partial
from urllib.parse import urlsplit

from dagster import (
    AssetsDefinition,
    AssetSpec,
    MetadataValue,
    TableColumn,
    TableColumnConstraints,
    TableConstraints,
    TableSchema,
)

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.code_versions import CODE_VERSIONS
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Table

TABLES = {
    "landed_files": "commodity.market.landings",
    "prices": "commodity.market.prices",
    "features": "commodity.market.features",
    "trained_models": "commodity.forecast.trained_models",
    "distributions": "commodity.forecast.distributions",
    "scores": "commodity.forecast.scores",
    "leaderboard": "commodity.forecast.leaderboard",
    "published_distributions": "commodity.forecast.published_distributions",
}
"""The table that an asset writes; of several tables, the one that people look at first."""

PAGES = {"report": "trust.md#the-report", "record": "operations.md#verify"}
"""The page in ``docs`` about an asset without a table of its own."""


def catalogued(settings: Settings, asset: AssetsDefinition) -> AssetsDefinition:
    """The asset with its owners, code version, table and documentation."""
    return asset.map_asset_specs(partial(catalogue_entry, settings))


def catalogue_entry(settings: Settings, spec: AssetSpec) -> AssetSpec:
    """The specification of an asset with its catalogue entry."""
    name = spec.key.to_user_string()
    url = settings.docs_url.get_secret_value() if settings.docs_url else None
    metadata = {"docs": docs_of(name, url)}
    if name in TABLES:
        table = tables(settings.horizon)[TABLES[name]]
        metadata |= {
            "dagster/table_name": MetadataValue.text(table.name),
            "dagster/column_schema": MetadataValue.table_schema(column_schema(table)),
        }
    owners = getattr(settings.owners, str(spec.group_name))
    versioned = spec.replace_attributes(code_version=CODE_VERSIONS[name], owners=owners)
    return versioned.merge_attributes(metadata=metadata)


def docs_of(asset: str, url: str | None) -> MetadataValue:
    """A link to the documentation of an asset, or the page's name if no URL is configured.

    The link cannot be to a file on this machine, since browsers do not open files from a web page.
    It has no user name, password or query, since everybody sees it.
    """
    page = PAGES.get(asset) or f"tables.md#{TABLES[asset].replace('.', '')}"
    if url is None:
        return MetadataValue.text(f"docs/{page}")
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return MetadataValue.url(f"{parts.scheme}://{host}{parts.path.rstrip('/')}/{page}")


def column_schema(table: Table) -> TableSchema:
    """The columns of a table as Dagster shows them, and its key."""
    columns = [
        TableColumn(
            each.name,
            each.sql_type,
            each.description,
            TableColumnConstraints(nullable=each.nullable),
        )
        for each in table.columns
    ]
    key = [f"key: {', '.join(table.key)}"] if table.key else []
    return TableSchema(columns, TableConstraints(other=key))

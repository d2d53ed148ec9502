"""Names in Spark's SQL.

``catalog`` is the name of a catalog; None is the session's own. Tables and views are called without
it, such as ``forecast.scores``.
"""

from forecast_assets.configuration.names import valid_name


def quoted(*parts: str) -> str:
    """Return the parts of a name as an SQL identifier, whatever characters they have."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def require_catalog(catalog: str | None) -> None:
    """Raise ConfigurationError for the name of a catalog that is not allowed."""
    if catalog is not None:
        valid_name(catalog)


def within(catalog: str | None, name: str) -> str:
    """A schema, table or view as an SQL identifier."""
    return quoted(*([] if catalog is None else [catalog]), *name.split("."))


def stored_as(catalog: str | None, name: str) -> str:
    """The table with all rows of another one, of which that shows only the marked ones."""
    room, _, short = name.partition(".")
    return within(catalog, f"{room}.stored_{short}")

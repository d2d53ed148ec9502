"""The tables in a DuckDB file."""

"""The DuckDB engine: all tables in one file."""

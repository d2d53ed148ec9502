"""Tests of the tables in a DuckDB file."""

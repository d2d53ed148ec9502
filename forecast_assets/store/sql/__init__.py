"""The statements that the tables are read and written with, for any connection of DuckDB."""

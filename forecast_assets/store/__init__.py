"""The tables. ``contract`` says what the graph needs of them; DuckDB is how they are kept."""

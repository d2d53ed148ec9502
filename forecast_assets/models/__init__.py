"""The models, one a file. Nothing in here knows of Dagster or of tables."""

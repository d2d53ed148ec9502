"""The models, one in each file. No module here imports Dagster or reads tables."""

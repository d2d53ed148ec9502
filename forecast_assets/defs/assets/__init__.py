"""The assets, one in each file; they only connect plain functions with Dagster."""

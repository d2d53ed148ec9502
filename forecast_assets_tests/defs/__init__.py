"""Tests of all that knows Dagster."""

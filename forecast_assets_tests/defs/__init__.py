"""Tests of everything that knows Dagster."""

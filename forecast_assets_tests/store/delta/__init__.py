"""Tests of the tables as Delta Lake."""

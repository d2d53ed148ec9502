"""Tests of how files are written, and of the columns that are made of them."""

"""Tests of the page, its plots and what a terminal shows."""

"""The assets, one a file: thin orchestration around plain functions."""

"""Which code made what an asset holds, for Dagster to compare.

A code version says that the same inputs give the same results. It is changed here, by hand, when
they do not any more: not with every release, and not for what is only written otherwise.
"""

CODE_VERSIONS = {
    "landed_files": "1",
    "prices": "1",
    "features": "1",
    "trained_models": "1",
    "distributions": "1",
    "scores": "1",
    "leaderboard": "1",
    "published_distributions": "1",
    "report": "1",
}
"""By asset, a whole number."""

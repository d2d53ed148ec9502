r"""The distribution of the next prices, for every commodity and every session.

::

    price sources        prices                (commodity)
                           |
    covariate files      features              (commodity)
                           |
                     trained_models            (commodity x training date)
                           |
                     distributions             (the same partitions)
                           |
                        scores                 (the same partitions)
                      /         \
            leaderboard   published_distributions
                      \         /
                        report                 (one page)

A partition ``Coffee|2024-01-01`` is a model's validity window: fitted on what was known
before 2024-01-01, used for every forecast that starts in [2024-01-01, next training date).
"""

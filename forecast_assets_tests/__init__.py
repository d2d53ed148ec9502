"""Tests, in which a BLAS has one thread, as it has where all processors are used already.

Its threads would wait for each other over matrices of two rows, for half of the time of a fit.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

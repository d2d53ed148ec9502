"""The Cramer-von Mises test that some values are uniform, for many samples at once.

SciPy's public test takes a millisecond for each sample, and a commodity has a sample for every
cutoff. The distribution is by Csorgo and Faraway (1996), The Exact and Asymptotic Distributions of
Cramer-von Mises Statistics, whose equations are named below; SciPy has it by the same equations.
"""

import math
from collections.abc import Callable

import numpy as np
import scipy
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

PRECISION = 1e-7
"""The terms of a series are added until one is smaller than this."""


def statistic(values: Numbers) -> float:
    """The statistic of the test that some values are uniform on [0, 1]."""
    n = len(values)
    expected = (2 * np.arange(1, n + 1) - 1) / (2 * n)
    return float(1 / (12 * n) + np.sum((expected - np.sort(values)) ** 2))


def p_values(statistics: Numbers, counts: NDArray[np.intp]) -> Numbers:
    """The p-value of each statistic of so many values: equation 1.8."""
    below = np.zeros(len(statistics))
    inside = (statistics > 1 / (12 * counts)) & (statistics < counts / 3)
    w, n = statistics[inside], counts[inside]
    below[inside] = _series(w, _limit) * (1 + 1 / (12 * n)) + _series(w, _correction) / n
    below[statistics >= counts / 3] = 1.0
    return np.clip(1.0 - below, 0.0, None)


def _series(w: Numbers, term: Callable[[Numbers, int], Numbers]) -> Numbers:
    """For each statistic the sum of a series, up to its first term below PRECISION."""
    total, open_ended, k = np.zeros(len(w)), np.ones(len(w), dtype=np.bool_), 0
    while open_ended.any():
        added = term(w[open_ended], k)
        total[open_ended] += added
        open_ended[open_ended] = np.abs(added) >= PRECISION
        k += 1
    return total


def _limit(w: Numbers, k: int) -> Numbers:
    """A term of the distribution for a sample without end: equation 1.3."""
    special = scipy.special
    u = math.exp(special.gammaln(k + 0.5) - special.gammaln(k + 1)) / (np.pi**1.5 * np.sqrt(w))
    y = 4 * k + 1
    q = y**2 / (16 * w)
    term: Numbers = u * math.sqrt(y) * np.exp(-q) * special.kv(0.25, q)
    return term


def _correction(w: Numbers, k: int) -> Numbers:
    """A term of the correction for a finite sample: equation 1.10 without its V(x) / 12."""
    gamma, m, root = scipy.special.gamma, 2 * k + 1, 2 * np.sqrt(w)
    y1, y2 = w ** (3 / 4), w ** (5 / 4)
    half, three_halves = float(gamma(k + 1 / 2)), float(gamma(k + 3 / 2))
    terms = (
        m * half * _second((4 * k + 3) / root) / (9 * y1)
        + half * _third((4 * k + 1) / root) / (72 * y2)
        + 2 * (m + 2) * three_halves * _third((4 * k + 5) / root) / (12 * y2)
        + 7 * m * half * _second((4 * k + 1) / root) / (144 * y1)
        + 7 * m * half * _second((4 * k + 5) / root) / (144 * y1)
    )
    term: Numbers = -terms / (np.pi * float(gamma(k + 1)))
    return term


def _second(y: Numbers) -> Numbers:
    """The parabolic cylinder function of order 3/2 that equation 1.10 needs."""
    kv, z = scipy.special.kv, y**2 / 4
    found: Numbers = (
        np.exp(-z) * (y / 2) ** (3 / 2) * (kv(1 / 4, z) + kv(3 / 4, z)) / math.sqrt(np.pi)
    )
    return found


def _third(y: Numbers) -> Numbers:
    """That of order 5/2."""
    kv, z = scipy.special.kv, y**2 / 4
    bessel = 2 * kv(1 / 4, z) + 3 * kv(3 / 4, z) - kv(5 / 4, z)
    found: Numbers = np.exp(-z) / math.sqrt(np.pi) * (y / 2) ** (5 / 2) * bessel
    return found

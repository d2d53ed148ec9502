"""The linear pool of trials: its CRPS as a quadratic form, the best weights, and its paths."""

from itertools import pairwise, product

import numpy as np
import pytest
import scoringrules
from numpy.typing import NDArray

from forecast_assets.models.elements.pool import TOWARDS_EQUAL, crps_form, least_crps, pooled, slots
from forecast_assets.models.hold_out import N_QUANTILES, Trial


def trials(count: int, n_origins: int = 6, sessions: int = 3, seed: int = 1) -> list[Trial]:
    """Members of different widths and centres, and outcomes that they share."""
    rng = np.random.default_rng(seed)
    outcomes = np.exp(0.1 * rng.standard_normal((n_origins, sessions)))
    made = []
    for _ in range(count):
        centre, width = rng.normal(0, 0.05), rng.uniform(0.03, 0.2)
        values = centre + width * rng.standard_normal((n_origins, sessions, N_QUANTILES))
        made.append(Trial(np.exp(np.sort(values, axis=2)), outcomes))
    return made


def crps_of_pool(members: list[Trial], repeats: list[int]) -> float:
    """The mean CRPS of the pooled ensemble, a member's values repeated as its weight says."""
    values = np.concatenate(
        [
            np.repeat(member.quantiles, count, axis=2)
            for member, count in zip(members, repeats, strict=True)
        ],
        axis=2,
    )
    return float(np.mean(scoringrules.crps_ensemble(members[0].outcomes, values, estimator="nrg")))


@pytest.mark.parametrize(
    ("count", "repeats"),
    [(1, [1]), (2, [1, 1]), (2, [3, 1]), (3, [1, 2, 5]), (3, [0, 1, 1]), (5, [1, 1, 2, 3, 4])],
)
def test_the_form_gives_the_crps_of_the_pooled_ensemble(count: int, repeats: list[int]) -> None:
    members = trials(count)
    weights = np.array(repeats) / sum(repeats)
    found = weights @ crps_form(members) @ weights
    assert found == pytest.approx(crps_of_pool(members, repeats), rel=1e-10)


def test_each_entry_of_the_form_is_the_integral_of_two_distribution_functions() -> None:
    members = trials(2, n_origins=2, sessions=2)
    wanted = np.zeros((2, 2))
    for origin, session in product(range(2), range(2)):
        outcome = members[0].outcomes[origin, session]
        rows = [member.quantiles[origin, session] for member in members]
        edges = sorted([*rows[0], *rows[1], outcome])
        for left, right in pairwise(edges):
            gaps = [(row <= left).mean() - (outcome <= left) for row in rows]
            for one, other in product(range(2), range(2)):
                wanted[one, other] += gaps[one] * gaps[other] * (right - left) / 4
    assert crps_form(members) == pytest.approx(wanted, rel=1e-9)


def test_outcomes_beyond_every_value_and_values_that_are_the_same_count_in_full() -> None:
    (member,) = trials(1)
    rounded = np.round(member.quantiles, 2)
    for outcomes in (np.full((6, 3), 0.01), np.full((6, 3), 99.0), np.round(member.outcomes, 2)):
        each = Trial(rounded, outcomes)
        form = crps_form([each])
        assert form[0, 0] == pytest.approx(crps_of_pool([each], [1]), rel=1e-10)


def loss(form: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    scaled = form / np.mean(np.diag(form))
    distance = np.sum((weights - 1 / len(form)) ** 2)
    return float(weights @ scaled @ weights + TOWARDS_EQUAL * distance)


def grid(count: int, steps: int) -> list[NDArray[np.float64]]:
    return [
        np.array([*parts, steps - sum(parts)]) / steps
        for parts in product(range(steps + 1), repeat=count - 1)
        if sum(parts) <= steps
    ]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("count", "steps"), [(2, 2000), (3, 150)])
def test_no_weights_of_a_grid_are_better(count: int, steps: int, seed: int) -> None:
    form = crps_form(trials(count, n_origins=20, seed=seed))
    found = least_crps(form)
    best = min(grid(count, steps), key=lambda weights: loss(form, weights))
    assert loss(form, found) <= loss(form, best) + 1e-12
    assert found == pytest.approx(best, abs=2 / steps)


def test_weights_add_up_and_none_is_below_zero() -> None:
    for seed in range(5):
        weights = least_crps(crps_form(trials(5, seed=seed)))
        assert weights.sum() == pytest.approx(1, abs=1e-12)
        assert (weights >= 0).all()


def test_a_member_that_is_far_off_has_next_to_no_weight() -> None:
    good, other = trials(2, n_origins=50)
    bad = Trial(good.quantiles * 5, good.outcomes)
    weights = least_crps(crps_form([bad, good, other]))
    assert weights[0] < 0.005


def test_equal_members_have_equal_weights() -> None:
    (member,) = trials(1, n_origins=30)
    assert least_crps(crps_form([member] * 4)) == pytest.approx(np.full(4, 0.25), abs=1e-6)


def test_two_equal_members_share_what_one_would_have_besides_another() -> None:
    one, other = trials(2, n_origins=30, seed=3)
    weights = least_crps(crps_form([one, one, other]))
    assert weights[0] == pytest.approx(weights[1], abs=1e-6)


def test_members_that_were_never_wrong_have_equal_weights() -> None:
    sure = Trial(np.ones((4, 2, N_QUANTILES)), np.ones((4, 2)))
    assert np.array_equal(least_crps(crps_form([sure, sure])), [0.5, 0.5])


@pytest.mark.parametrize(
    "weights", [[0.413, 0.587, 0.0], [0.2137, 0.3011, 0.4852], [1.0, 0.0, 0.0]]
)
def test_quantiles_of_the_pool_are_where_the_weighted_masses_reach_their_levels(
    weights: list[float],
) -> None:
    members = trials(3, n_origins=4, sessions=2)
    pool = pooled(members, np.array(weights))
    for origin, session in product(range(4), range(2)):
        masses = sorted(
            (value, weight / N_QUANTILES)
            for member, weight in zip(members, weights, strict=True)
            for value in member.quantiles[origin, session].tolist()
        )
        for place in range(N_QUANTILES):
            reached, wanted = 0.0, np.nan
            for value, mass in masses:
                reached += mass
                if reached >= (place + 0.5) / N_QUANTILES:
                    wanted = value
                    break
            assert pool.quantiles[origin, session, place] == wanted
    assert pool.outcomes is members[0].outcomes


def test_the_pool_of_one_member_is_that_member() -> None:
    one, other = trials(2)
    assert np.array_equal(pooled([one, other], np.array([1.0, 0.0])).quantiles, one.quantiles)


SOME_WEIGHTS = [[1.0], [0.5, 0.5], [0.9, 0.1], [0.2, 0.3, 0.5], [0.02, 0.0, 0.31, 0.67], [7, 2, 1]]


@pytest.mark.parametrize("weights", SOME_WEIGHTS)
@pytest.mark.parametrize("n_paths", [1, 2, 7, 20, 1000, 2000])
def test_every_path_belongs_to_one_member_and_counts_are_by_the_largest_remainders(
    weights: list[float], n_paths: int
) -> None:
    shares = slots(np.array(weights), n_paths)
    assert sorted(np.concatenate(shares).tolist()) == list(range(n_paths))
    exact = [weight / sum(weights) * n_paths for weight in weights]
    counts = [int(np.floor(share)) for share in exact]
    while sum(counts) < n_paths:
        neediest = max(range(len(counts)), key=lambda one: exact[one] - counts[one])
        counts[neediest] += 1
    assert [len(places) for places in shares] == counts


@pytest.mark.parametrize("weights", SOME_WEIGHTS)
def test_the_first_paths_hold_each_member_as_its_weight_says(weights: list[float]) -> None:
    n_paths = 500
    shares = slots(np.array(weights), n_paths)
    for first in range(1, n_paths + 1):
        for places, weight in zip(shares, weights, strict=True):
            share = weight / sum(weights) * first
            assert abs((places < first).sum() - share) <= 1.5


def test_a_member_without_weight_has_no_path() -> None:
    assert len(slots(np.array([0.0, 1.0]), 10)[0]) == 0

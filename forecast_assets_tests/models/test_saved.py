"""States made at random go through JSON and back: the same bytes, and the same paths."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.forecast.payloads import canonical_json, parsed
from forecast_assets.models import roster
from forecast_assets.models.roster import ROSTER
from forecast_assets.models.simulation import seed_of
from forecast_assets.store.payloads import NOT_REBUILT, model_of
from forecast_assets_tests.histories import make_history, with_features
from forecast_assets_tests.hostile.stored import golden, stored_row

HISTORY = with_features(make_history(320))

States = st.SearchStrategy[dict[str, Any]]


def sample(least: int, most: int, scale: float = 0.02, decimals: int = 8) -> st.SearchStrategy[Any]:
    """Some normal numbers; their seed is what is made at random."""
    return st.builds(
        lambda seed, count: np.round(
            np.random.default_rng(seed).normal(0, scale, size=count), decimals
        ).tolist(),
        st.integers(0, 2**32),
        st.integers(least, most),
    )


def between(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_subnormal=False)


def fields(**of: Any) -> States:
    return st.fixed_dictionaries(of)


DAYS = st.dates(HISTORY.first, HISTORY.dates[20].item()).map(str)

VOLATILITY = fields(
    decay=between(0.8, 0.99),
    bound=st.none() | between(1.5, 8),
    weight=between(0, 1),
    persistence=between(0, 1),
    long_run=between(0.001, 0.1),
)

SHOCKS = st.one_of(
    fields(
        kind=st.just("gaussian"),
        deviation=between(0, 0.1),
        past=st.just([]),
        volatility=st.none(),
    ),
    fields(
        kind=st.just("bootstrap"),
        deviation=between(0.001, 0.1),
        past=sample(1, 60),
        volatility=st.none(),
    ),
    fields(
        kind=st.just("blocks"),
        deviation=between(0.001, 0.1),
        past=sample(4, 60),
        volatility=VOLATILITY,
    ),
)

WALK = {"form": st.sampled_from(["auto", "difference"]), "lookback": st.integers(2, 300)}
LINEAR = {"sample_start": DAYS, "shocks": SHOCKS}
TERM = between(-0.4, 0.4)


def arma(least: int, most: int) -> dict[str, Any]:
    terms = st.lists(TERM, min_size=least, max_size=most)
    return LINEAR | {"ar": terms, "ma": terms, "variance": between(1e-6, 0.01)}


SIMPLE: dict[str, States] = {
    "naive": fields(decay=between(0.01, 0.999), **WALK),
    "random_walk": fields(**WALK),
    "arima_111": fields(**arma(1, 1)),
    "arima_auto": fields(**arma(0, 2)),
    "ets": fields(
        smoothing=fields(
            level_share=between(0, 1),
            first_level=between(3, 5),
            trend_share=between(0, 1),
            damping=between(0.8, 0.98),
            first_trend=between(-0.01, 0.01),
        ),
        **LINEAR,
    ),
    "theta": fields(share=between(0.001, 1), slope=between(-0.01, 0.01), **LINEAR),
    "garch": fields(
        omega=between(0, 1e-4),
        alpha=between(0, 0.3),
        gamma=between(0, 0.3),
        beta=between(0, 0.5),
        first_variance=between(1e-6, 0.01),
        news_bound=st.none() | between(1.5, 8),
        sample_start=DAYS,
        residuals=sample(1, 60, scale=1, decimals=6),
    ),
    "reverting_volatility": fields(**LINEAR),
    "sarimax": fields(
        coefficients=st.dictionaries(st.sampled_from(["rain", "vix"]), between(-1e-3, 1e-3)),
        projection=st.sampled_from(["persist", "seasonal_mean", "none"]),
        lag=st.integers(0, 20),
        **arma(1, 2),
    ),
    "boosted_quantiles": fields(
        horizon=st.integers(1, 5),
        trees=st.integers(2, 1000),
        feature_names=st.just([]),
        sample_start=DAYS,
        shares=st.lists(between(0, 1), min_size=5, max_size=5),
        returns=sample(260, 300),
        boosters=st.just(json.loads(golden("boosted_quantiles"))["state"]["boosters"]),
    ),
}


def documents(name: str, states: States) -> States:
    """Payloads of a model, some of which are stretched."""
    version = ROSTER[name].fitted.schema_version
    head = {"model": st.just(name), "schema_version": st.just(version), "state": states}
    stretch = st.lists(between(0.25, 4), min_size=1, max_size=5)
    return st.fixed_dictionaries(head, optional={"stretch": stretch})


def pooled(members: dict[str, Any]) -> dict[str, Any]:
    weight = 1 / len(members)
    return {"members": members, "weights": dict.fromkeys(members, weight)}


POOLS = st.lists(st.sampled_from(sorted(SIMPLE)), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: fields(**{name: documents(name, SIMPLE[name]) for name in names}).map(pooled)
)

STATES = SIMPLE | {"ensemble": POOLS}


def outcome(payload: bytes) -> tuple[bytes, object]:
    """What a payload becomes: its bytes as they are written again, and its paths or their error."""
    model = roster.load(parsed(payload))
    origin = HISTORY.dates[300].item()
    drawn: Callable[[], Any] = lambda: model.simulate(  # noqa: E731 - it is called once below
        HISTORY, [origin], horizon=3, n_paths=8, seeds=[seed_of("at random")]
    )
    try:
        found: object = drawn().tobytes()
    except Exception as error:  # noqa: BLE001 - states at random may be absurd; the same error counts
        found = repr(error)
    return canonical_json(roster.dump(model)), found


def test_every_model_of_the_roster_has_states_at_random() -> None:
    assert STATES.keys() == ROSTER.keys()


@pytest.mark.parametrize("name", sorted(STATES))
def test_a_state_through_json_is_the_same_bytes_and_the_same_paths(name: str) -> None:
    drew = []

    @settings(max_examples=8)
    @given(documents(name, STATES[name]))
    def check(document: dict[str, Any]) -> None:
        payload = canonical_json(document)
        written, drawn = outcome(payload)
        assert written == payload
        assert outcome(written) == (written, drawn)
        drew.append(isinstance(drawn, bytes))

    check()
    assert sum(drew) > len(drew) / 3  # most can be drawn from


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "blocks", "2018-01-01", "\x1b[31m", "tree\n"]),
    st.just([]),
    st.just({}),
    st.just([[[]]]),
)


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """All places of a document, of lists only the first: what holds a value, and its key."""
    if isinstance(document, dict):
        items: list[tuple[Any, Any]] = list(document.items())
    else:
        items = list(enumerate(document[:1])) if isinstance(document, list) else []
    for key, value in items:
        yield document, key
        yield from places(value)


@pytest.mark.parametrize("name", sorted(STATES))
@settings(max_examples=10)
@given(data=st.data())
def test_something_odd_in_any_place_is_a_model_or_an_error_by_name(
    name: str, data: st.DataObject
) -> None:
    document = copy.deepcopy(json.loads(golden(name)))
    inside, key = data.draw(st.sampled_from(list(places(document))))
    inside[key] = data.draw(ODD)
    payload = json.dumps(document).encode()
    row = replace(stored_row({"of": name}, payload), payload_schema_version=_version(document))
    try:
        model = model_of(row, payload)
    except NOT_REBUILT as error:
        said = str(error)
    else:
        said = f"{row.model_id}: a model"
        again = roster.load(parsed(canonical_json(roster.dump(model))))
        assert roster.dump(again) == roster.dump(model)
    assert said.startswith(f"{row.model_id}: ")


def _version(document: dict[str, Any]) -> int:
    version = document["schema_version"]
    return version if isinstance(version, int) else 1

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from forecast_assets.errors import PayloadCorrupted, SchemaTooNew, UnknownModel
from forecast_assets.forecast.payloads import canonical_json
from forecast_assets.models import roster
from forecast_assets.models.base import ModelState
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.models.simulation import seed_of
from forecast_assets_tests.histories import make_history, with_features

GOLDEN = Path(__file__).parent.parent / "golden"


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    known = (
        "arima_111, arima_auto, boosted_quantiles, ensemble, ets, garch, naive, random_walk,"
        " reverting_volatility, sarimax, theta$"
    )
    with pytest.raises(UnknownModel, match=f"'lstm'; known: {known}"):
        roster.forecaster_class("lstm")


def test_a_newer_schema_is_refused_with_what_to_do() -> None:
    document = roster.dump(Naive().fit(make_history()))
    with pytest.raises(SchemaTooNew, match="version 2, this release reads up to 1: install"):
        roster.load(document | {"schema_version": 2})


def weight_to_decay(state: ModelState) -> ModelState:
    return {"decay": 1 - state["weight"], "lookback": state["lookback"], "form": "auto"}


def days_to_lookback(state: ModelState) -> ModelState:
    return {"weight": state["weight"], "lookback": state["days"]}


@dataclass(frozen=True, kw_only=True)
class ThirdNaive(FittedNaive):
    schema_version: ClassVar[int] = 3
    migrations: ClassVar[Mapping[int, Callable[[ModelState], ModelState]]] = {
        1: days_to_lookback,
        2: weight_to_decay,
    }


def test_an_older_schema_is_migrated_one_version_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Naive, "fitted", ThirdNaive)
    document: dict[str, Any] = {"model": "naive", "state": {"weight": 0.25, "days": 40}}
    model = roster.load(document | {"schema_version": 1})
    assert model == ThirdNaive(decay=0.75, lookback=40, form="auto")


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_payload_of_every_past_schema_still_forecasts_as_it_did(golden: Path) -> None:
    saved = json.loads(golden.read_text())
    model = roster.load(saved["payload"])
    history = with_features(make_history(700))
    origin = history.newest
    drawn = model.simulate(
        history, [origin], horizon=3, n_paths=2, seeds=[seed_of("golden", model.name)]
    )
    assert drawn[0] == pytest.approx(np.array(saved["paths"]), rel=1e-5)


def test_every_model_has_a_golden_payload_of_every_schema_that_it_had() -> None:
    expected = {
        f"{name}_v{version}"
        for name, model in roster.ROSTER.items()
        for version in range(1, model.fitted.schema_version + 1)
    }
    assert expected == {path.stem for path in GOLDEN.glob("*.json")}


def test_the_stretch_of_a_payload_is_kept_and_a_model_without_one_has_none() -> None:
    model = Naive().fit(make_history())
    assert "stretch" not in roster.dump(model)
    stretched = replace(model, stretch=(1.1, 0.9))
    assert roster.dump(stretched)["stretch"] == [1.1, 0.9]
    assert roster.load(roster.dump(stretched)) == stretched
    assert roster.load(roster.dump(model)).stretch == ()


def test_the_tick_of_a_payload_is_kept_and_checked_and_one_without_has_none() -> None:
    model = replace(Naive().fit(make_history()), tick=0.01)
    document = roster.dump(model)
    assert document["tick"] == 0.01
    assert roster.load(document) == model
    del document["tick"]
    assert roster.load(document).tick is None
    for strange in (0.0, -0.01, 1e-9, float("nan"), "0.01", 1 / 3):
        with pytest.raises(PayloadCorrupted, match="naive: its payload: tick: "):
            roster.load(document | {"tick": strange})


def test_canonical_json_is_one_spelling_and_exact() -> None:
    document = {"b": 0.1 + 0.2, "a": [1e-300, "é"]}
    text = canonical_json(document)
    assert text == '{"a":[1e-300,"é"],"b":0.30000000000000004}'.encode()
    assert json.loads(text) == document

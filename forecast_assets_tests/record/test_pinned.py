"""Pins that are not those that training leaves: each is found, and sound ones are not."""

import pandas as pd

from forecast_assets.record.pinned import BY_HAND, of_versions

DAYS = [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-02"), pd.Timestamp("2026-01-03")]


def pins(*rows: tuple[str, int, pd.Timestamp]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["model_version", "revision", "pinned_at"])


def trained(*rows: tuple[str, pd.Timestamp, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["model_version", "created_at", "created_by"])


SOUND = pins(("v1.0", 1, DAYS[0]), ("v1.0", 2, DAYS[1]), ("v2", 1, DAYS[2]))


def found(held: pd.DataFrame, models: pd.DataFrame) -> list[tuple[str, str]]:
    return [(x.kind, x.model_version) for x in of_versions(held, models, DAYS[1])]


def test_revisions_in_order_and_models_with_a_pin_are_sound() -> None:
    older, by_hand = ("old", DAYS[0], "a run"), ("notebook", DAYS[2], BY_HAND)
    assert found(SOUND, trained(("v1.0", DAYS[2], "a run"), older, by_hand)) == []


def test_each_damage_to_pins_is_found() -> None:
    assert found(SOUND.iloc[1:], trained()) == [("gap in revisions", "v1.0")]
    early = pins(("v1.0", 1, DAYS[1]), ("v1.0", 2, DAYS[0]))
    assert found(early, trained()) == [("revisions out of order", "v1.0")]
    models = trained(("v3", DAYS[1], "a run"), ("v3", DAYS[2], "a run"))
    assert found(SOUND, models) == [("version without a pin", "v3")]

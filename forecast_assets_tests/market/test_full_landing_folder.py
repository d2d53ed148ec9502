"""A landing folder on a full disk: its file stays, and is put away as soon as there is room."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import LandingError
from forecast_assets.market.dropped_files import read_dropped
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.reception import Received, receive
from forecast_assets.market.records import LandingTable
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.clock import now
from forecast_assets_tests.caretaker import configuration
from forecast_assets_tests.chaos import small_disk
from forecast_assets_tests.children import in_a_child

BAD_ROWS = 20
"""So many refused rows make the note longer than the file, whose size every disk here allows."""


def test_a_file_for_whose_note_there_is_no_room_stays_and_is_put_away_when_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))
    place = tmp_path / "landing"
    landing = {"settle_seconds": 0, "incomplete_seconds": 0, "url": str(place)}
    (tmp_path / "forecast.yaml").write_text(configuration("Coffee", landing=landing))
    settings = Settings.load(tmp_path / "forecast.yaml")
    folder, store = LandingFolder(settings), open_store(settings)
    folder.make()
    bad = [f"2019-01-{day:02},x\n" for day in range(1, BAD_ROWS)]
    (place / "Coffee.csv").write_text("".join(["date,close\n", "2019-02-01,50\n", *bad]))

    (arrival,) = folder.waiting(time.time() + 1).whole
    dropped = read_dropped("Coffee.csv", folder.read(arrival), settings, now())
    merged = store.landings.merge(
        dropped.file, dropped.sha256, dropped.observations, now(), "a test"
    )
    tables: Any = SimpleNamespace(merge=lambda *_: merged)  # their own disk may be limited too

    def received(landings: LandingTable) -> Received:
        (arrival,) = folder.waiting(time.time() + 1).whole
        return receive(folder, arrival, landings, now(), "a test")

    def on_a_full_disk() -> None:
        with pytest.raises(LandingError, match=r"^Coffee.csv: .*: the landing folder.* with room"):
            received(tables)
        assert (place / "Coffee.csv").exists()

    in_a_child(lambda: small_disk.with_room(place, 0, on_a_full_disk))
    small_disk.settle(place)
    again = received(store.landings)
    assert [landing.repeated for landing in again.landings] == [True]
    assert store.prices.history("Coffee").closes.tolist() == [50.0]
    assert len(again.rejections) == len(bad)
    assert sorted(file.name for file in place.rglob("*.*")) == ["Coffee.csv", "Coffee.csv.txt"]
    assert Path(again.place).parent == place / "accepted"

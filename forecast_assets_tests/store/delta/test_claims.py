"""Claims: one program at a time has a commodity, and a dead one has none."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from forecast_assets.store.delta import claims
from forecast_assets.store.delta.claims import LASTS, Claim, Claimed, claimed
from forecast_assets.timeline.clock import now

pytestmark = pytest.mark.engine


def test_what_is_claimed_cannot_be_claimed_again_until_it_is_given_back(tmp_path: Path) -> None:
    address = str(tmp_path / "claims")
    with claimed(address, {}, ["WTI"]):
        with pytest.raises(Claimed, match=f"process {os.getpid()}"), claimed(address, {}, ["WTI"]):
            pass
        with claimed(address, {}, ["Gold"]):
            pass
    with claimed(address, {}, ["Gold", "WTI"]) as both:
        assert [claim.commodity for claim in both] == ["Gold", "WTI"]


def test_of_two_that_claim_at_once_one_gets_it(tmp_path: Path) -> None:
    address = str(tmp_path / "claims")
    with claimed(address, {}, ["WTI"]) as (first,):
        pass
    slow, fast = Claim(first.table, "WTI"), Claim(claims_of(address), "WTI")
    slow.table.update_incremental()
    fast.take()
    with pytest.raises(Claimed, match="faster"):
        slow._write(now() + LASTS)


def test_a_claim_ends_by_itself_and_can_be_extended_until_another_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "claims")
    with claimed(address, {}, ["WTI"]) as (mine,):
        began = mine.until
        monkeypatch.setattr(claims, "now", lambda: began - LASTS / 4)
        mine.extend()
        assert mine.until == began + LASTS * 3 / 4
        monkeypatch.setattr(claims, "now", lambda: mine.until + timedelta(seconds=1))
        with claimed(address, {}, ["WTI"]), pytest.raises(Claimed):
            mine.extend()
        with pytest.raises(Claimed, match="too slow"):
            mine.extend()


def test_the_claim_of_a_process_of_this_machine_that_has_ended_counts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "claims")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with claimed(address, {}, ["WTI"]) as (claim,):
        monkeypatch.setattr("os.getpid", lambda: ended.pid)
        claim._write(now() + LASTS)
        monkeypatch.undo()
        with claimed(address, {}, ["WTI"]):
            pass
        claim.table.update_incremental()
        monkeypatch.setattr(claims, "machine", lambda: "elsewhere")
        claim._write(now() + LASTS)
        monkeypatch.undo()
        with pytest.raises(Claimed, match="on elsewhere"), claimed(address, {}, ["WTI"]):
            pass


def claims_of(address: str) -> DeltaTable:
    return DeltaTable(address)

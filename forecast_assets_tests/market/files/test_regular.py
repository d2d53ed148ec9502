"""Files are read up to a bound, and take the memory of what they hold."""

import io

import pytest

from forecast_assets.configuration.file_limits import FileLimits
from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files import regular
from forecast_assets.market.files.regular import bounded


@pytest.mark.parametrize("most", [10**11, 10**20])
def test_a_high_bound_takes_no_memory(most: int) -> None:
    assert bounded(io.BytesIO(b"date,close\n"), 11, most) == b"date,close\n"


def test_what_grows_while_it_is_read_is_read_whole_or_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(regular, "PART_BYTES", 4)
    assert bounded(io.BytesIO(b"0123456789"), 3, 10) == b"0123456789"
    with pytest.raises(UnclearFormat, match="has 12 bytes, allowed: 9"):
        bounded(io.BytesIO(b"0123456789ab"), 3, 9)


@pytest.mark.parametrize("key", ["max_bytes", "max_columns", "max_rows"])
def test_a_limit_has_a_limit(key: str) -> None:
    with pytest.raises(ValueError, match=f"{key}\n.*less than or equal to"):
        FileLimits.model_validate({key: 10**11})


def test_a_small_file_takes_little_memory_while_it_is_read() -> None:
    asked: list[int] = []

    class Asked(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            asked.append(size or -1)
            return super().read(size)

    assert bounded(Asked(b"date,close\n"), 11, 10**11) == b"date,close\n"
    assert 11 < max(asked) <= 11 + regular.MORE_BYTES
    assert min(asked) > 0

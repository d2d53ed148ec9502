from datetime import date

import numpy as np
import pytest

from forecast_assets.errors import LookAheadError
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes
from forecast_assets_tests.histories import make_history

HISTORY = make_history(40)


def slowly(history: History, cutoff: date, horizon: int) -> list[tuple[date | None, float | None]]:
    """The next sessions one by one, as far as there are any."""
    later = [
        (day, close)
        for day, close in zip(history.dates.tolist(), history.closes.tolist(), strict=True)
        if day > cutoff
    ]
    return [*later[:horizon], *[(None, None)] * (horizon - len(later))]


@pytest.mark.parametrize("horizon", [1, 3, 14, 60])
def test_column_k_is_the_kth_session_after_the_cutoff(horizon: int) -> None:
    gaps = np.delete(np.arange(40), [3, 17, 18, 35])  # holidays
    history = History("Coffee", HISTORY.dates[gaps], HISTORY.closes[gaps])
    cutoffs: list[date] = history.dates.tolist()
    happened = Outcomes.after(history, cutoffs, horizon)
    for row, cutoff in enumerate(cutoffs):
        expected = slowly(history, cutoff, horizon)
        assert happened.sessions[row].tolist() == [day for day, _ in expected]
        closes = [None if np.isnan(x) else x for x in happened.closes[row].tolist()]
        assert closes == [close for _, close in expected]
        assert happened.known[row] == sum(day is not None for day, _ in expected)


def test_what_is_known_ends_a_row_as_it_ended_the_data() -> None:
    newest, before = HISTORY.newest, HISTORY.dates[-3].item()
    happened = Outcomes.after(HISTORY, [newest, before], 5)
    assert happened.known.tolist() == [0, 2]
    assert np.isnan(happened.closes).tolist() == [[True] * 5, [False] * 2 + [True] * 3]
    assert np.isnat(happened.sessions).tolist() == [[True] * 5, [False] * 2 + [True] * 3]


def test_a_cutoff_that_is_no_session_is_refused() -> None:
    with pytest.raises(ValueError, match="2018-01-06 is not a session"):
        Outcomes.after(HISTORY, [date(2018, 1, 6)], 3)
    with pytest.raises(LookAheadError):
        Outcomes.after(HISTORY, [date(2030, 1, 1)], 3)


def test_nothing_after_no_cutoff() -> None:
    for happened in (Outcomes.none(3), Outcomes.after(HISTORY, [], 3)):
        assert (happened.cutoffs, happened.sessions.shape, happened.closes.shape) == (
            [],
            (0, 3),
            (0, 3),
        )
        assert happened.known.tolist() == []

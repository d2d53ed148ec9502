"""What is asked of columns is what a loop over the records says."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.evaluation.assessment import gone, lacking_scores
from forecast_assets.evaluation.records import ScoredForecast
from forecast_assets.evaluation.scored_forecasts import ScoredForecasts
from forecast_assets.forecast.forecasting import moved, unsettled, withdrawn
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.forecast.staleness import are_stale
from forecast_assets.timeline.sessions import FROM_DATA
from forecast_assets.timeline.window import Window
from forecast_assets_tests.histories import make_history

AT = datetime(2024, 1, 1)  # noqa: DTZ001 - the tables keep UTC without a zone
HISTORY = make_history(12)
DAYS: list[date] = HISTORY.dates.tolist()
CLOSES: list[float] = HISTORY.closes.tolist()
HORIZON = 3
WINDOW = Window("Coffee", DAYS[3], DAYS[-1] + timedelta(days=9))
ORIGINS = WINDOW.origins(HISTORY, FROM_DATA)
STARTS = dict(pairwise(DAYS)) | {each.cutoff: each.start for each in ORIGINS}
SUNDAY = DAYS[4] + timedelta(days=2)
"""A day that is no session."""


def came(day: date) -> list[float]:
    """The closes after a session."""
    place = DAYS.index(day)
    return CLOSES[place + 1 : place + 1 + HORIZON]


def told(day: date) -> list[float | None]:
    """The outcome that the tables should have."""
    known = [float(np.float32(close)) for close in (came(day) if day in DAYS else [])]
    return [*known, *[None] * (HORIZON - len(known))]


def right(name: str, day: date) -> IssuedForecast:
    """A forecast that is as it should be."""
    place, start = (DAYS.index(day), STARTS[day]) if day in DAYS else (0, DAYS[5])
    prints = HISTORY.fingerprints[place]
    return IssuedForecast(name, "id", DAYS[3], day, start, "sha", prints, 5, AT, told(day), 1.5)


def scored(forecast: IssuedForecast) -> ScoredForecast:
    """The scores of a forecast, as they should be."""
    day = forecast.data_cutoff_date
    close, closes = (CLOSES[DAYS.index(day)], came(day)) if day in DAYS else (1.0, [1.0])
    start, at = forecast.forecast_start_date, forecast.generation_timestamp
    return ScoredForecast(forecast.model_name, day, start, at, close, closes or [9.0])


CHANGES = {
    "history_fingerprint": "another",
    "forecast_start_date": DAYS[-1] + timedelta(days=30),
    "outcome": None,
    "generation_timestamp": AT + timedelta(microseconds=1),
    "cutoff_close": None,
    "": None,
}
KEYS = st.lists(st.tuples(st.sampled_from("cab"), st.sampled_from([*DAYS, SUNDAY])), unique=True)


def changed(record: object, name: str) -> dict[str, object]:
    """The values of a record, one of them perhaps another."""
    values = {field: getattr(record, field) for field in record.__dataclass_fields__}  # type: ignore[attr-defined]
    return values | ({name: CHANGES[name]} if name else {})


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[list[IssuedForecast], list[ScoredForecast]]:
    """Forecasts and scores in any order, of which some are not as they should be."""
    change = st.sampled_from(sorted(CHANGES))
    issued = [IssuedForecast(**changed(right(*key), draw(change))) for key in draw(KEYS)]  # type: ignore[arg-type]
    scores = [scored(each) for each in issued if draw(st.booleans())]
    others = [scored(right(*key)) for key in draw(KEYS)]
    there = {(each.model_name, each.data_cutoff_date): each for each in (*others, *scores)}
    return issued, list(there.values())


def in_order(records: Sequence[IssuedForecast]) -> list[IssuedForecast]:
    return sorted(records, key=lambda each: (each.model_name, each.data_cutoff_date))


@given(ledgers())
def test_columns_say_what_a_loop_over_records_says(
    ledger: tuple[list[IssuedForecast], list[ScoredForecast]],
) -> None:
    records, scores = ledger
    issued, known = IssuedForecasts.of(records), ScoredForecasts.of(scores)
    assert list(issued) == in_order(records)
    sessions = [each for each in in_order(records) if each.data_cutoff_date in DAYS]
    by_key = {(each.model_name, each.data_cutoff_date): each for each in scores}

    assert list(issued.only(are_stale(issued, HISTORY))) == [
        each
        for each in sessions
        if each.history_fingerprint != HISTORY.fingerprints[DAYS.index(each.data_cutoff_date)]
    ]
    assert withdrawn(HISTORY, issued) == sorted({x.data_cutoff_date for x in records} - {*DAYS})
    assert unsettled(HISTORY, issued, HORIZON) == sorted(
        {x.data_cutoff_date for x in sessions if x.outcome != told(x.data_cutoff_date)}
    )
    assert moved(HISTORY, ORIGINS, issued) == sorted(
        {
            (x.data_cutoff_date, STARTS[x.data_cutoff_date])
            for x in sessions
            if x.forecast_start_date != STARTS[x.data_cutoff_date]
        }
    )
    lacking = []
    for each in sessions:
        old, day = by_key.get((each.model_name, each.data_cutoff_date)), each.data_cutoff_date
        current = old is not None and (
            old.generation_timestamp == each.generation_timestamp
            and old.forecast_start_date == each.forecast_start_date
            and old.cutoff_close == CLOSES[DAYS.index(day)]
            and old.outcome == came(day)
        )
        if (old or came(day)) and not current:
            lacking.append(each)
    assert list(lacking_scores(HISTORY, issued, known, HORIZON)) == lacking
    there = {(each.model_name, each.data_cutoff_date) for each in sessions}
    assert {(x.model_name, x.data_cutoff_date) for x in gone(HISTORY, issued, known)} == (
        by_key.keys() - there
    )


def test_rows_and_stretches_of_rows_are_taken_as_of_a_list() -> None:
    records = [right(name, day) for name in "ab" for day in DAYS[:4]]
    issued = IssuedForecasts.of(reversed(records))
    assert [issued[3], issued[-1], *issued[2:5], *issued[::-3]] == [
        records[3],
        records[-1],
        *records[2:5],
        *records[::-3],
    ]
    assert list(issued.of_model("b")) == records[4:]
    assert (len(issued.of_model("c")), IssuedForecasts.of(issued) is issued) == (0, True)
    assert issued == records != issued[1:]
    assert not issued.outcomes.flags.writeable

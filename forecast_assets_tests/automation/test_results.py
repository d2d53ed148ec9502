"""Results: which notes and problems each says, and what makes a partition fail."""

import gc
import subprocess
import sys
import weakref
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from forecast_assets.automation.listener import Collector, Nobody
from forecast_assets.automation.results import Model, PageWritten, Published, Result, WindowForecast
from forecast_assets.forecast.forecasting import Forecasting
from forecast_assets.forecast.records import ModelFailure
from forecast_assets.market.lacking import Lacking
from forecast_assets.market.reception import Received
from forecast_assets.market.records import FileMerge, PriceChanges
from forecast_assets_tests import results
from forecast_assets_tests.records import draw, model
from forecast_assets_tests.results import BROKEN, DECLINED, HISTORY, WINDOW, refusal

REFUSED = "Coffee: Coffee.csv, line 7, column close: found 'x': not a number"


def test_refused_prices_are_a_problem_and_what_does_no_harm_is_a_note() -> None:
    read = results.prices_read(refusal(7))
    assert read.problems == [REFUSED]
    assert read.notes == ["Coffee: a footer"]
    assert not read.broken


def test_of_many_refusals_the_first_are_told_and_the_others_counted() -> None:
    read = results.prices_read(*(refusal(k, f"rule {k}") for k in range(1, 16)))
    assert len(read.problems) == 13
    assert read.problems[-1] == "Coffee: and 3 more refused values"


def test_a_source_that_may_be_half_a_file_is_a_problem() -> None:
    lacking = Lacking(between=[date(2020, 1, 2)], newest=[date(2020, 1, 3)], many=True)
    read = results.prices_read(changes=PriceChanges(0, 0, 0, 0, 2, lacking=lacking))
    assert read.problems == [lacking.problem("Coffee")]
    assert "is the file whole?" in read.problems[0]


def test_what_is_refused_of_a_landed_file_is_told_once_and_of_the_file() -> None:
    file = Received("a.csv", "accepted/a.csv", rejections=[refusal(7)], notes=["a footer"])
    rejected = Received("b.csv", "rejected/b.csv", reason="b.csv: no usable row")
    landed = results.files_landed(file, rejected)
    assert results.prices_landed(refusal(7)).problems == []
    assert landed.problems == [
        "b.csv: no usable row; it is now rejected/b.csv, with a note beside it",
        REFUSED,
    ]
    assert landed.notes == ["a footer"]


def test_of_many_files_the_one_that_withdrew_is_named() -> None:
    nothing = PriceChanges(1, 0, 0, 0, 0)
    withdrew = replace(nothing, taken_back=[date(2020, 1, 2), date(2020, 1, 3)])
    files = [
        Received(f"{name}.csv", f"accepted/{name}.csv", [FileMerge("Coffee", changes, False)])
        for name, changes in (("a", nothing), ("b", withdrew), ("c", nothing))
    ]
    assert results.files_landed(*files).notes == [
        "Coffee: b.csv withdrew 2 sessions, 2020-01-02, 2020-01-03, with the forecasts from there"
    ]
    whole = results.prices_landed()
    assert replace(whole, changes=withdrew).notes == []


def test_a_covariate_that_cannot_be_read_is_a_problem_and_one_without_values_a_note() -> None:
    joined = results.features_joined(refusal(7), missing={"rain": "rain.csv: no file"})
    unread = "rain.csv: no file; what is stored of it stays as it was"
    assert joined.problems == [REFUSED, unread]
    assert joined.notes == ["left out", "no value"]


@pytest.mark.parametrize(
    ("fitted", "kept", "failures", "broken"),
    [
        (1, 0, [BROKEN], ""),
        (0, 1, [BROKEN], ""),
        (0, 0, [DECLINED], ""),
        (0, 0, [BROKEN, DECLINED], f"no model could be fitted: {BROKEN.reason}"),
    ],
)
def test_a_window_without_models_is_broken_unless_all_declined(
    fitted: int, kept: int, failures: list[ModelFailure], broken: str
) -> None:
    assert results.trained(fitted, kept, *failures).broken == broken


def test_a_forecast_window_is_broken_by_a_model_that_broke_and_not_by_one_that_declined() -> None:
    assert results.forecast(DECLINED).broken == ""
    assert results.forecast(DECLINED, BROKEN).broken == BROKEN.reason


def test_forecasts_that_were_drawn_again_are_a_note() -> None:
    assert results.forecast().notes == [
        "Coffee: the forecast of naive from 2020-02-10 was drawn again: its last close was 100 and"
        " is 101 now"
    ]


def test_a_forecast_result_keeps_the_counts_and_no_path() -> None:
    outcome = Forecasting([], 4, [draw()], [DECLINED], kept=7, withdrawn=[date(2020, 1, 2)])
    found = WindowForecast.of(WINDOW, "v1.0", HISTORY, outcome, 12, None)
    assert (found.drawn, found.kept, found.withdrawn, found.rows) == (3, 7, 1, 12)
    assert found.changed
    paths = weakref.ref(outcome.draws[0])
    del outcome
    gc.collect()
    assert paths() is None


def test_a_model_is_told_of_without_its_payload() -> None:
    row = replace(model(), fit_metrics='{"warnings": ["odd"]}', parameters='{"mu": 0.25}')
    told = Model.of(row)
    assert (told.name, told.warnings, told.parameters) == ("naive", ("odd",), {"mu": 0.25})
    assert not [each for each in vars(told).values() if each == row.fitted_model_json]


def test_what_is_published_notes_the_commodities_that_went_and_the_page_its_warnings() -> None:
    assert Published({}, {}, {}, ["Tea: is no more"], ["Oats: ValueError"]).notes == [
        "Tea: is no more"
    ]
    assert PageWritten(["old prices"]).notes == ["old prices"]


def test_a_collector_gives_what_it_heard_once_and_in_order() -> None:
    collector, heard = Collector(), [results.trained(1), results.scored(), PageWritten([])]
    for each in heard:
        collector.hear(each)
    assert collector.take() == heard
    assert collector.take() == []
    collector.hear(heard[0])
    assert collector.take() == heard[:1]


def test_nobody_forgets() -> None:
    said: Result = results.scored()
    nobody = Nobody()
    nobody.hear(said)
    assert vars(nobody) == {}


def test_the_loop_and_its_results_load_no_dagster() -> None:
    code = (
        "import sys\n"
        "from forecast_assets.automation import listener, partition_loop\n"
        "sys.exit(any(name.partition('.')[0] == 'dagster' for name in sys.modules))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0

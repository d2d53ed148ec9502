"""Models and draws as records of the tables, made up without fitting or drawing."""

from datetime import date, datetime, timedelta

import numpy as np

from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import Draw, TrainedModel, Written

AT = datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001 - the tables keep UTC without a zone
WRITTEN = Written("Coffee", "v1.0", date(2024, 1, 1), AT, "a run")
DAYS = [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)]


def model(name: str = "naive", sha256: str = "one", second: int = 0) -> TrainedModel:
    return TrainedModel(
        model_id=f"Coffee_{name}_2024-01-01_v1.0",
        commodity="Coffee",
        model_name=name,
        model_version="v1.0",
        training_date=date(2024, 1, 1),
        training_start_date=date(2020, 1, 1),
        training_end_date=date(2023, 12, 29),
        training_samples=1000,
        options="{}",
        parameters="{}",
        fitted_model_json='{"state": 1.5e-7}',
        fitted_model_uri=None,
        payload_format="json",
        payload_schema_version=1,
        payload_sha256=sha256,
        model_size_bytes=17,
        data_fingerprint="data",
        library_versions="{}",
        fit_metrics="{}",
        fit_seconds=0.5,
        created_at=AT + timedelta(seconds=second),
        created_by="a run",
        is_active=True,
        year=2024,
        month=1,
    )


def draw(days: list[date] = DAYS, value: float = 1.0, n_paths: int = 4) -> Draw:
    paths = np.arange(len(days) * n_paths * 3, dtype=np.float32).reshape(len(days), n_paths, 3)
    starts = [date.fromordinal(day.toordinal() + 1) for day in days]
    paths += np.float32(value)
    points = points_of(in_order(paths))
    return Draw(model(), days, starts, ["print"] * len(days), [70.0] * len(days), paths, points)

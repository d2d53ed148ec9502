"""Saved states: what a payload may hold, checked before a model is made of it.

Each model declares beside itself the form of its state, as a class of fields with bounds. A state
within them can be drawn from in bounded time and memory, whoever wrote it.
"""

import re
from datetime import date
from typing import Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
)

from forecast_assets.errors import PayloadCorrupted

LONGEST_SAMPLE = 50_000
"""Most sessions that a sample may have: two centuries of trading days."""

LARGEST_TERMS = 5
"""Most terms of a lag polynomial."""

MOST_COVARIATES = 500
"""Most covariates of a model."""

FAULTS_TOLD = 3
"""How many faults of a state are told; the rest are counted."""

ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def as_day(written: Any) -> date:
    """The day that is written as YYYY-MM-DD. Raises ValueError."""
    if not isinstance(written, str) or not ISO_DAY.fullmatch(written):
        raise ValueError("a day is written YYYY-MM-DD")
    return date.fromisoformat(written)


def as_array(values: list[float]) -> NDArray[np.float64]:
    """The same numbers as an array, shape (n,)."""
    return np.array(values, dtype=np.float64)


Number = Annotated[float, Field(ge=-1e6, le=1e6)]
"""A number of the size that logarithms, returns and their multiples have."""

CovariateName = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(ge=0, le=1)]
Variance = Annotated[float, Field(ge=0, le=1e6)]
Day = Annotated[date, BeforeValidator(as_day)]
Terms = Annotated[list[Number], Field(max_length=LARGEST_TERMS), AfterValidator(tuple)]
"""Coefficients of a lag polynomial; a tuple once they are checked."""

Sample = Annotated[
    list[Number], Field(max_length=LONGEST_SAMPLE), FailFast(), AfterValidator(as_array)
]
"""A number for each session of a sample; an array once they are checked."""


class SavedState(BaseModel):
    """The form of a state: its keys and no others, of just these types, all numbers finite."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)

    def values(self) -> dict[str, Any]:
        """The checked values by name, from which the model's constructor makes it."""
        return {name: getattr(self, name) for name in type(self).model_fields}


Form = TypeVar("Form", bound=BaseModel)


def checked(form: type[Form], values: Any, what: str) -> Form:
    """Check what was read. Raises PayloadCorrupted, which names the first faults and their places.

    ``what``: what the values are, to begin the message with.
    """
    try:
        return form.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        told = [_told(fault["loc"], fault["msg"]) for fault in faults[:FAULTS_TOLD]]
        more = [f"{len(faults) - FAULTS_TOLD} more"] if len(faults) > FAULTS_TOLD else []
        raise PayloadCorrupted(f"{what}: {'; '.join([*told, *more])}") from error


def _told(place: tuple[int | str, ...], said: str) -> str:
    """A fault and its place; keys are shortened and printable, since a stranger named them."""
    where = ".".join(ascii(str(key)[:40])[1:-1] for key in place)
    said = said.removeprefix("Value error, ")
    return f"{where}: {said}" if where else said

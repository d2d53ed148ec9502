"""Layouts: the columns that a caller wants from a file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """The wanted columns of a file, in lower case.

    ``values``: columns with content. ``required``: columns without which the file is refused.
    ``labels``: columns that only say what a row belongs to, so that a row with nothing else counts
    as blank. ``prices``: whether columns are also recognised by vendors' names for prices.
    """

    values: tuple[str, ...]
    required: tuple[str, ...]
    labels: tuple[str, ...] = ()
    prices: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read: values and labels."""
        return (*self.values, *self.labels)

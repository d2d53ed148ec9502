"""The columns that are wanted of a file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """The columns of a file, in lower case.

    ``values`` are what a row says, ``labels`` only say whose it is: a row of labels alone is blank.
    ``prices``: whether columns may be known by what vendors call those of prices, too.
    """

    values: tuple[str, ...]
    required: tuple[str, ...]
    labels: tuple[str, ...] = ()
    prices: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return (*self.values, *self.labels)

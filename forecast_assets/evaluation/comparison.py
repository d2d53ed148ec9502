"""Two forecasts laid over each other: what they say of the same sessions, and why it differs.

A cause is named only if the tables show it: another close, interval, model or history. How much of
a change each of them made is not told, since the tables do not show that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

Kind = Literal[
    "price moved",
    "volatility moved",
    "model retrained",
    "other model published",
    "data revised",
    "drawn again",
]


@dataclass(frozen=True)
class Said:
    """What a forecast says of one session, in the commodity's unit.

    ``session``: None if the tables do not know the day. ``actual``: the close that came, or None.
    """

    session: date | None
    day_ahead: int
    median: float
    lower_80: float
    upper_80: float
    actual: float | None

    @property
    def width(self) -> float:
        """The width of the 80 % interval."""
        return self.upper_80 - self.lower_80


@dataclass(frozen=True)
class Statement:
    """A forecast in the tables: what it was made from, and what it says, by session ahead.

    ``close``: the close at the cutoff that it was drawn from; None if the tables do not know.
    ``is_stale``: whether its history was revised since. ``revised``: the first and last session of
    the closes among that, or None. ``drawn_again``: the reasons why it was drawn again so far.
    """

    model_name: str
    model_version: str
    cutoff: date
    close: float | None
    training_date: date
    payload_sha256: str
    ahead: Sequence[Said]
    is_stale: bool = False
    revised: tuple[date, date] | None = None
    drawn_again: Sequence[str] = ()

    @property
    def model(self) -> str:
        """The model and its version."""
        return f"{self.model_name} {self.model_version}"


@dataclass(frozen=True)
class Target:
    """What two forecasts say of one session."""

    session: date
    earlier: Said
    newest: Said

    @property
    def change(self) -> float:
        """By how much the median moved."""
        return self.newest.median - self.earlier.median

    @property
    def actual(self) -> float | None:
        """The close that came; None where there is none yet."""
        return self.newest.actual


@dataclass(frozen=True)
class Cause:
    """A difference between two forecasts that the tables show; ``found``: a text for users."""

    kind: Kind
    found: str


@dataclass(frozen=True)
class Comparison:
    """Two forecasts of one commodity."""

    earlier: Statement
    newest: Statement

    @cached_property
    def targets(self) -> list[Target]:
        """The sessions of which both say something, in order."""
        said = {each.session: each for each in self.earlier.ahead}
        return [
            Target(each.session, said[each.session], each)
            for each in sorted(self.newest.ahead, key=lambda each: each.day_ahead)
            if each.session is not None and each.session in said
        ]

    @property
    def price_change(self) -> float | None:
        """The change of the close at the cutoff, as a share; None if it cannot be told."""
        return _share(self.earlier.close, self.newest.close)

    @property
    def width_change(self) -> tuple[int, float] | None:
        """The change of the 80 % interval's width, as a share, and the session ahead it is of.

        Both widths are of the last session ahead that both have, since an interval is narrower the
        nearer its session is. They are measured in shares of the closes, since an interval of the
        same volatility is wider at a higher price, unless a close is not above zero. None if it
        cannot be told.
        """
        widths = {each.day_ahead: each.width for each in self.earlier.ahead}
        last = [each for each in self.newest.ahead if each.day_ahead in widths]
        if not last:
            return None
        at = max(last, key=lambda each: each.day_ahead)
        before, after = widths[at.day_ahead], at.width
        if self.in_shares:
            before, after = before / self._closes[0], after / self._closes[1]
        change = _share(before, after)
        return None if change is None else (at.day_ahead, change)

    @property
    def in_shares(self) -> bool:
        """Whether widths are measured in shares of the closes."""
        return len(self._closes) == 2 and min(self._closes) > 0

    @property
    def _closes(self) -> list[float]:
        both = (self.earlier.close, self.newest.close)
        return [close for close in both if close is not None]

    @property
    def causes(self) -> list[Cause]:
        """What differs between the two forecasts, as far as the tables show it."""
        is_same = self.earlier.model == self.newest.model
        found: tuple[tuple[Kind, str], ...] = (
            ("price moved", self._price()),
            ("volatility moved", self._width() if is_same else ""),
            ("other model published", "" if is_same else self._other_model()),
            ("model retrained", self._retrained() if is_same else ""),
            ("data revised", self._revised()),
            ("drawn again", self._drawn_again()),
        )
        return [Cause(kind, text) for kind, text in found if text]

    def moved(self, unit: str) -> str | None:
        """By how much the median moved, in words; None if there is no common session.

        The session is the last of which both say something.
        """
        if not self.targets:
            return None
        last = self.targets[-1]
        share = _share(last.earlier.median, last.newest.median)
        return (
            f"the median for {last.session} is {last.newest.median:.6g} {unit}, and was"
            f" {last.earlier.median:.6g} in the forecast from {self.earlier.cutoff}:"
            f" {last.change:+.4g}{'' if share is None else f' ({share * 100:+.1f} %)'}"
        )

    def _price(self) -> str:
        before, after = self.earlier.close, self.newest.close
        if before is None or after is None or before == after:
            return ""
        change = self.price_change
        share = "" if change is None else f" ({change * 100:+.1f} %)"
        return (
            f"the close was {before:.10g} on {self.earlier.cutoff} and {after:.10g} on"
            f" {self.newest.cutoff}{share}"
        )

    def _width(self) -> str:
        if self.width_change is None or self.width_change[1] == 0:
            return ""
        day_ahead, change = self.width_change
        of = ", in % of the close," if self.in_shares else ""
        return (
            f"the 80 % interval {day_ahead} sessions ahead{of} is {abs(change) * 100:.1f} %"
            f" {'wider' if change > 0 else 'narrower'}"
        )

    def _other_model(self) -> str:
        names = f"{self.newest.model}, and before that {self.earlier.model}"
        return "; ".join(text for text in (names, self._width()) if text)

    def _retrained(self) -> str:
        before, after = self.earlier, self.newest
        if before.payload_sha256 == after.payload_sha256:
            return ""
        if before.training_date == after.training_date:
            return f"{after.model} was fitted again for {after.training_date}"
        dates = f"of {after.training_date}, and before that of {before.training_date}"
        return f"the model is that {dates}"

    def _revised(self) -> str:
        if not self.earlier.is_stale or self.newest.is_stale:
            return ""
        if self.earlier.revised is None:
            return f"a covariate was revised after the forecast from {self.earlier.cutoff}"
        first, last = self.earlier.revised
        days = f"{first}" if first == last else f"sessions from {first} to {last}"
        return f"the close of {days} was revised after the forecast from {self.earlier.cutoff}"

    def _drawn_again(self) -> str:
        return "; ".join(
            f"the forecast from {each.cutoff}, since it was first issued: {why}"
            for each in (self.earlier, self.newest)
            for why in each.drawn_again
        )


def _share(before: float | None, after: float | None) -> float | None:
    """A change as a share of what was before; None unless that is above zero."""
    if before is None or after is None or before <= 0:
        return None
    return after / before - 1

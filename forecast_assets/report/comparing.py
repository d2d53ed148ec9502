"""Comparing two forecasts of a commodity: choosing them, and reading what the tables say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from forecast_assets.evaluation.comparison import Comparison, Statement
from forecast_assets.evaluation.records import Publication
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.store.contract import Store
from forecast_assets.store.statements import statement
from forecast_assets.timeline.sessions import ONE_DAY


@dataclass(frozen=True)
class Comparing:
    """Compares forecasts of one commodity and version; ``stale``: which of them are stale."""

    store: Store
    commodity: str
    model_version: str
    stale: Sequence[IssuedForecast]

    def compare(self, earlier: Publication, newest: Publication) -> Comparison:
        """What two forecasts say, and what differs between them.

        The publications need not be in the tables; their model and cutoff name the forecasts.
        Raises ModelNotFound if one of these is not in the tables.
        """
        with self.store.reading():  # opens the tables once
            return Comparison(self._statement(earlier), self._statement(newest))

    def since_before(self, shelf: Sequence[Publication], newest: Publication) -> Comparison | None:
        """The newest published forecast and the one before it; None if it is the first."""
        earlier = earlier_of(shelf, newest, newest.data_cutoff_date - ONE_DAY)
        return self.compare(earlier, newest) if earlier else None

    def _statement(self, of: Publication) -> Statement:
        model, cutoff = of.model_name, of.data_cutoff_date
        with self.store.reading() as tables:
            found = statement(tables, self.commodity, model, self.model_version, cutoff)
        stale = {(each.model_name, each.data_cutoff_date) for each in self.stale}
        return replace(found, is_stale=(model, cutoff) in stale)


def earlier_of(shelf: Sequence[Publication], newest: Publication, day: date) -> Publication | None:
    """The last publication before the newest whose cutoff is ``day`` or before; None without any.

    Of several from one cutoff it is that of the newest one's model, or else the first by name.
    """
    there = [x for x in shelf if x.data_cutoff_date <= day < newest.data_cutoff_date]
    if not there:
        return None
    cutoff = max(each.data_cutoff_date for each in there)
    of_day = [each for each in there if each.data_cutoff_date == cutoff]
    return min(of_day, key=lambda each: (each.model_name != newest.model_name, each.model_name))

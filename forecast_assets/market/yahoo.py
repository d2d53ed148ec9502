"""Yahoo Finance: unadjusted daily bars, read with yfinance."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from forecast_assets.configuration.sections import PLAUSIBLE, Bounds
from forecast_assets.errors import SourceError
from forecast_assets.market.live import Asker, NotAnswered
from forecast_assets.market.observations import Observations
from forecast_assets.market.plausible import Plausible
from forecast_assets.market.price_contract import COLUMNS, PRICES, admitted
from forecast_assets.market.refusals import first_of, harmful, notes_of
from forecast_assets.market.rows import Rejection

NO_FOLDER = Path(__file__) / "none"
"""A path where no folder can be made, so that yfinance cannot keep its pickled cookies there."""


@dataclass(frozen=True)
class YahooFinance:
    """Prices from Yahoo Finance. ``base_url``: the address of a host to ask instead of Yahoo's."""

    asker: Asker
    base_url: str | None = None

    def read(
        self, name: str, symbol: str, since: date | None, final: date, bounds: Bounds = PLAUSIBLE
    ) -> Observations:
        """Bars up to ``final``; a bar without a close counts as a holiday. Raises SourceError."""
        bars = self._bars(name, symbol, since)
        days = pd.DatetimeIndex(bars.index).tz_localize(None).normalize()
        rows = bars.rename(columns=str.lower).assign(date=days).reset_index(drop=True)
        rows = rows.reindex(columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[1:], "float64"))
        known = rows[rows["date"] <= pd.Timestamp(final)]
        traded = known[known["close"].notna()]
        places = traded.astype("str").assign(file=f"yahoo:{symbol}", line=traded.index + 1)
        rejections: list[Rejection] = []
        plausible = _plausible(name, traded, places, Plausible(name, bounds), rejections)
        prices = admitted(name, plausible, places, rejections)
        if prices.empty:
            raise SourceError(
                f"{name}: Yahoo has no price of {symbol} from {since} to {final}"
                f"{first_of(harmful(rejections))}"
            )
        without_close = len(known) - len(traded)
        return Observations(
            name,
            f"yahoo:{symbol}",
            prices,
            harmful(rejections),
            without_close,
            complete=False,
            notes=notes_of(rejections),
        )

    def _bars(self, name: str, symbol: str, since: date | None) -> pd.DataFrame:
        try:
            import yfinance
            from curl_cffi.requests.exceptions import RequestException
            from yfinance.exceptions import YFException
        except ImportError as error:
            raise SourceError(
                f"{name}: Yahoo Finance needs pip install 'forecast_assets[yahoo]'"
            ) from error
        yfinance.set_tz_cache_location(str(NO_FOLDER))
        yfinance.config.debug.hide_exceptions = False
        span = {"start": since.isoformat()} if since else {"period": "max"}
        try:
            ticker = yfinance.Ticker(symbol, session=patient_session(self.asker, self.base_url))
            bars: pd.DataFrame = ticker.history(
                **span,
                interval="1d",
                auto_adjust=False,
                actions=False,
                keepna=True,
                timeout=self.asker.fetch.timeout_seconds,
            )
        except NotAnswered as error:
            raise SourceError(
                f"{name}: Yahoo does not answer for {symbol}: {error}; it is asked again at the"
                " next fetch"
            ) from error
        except (YFException, RequestException, ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"{name}: Yahoo's answer for {symbol} holds no prices: {error}; is"
                f" commodities.{name}.source.symbol right?"
            ) from error
        return bars


def _plausible(
    name: str,
    bars: pd.DataFrame,
    places: pd.DataFrame,
    bounds: Plausible,
    rejections: list[Rejection],
) -> pd.DataFrame:
    """The bars within bounds; the others are refused."""
    within = bars.assign(date=bounds.late_enough(name, places, bars["date"], rejections))
    for column in PRICES:
        within[column] = bounds.near_enough(name, places, bars[column], rejections)
    return within[within["date"].notna() & within["close"].notna()]


def patient_session(asker: Asker, base_url: str | None) -> Any:
    """A session for yfinance that sends requests by ``asker``, to ``base_url`` if that is set."""
    from curl_cffi.requests import Session
    from curl_cffi.requests.exceptions import RequestException

    class Patient(Session):  # type: ignore[type-arg]
        def request(self, method: Any, url: str, *args: Any, **options: Any) -> Any:
            place = url if base_url is None else f"{base_url}/{url.partition('://')[2]}"
            ask = super().request

            def send(seconds: float) -> Any:
                return ask(method, place, *args, **(options | {"timeout": seconds}))

            return asker.ask(send, RequestException)

    return Patient(impersonate="chrome")

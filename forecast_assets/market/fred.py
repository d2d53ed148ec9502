"""FRED: daily series of the Federal Reserve Bank of St. Louis, read from its public CSV files."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from forecast_assets.configuration.sections import PLAUSIBLE, Bounds
from forecast_assets.errors import SourceError
from forecast_assets.market.deadline import answer_within
from forecast_assets.market.live import Asker, NotAnswered
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.market.refusals import first_of
from forecast_assets.market.rows import Rejection
from forecast_assets.market.sources import observed

HOST = "https://fred.stlouisfed.org"

MOST_BYTES = 10_000_000
"""A longer answer is not read; a daily series of sixty years has 300,000 bytes."""

PART_BYTES = 65_536


@dataclass(frozen=True)
class Reply:
    """What FRED answers."""

    status_code: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Fred:
    """Prices from FRED. ``base_url``: the address of the service."""

    asker: Asker
    base_url: str = HOST

    def read(
        self, name: str, symbol: str, since: date | None, final: date, bounds: Bounds = PLAUSIBLE
    ) -> Observations:
        """A series up to ``final``; days without a value count as holidays. Raises SourceError."""
        text = self._ask(name, symbol, since)
        try:
            lines = list(csv.reader(io.StringIO(text)))
        except csv.Error as error:
            raise SourceError(
                f"{name}: FRED's answer for {symbol} is no series: {error}; it is asked again at"
                " the next fetch"
            ) from error
        header = [field.strip() for field in lines[0]] if lines else []
        if len(header) != 2 or header[1] != symbol:
            raise SourceError(
                f"{name}: FRED's answer for {symbol} is not that series: found"
                f" {text[:60]!r}; see commodities.{name}.source.series"
            )
        rows = pd.DataFrame(
            [(*line[:2], place) for place, line in enumerate(lines[1:], start=2) if len(line) > 1],
            columns=["date", "close", "line"],
        )
        rows = rows.assign(file=f"fred:{symbol}").reindex(columns=[*COLUMNS, "file", "line"])
        texts = rows.astype(dict.fromkeys(COLUMNS, "string")).fillna("")
        known = texts[texts["date"].str.slice(0, 10) <= final.isoformat()]
        rejections: list[Rejection] = []
        found = observed(
            name,
            f"fred:{symbol}",
            known,
            final,
            Meaning(bounds=bounds),
            rejections,
            complete=False,
        )
        if found.prices.empty:
            raise SourceError(
                f"{name}: FRED has no value of {symbol} from {since} to {final}"
                f"{first_of(found.rejections)}"
            )
        return found

    def _ask(self, name: str, symbol: str, since: date | None) -> str:
        try:
            import requests
        except ImportError as error:
            raise SourceError(f"{name}: FRED needs pip install 'forecast_assets[fred]'") from error
        asked = {"id": symbol} | ({"cosd": since.isoformat()} if since else {})
        place = f"{self.base_url}/graph/fredgraph.csv"

        def reply(seconds: float) -> Reply:
            with requests.get(place, params=asked, timeout=seconds, stream=True) as answer:
                content = b""
                for part in answer.iter_content(PART_BYTES):
                    content += part
                    if len(content) > MOST_BYTES:
                        raise SourceError(
                            f"{name}: FRED's answer for {symbol} has more than {MOST_BYTES:,}"
                            f" bytes; is commodities.{name}.source.series right?"
                        )
                text = content.decode(errors="replace")
                return Reply(answer.status_code, answer.headers, text)

        try:
            answer: Reply = self.asker.ask(
                lambda seconds: answer_within(seconds, lambda: reply(seconds)),
                requests.RequestException,
            )
        except NotAnswered as error:
            raise SourceError(
                f"{name}: FRED does not answer for {symbol}: {error}; it is asked again at the"
                " next fetch"
            ) from error
        if answer.status_code != 200:
            raise SourceError(
                f"{name}: FRED answers {symbol} with status {answer.status_code}; is"
                f" commodities.{name}.source.series right?"
            )
        return answer.text

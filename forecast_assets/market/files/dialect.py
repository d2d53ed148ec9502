"""The delimiter of a text: the character that divides its lines into rows of a day and numbers."""

import csv
import io
import re

from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files.header import DAY_NAMES, comparable, is_row

DELIMITERS = (",", ";", "\t", "|")

SAMPLE = 1 << 16
"""How many characters of a text are looked at."""

ROWS = 400
"""How many rows of a text are looked at."""

SAID = re.compile(r'"?sep=(.)"?\r?\n')
"""A first line that names the delimiter, for Excel."""

DAYS = {name for names in DAY_NAMES for name in names}


def delimiter_of(text: str) -> str:
    """The delimiter of a text; a comma if no delimiter gives rows.

    If the first line has a column `date` between commas, it is a comma. Otherwise each delimiter is
    tried, and the one that gives the most rows with a day and a number is taken; without such rows
    it is the one that gives a header with a name of the day. Raises UnclearFormat if two delimiters
    are equally good.
    """
    said = SAID.match(text)
    if said:
        return said[1]
    first, _, _ = text[:SAMPLE].partition("\n")
    if "date" in [field.strip(' \r"').lower() for field in first.split(",")]:
        return ","
    sample = text[:SAMPLE].rpartition("\n")[0] if len(text) > SAMPLE else text
    scores = {each: _score(sample, each) for each in DELIMITERS}
    best = max(scores.values())
    found = [each for each, score in scores.items() if score == best]
    if best == (0, 0):
        return ","
    if len(found) > 1:
        named = " and ".join(map(repr, found))
        raise UnclearFormat(f"may be separated by {named}", "delimiter")
    return found[0]


def _score(sample: str, delimiter: str) -> tuple[int, int]:
    """How many rows of several fields have a day and a number, and how many name a day's column."""
    rows = named = 0
    try:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        for number, fields in enumerate(reader):
            cells = [field.strip() for field in fields]
            rows += len(cells) > 1 and is_row(cells)
            named += len(cells) > 1 and any(comparable(cell) in DAYS for cell in cells if cell)
            if number > ROWS:
                break
    except csv.Error:
        return 0, 0
    return rows, named

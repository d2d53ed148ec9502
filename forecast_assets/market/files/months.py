"""Names of months in the languages of vendors' files: 22-janv.-2026, 22. Mrz 2026."""

import re
import unicodedata
from functools import lru_cache

ENGLISH = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

OTHERS = (
    "januar jänner janvier enero gennaio janeiro januari",
    "februar feber février febrero febbraio fevereiro februari",
    "märz mrz mars marzo março maart mrt",
    "april avril abril aprile",
    "mai mayo maggio maio mei",
    "juni juin junio giugno junho",
    "juli juillet julio luglio julho",
    "august août agosto augustus",
    "september septembre septiembre settembre setembro",
    "oktober octobre octubre ottobre outubro",
    "november novembre noviembre novembro",
    "dezember décembre diciembre dicembre dezembro december",
)
"""Names in German, French, Spanish, Italian, Portuguese and Dutch; one text for each month."""

LANGUAGES = "English, German, French, Spanish, Italian, Portuguese or Dutch"

SHORT = (3, 4)
"""How many letters an abbreviated name of a month may have."""

WORD = r"[^\W\d_]{3,10}"
"""A pattern for words that may be the name of a month."""


@lru_cache(maxsize=10_000)
def month_of(name: str) -> int | None:
    """The number of the month with this name; None if there is none, or if two months fit.

    An English name may be abbreviated to three letters or to ``sept``. A name in another language
    may be abbreviated to three or four letters, and its accents may be missing.
    """
    lower = name.casefold()
    short = len(lower) == 3 or lower == "sept"
    for number, month in enumerate(ENGLISH, 1):
        if lower == month or (short and month.startswith(lower)):
            return number
    plain, cut = _without_accents(lower), len(lower) in SHORT
    found = [
        number
        for number, names in enumerate(OTHERS, 1)
        if any(
            plain == month or (cut and month.startswith(plain))
            for month in _without_accents(names).split()
        )
    ]
    return found[0] if len(found) == 1 else None


def is_long(name: str) -> bool:
    """Whether a name is the full English name of a month, and not also its short form (May)."""
    return name.casefold() in ENGLISH and len(name) > 3


def in_english(text: str) -> str:
    """Replace names of months in other languages by the first three letters of the English name.

    strptime can read the result if the machine's language is English.
    """

    def translated(found: "re.Match[str]") -> str:
        month = month_of(found[0])
        return found[0] if month is None or is_long(found[0]) else ENGLISH[month - 1][:3]

    return re.sub(WORD, translated, text)


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))

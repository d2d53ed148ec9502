"""The months by their names in the languages of vendors' files: 22-janv.-2026, 22. Mrz 2026."""

import re
import unicodedata
from functools import cache

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
"""In German, French, Spanish, Italian, Portuguese and Dutch, from the first month on."""

LANGUAGES = "English, German, French, Spanish, Italian, Portuguese or Dutch"

SHORT = (3, 4)
"""Letters of a month's name that is cut."""

WORD = r"[^\W\d_]{3,10}"
"""What may be the name of a month."""


@cache
def month_of(name: str) -> int | None:
    """The number of a month, None for a name that is none, or that two months begin with.

    In English it is the whole name or the first letters of it, three or those of ``sept``; in
    other languages the first three or four, and accents may be missing.
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
    """Whether a name is the whole of a month's in English, and no short form of it."""
    return name.casefold() in ENGLISH and len(name) > 3


def in_english(text: str) -> str:
    """A text with the months of other languages by the first three letters of their English name.

    So strptime reads them, whatever the language of the machine.
    """

    def translated(found: "re.Match[str]") -> str:
        month = month_of(found[0])
        return found[0] if month is None or is_long(found[0]) else ENGLISH[month - 1][:3]

    return re.sub(WORD, translated, text)


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))

"""Text from outside: what people and programs wrote, made fit for a terminal, a log or a note.

File names, units, reasons, addresses and the messages of libraries may hold anything: escapes that
move a terminal's cursor, newlines that forge lines of a log, marks that turn the direction of a
text, and passwords in addresses.
"""

import re
import unicodedata
from urllib.parse import urlsplit

HIDDEN = "***"
"""What is shown in place of a secret."""

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories of characters that are no text: controls, marks of direction, halves of pairs,
private and unassigned ones, and separators of lines and paragraphs."""

SCHEME = r"[a-z][a-z0-9+.-]{0,30}://"
ADDRESS = re.compile(rf"({SCHEME})((?:(?!{SCHEME})\S)+)", re.IGNORECASE)
"""An address in a text, up to the next blank or address."""

AROUND = "'\")>]},;:"
"""What may follow an address in a text without being part of it."""

SECRET = (
    r"(?:token|secret|passw(?:or)?d|passphrase|signature|credential"  # noqa: S105 - a pattern
    r"|(?:api|access|account)[_-]?key)"
)
GIVEN = re.compile(rf"((?:{SECRET}|\bsig)[\w-]{{0,20}}=)[^\s&,;'\")\]}}]+", re.IGNORECASE)
NAMED = re.compile(
    rf"({SECRET}[\w-]{{0,20}}['\"]\s?:\s?)(?:'[^']*'|\"[^\"]*\"|[^\s,}}]+)", re.IGNORECASE
)
BEARER = re.compile(r"(bearer\s+)[\w.~+/=-]{12,}", re.IGNORECASE)
NAMES_A_SECRET = re.compile(rf"{SECRET}|webhook|(?:^|[._-])key$", re.IGNORECASE)
"""What a key of a configuration is called if its value is a secret."""


SEGMENT = re.compile(r"/(?:[^/:]*:|(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[^/]{20})[^/]*")
"""A part of a path that may be a secret: with a colon, or long with digits and letters."""


def plain(text: str) -> str:
    r"""A text as one line of visible characters, without the secrets of addresses in it.

    Every other character is written as its escape in Python, such as ``\x1b`` or ``\n``.
    """
    return visible(masked(text))


def visible(text: str) -> str:
    """A text as one line of visible characters, with all that it says."""
    return text if text.isprintable() else "".join(map(_visible, text))


def is_plain(text: str) -> bool:
    """Whether a text is one line of visible characters."""
    return visible(text) == text


def masked(text: str) -> str:
    """A text without user names, passwords, queries and tokens in the addresses that it holds.

    In the path of an address of the web what looks like a webhook or a token is hidden.

    Values that are given to names such as ``token`` or ``password`` are hidden too.
    """
    shown = ADDRESS.sub(_without_secrets, text) if "://" in text else text
    shown = GIVEN.sub(rf"\g<1>{HIDDEN}", shown) if "=" in shown else shown
    shown = NAMED.sub(rf"\g<1>'{HIDDEN}'", shown) if ":" in shown else shown
    return BEARER.sub(rf"\g<1>{HIDDEN}", shown)


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters; what is cut off is replaced by three dots."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def host_of(address: str) -> str:
    """An address without anything that may be a secret: its scheme and its host."""
    scheme, sign, rest = address.partition("://")
    if not sign:
        return HIDDEN
    try:
        host = urlsplit(f"{scheme}://{rest}").hostname or ""
    except ValueError:
        host = ""
    return f"{scheme}://{host or HIDDEN}/{HIDDEN}"


def _without_secrets(found: re.Match[str]) -> str:
    """An address in a text without its secrets."""
    scheme, rest = found.groups()
    bare = rest.rstrip(AROUND)
    after = rest[len(bare) :]
    head = re.split(r"[/?#]", bare, maxsplit=1)[0]
    if "@" in bare and ("@" in head or ":" in head):  # a password may hold slashes
        bare = f"{HIDDEN}@{bare.rpartition('@')[2]}"
    if "?" in bare:
        bare = f"{bare.partition('?')[0]}?{HIDDEN}"
    if scheme.lower().startswith("http") and re.search(r"hook|/services/", bare, re.IGNORECASE):
        bare = f"{bare.partition('/')[0]}/{HIDDEN}"
    elif scheme.lower().startswith("http"):
        bare = SEGMENT.sub(f"/{HIDDEN}", bare)
    return f"{scheme}{bare}{after}"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in UNSEEN:
        return character
    return character.encode("unicode_escape").decode("ascii")

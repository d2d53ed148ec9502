"""Text from outside as one printable line, for names, notes, metadata and the terminal.

A file's name is any bytes but a slash, and a cell may hold anything: newlines, escape sequences,
bytes that are not UTF-8.
"""


def printable(text: str) -> str:
    """A text in one line of printable characters.

    Each other character becomes ``%`` and two hexadecimal digits for each of its bytes, as in web
    addresses.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    try:
        raw = letter.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair, which is no byte of a file's name
        raw = letter.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in raw)


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters; what is cut off is replaced by three dots."""
    return text if len(text) <= most else f"{text[: most - 3]}..."

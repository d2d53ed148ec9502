"""Long texts of files, cut so that a line can hold them."""


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters; what is cut off is replaced by three dots."""
    return text if len(text) <= most else f"{text[: most - 3]}..."

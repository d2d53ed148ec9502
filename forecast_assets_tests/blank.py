"""Blank images in place of drawn ones, for runs of which nobody looks at the pictures.

To draw its pictures takes a third of the time of a run in a test.
"""

from functools import cache
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

DRAWING = Figure.savefig
"""What really draws a picture."""


def save(figure: Figure, file: BytesIO, *, dpi: float, **_: Any) -> None:
    """Write an image of the size that ``Figure.savefig`` would give it, with nothing in it."""
    width, height = (figure.get_size_inches() * dpi).astype(int).tolist()
    file.write(_encoded(width, height))


@cache
def _encoded(width: int, height: int) -> bytes:
    """A white image as PNG."""
    image = BytesIO()
    Image.new("RGB", (width, height), "white").save(image, format="png")
    return image.getvalue()

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


def save(figure: Figure, file: BytesIO, **_: Any) -> None:
    """Write an image of one white pixel; what is said of its size is still the figure's."""
    file.write(_encoded())


@cache
def _encoded() -> bytes:
    """The image as PNG."""
    image = BytesIO()
    Image.new("RGB", (1, 1), "white").save(image, format="png")
    return image.getvalue()

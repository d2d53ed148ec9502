"""Blank paper in place of figures, for runs of which nobody looks at the pictures.

To draw its pictures takes a half of the time of a run in a test, and most of that is spent on what
matplotlib keeps of each line, tick and text before anything is drawn.
"""

from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

FIGURE = Figure
"""What really draws a picture."""


class Paper:
    """A figure with its axes, spines and labels: takes all that is drawn on it, and stays white.

    What is drawn is computed as for a figure, and so is the size of the image.
    """

    def __init__(self, figsize: tuple[float, float], **_: Any) -> None:
        """Take a sheet of so many inches."""
        self._inches = np.array(figsize)
        self.axes = [self]

    def get_size_inches(self) -> NDArray[np.float64]:
        """Width and height."""
        return self._inches

    def subplots(self, rows: int = 1, columns: int = 1, *, squeeze: bool = True, **_: Any) -> Any:
        """So many axes, as a figure returns them."""
        grid = np.empty((rows, columns), dtype=object)
        grid.fill(self)
        return grid.squeeze()[()] if squeeze else grid

    def get_legend_handles_labels(self) -> tuple[list[Any], list[str]]:
        """Nothing is named."""
        return [], []

    def findobj(self, _: type) -> list[Any]:
        """Nothing is kept."""
        return []

    def savefig(self, file: BytesIO, **_: Any) -> None:
        """Write an image of one white pixel."""
        file.write(_encoded())

    def __getattr__(self, name: str) -> "Paper":
        """Whatever belongs to a figure is on the same paper."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _: Any) -> "Paper":
        """Some of what is on it."""
        return self

    def __call__(self, *_: Any, **__: Any) -> "Paper":
        """Draw something."""
        return self


@cache
def _encoded() -> bytes:
    """The image as PNG."""
    image = BytesIO()
    Image.new("RGB", (1, 1), "white").save(image, format="png")
    return image.getvalue()

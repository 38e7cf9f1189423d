"""What all drawings share: a PNG with its caption and its text, and the canvas that it is drawn on."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Complex = npt.NDArray[np.complexfloating]
Real = npt.NDArray[np.floating]

FONT_PT = 10
BLUE, ORANGE = "#0072b2", "#d55e00"
_WIDTH_INCH, _DPI = 4.7, 150


@dataclass(frozen=True)
class Drawing:
    """A PNG, what it is, and what it shows in numbers."""

    png: bytes
    caption: str
    alt: str


def png(height_inch: float, fill: Callable[[Figure], None]) -> bytes:
    """Return a PNG without time or program name, so that equal arrays give equal bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    stream = io.BytesIO()
    with mpl.rc_context({"font.size": FONT_PT}):
        layout = ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.06)
        figure = Figure(figsize=(_WIDTH_INCH, height_inch), layout=layout, facecolor="white")
        FigureCanvasAgg(figure)
        fill(figure)
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()

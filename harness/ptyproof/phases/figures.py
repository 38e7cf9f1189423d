"""What all pictures share: figures that need no screen and leave no state, and their files.

Matplotlib draws without pyplot. The PNG holds no time and no program name, so equal arrays give equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ptyproof.io.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import LayoutEngine

Complex = npt.NDArray[np.complexfloating]
Real = npt.NDArray[np.floating]

FONT_PT = 10
BLUE, ORANGE = "#0072b2", "#d55e00"
_WIDTH_INCH, _DPI = 4.7, 150


@dataclass(frozen=True)
class Drawing:
    """A PNG, its caption, and its text alternative, which gives the numbers in it."""

    png: bytes
    caption: str
    alt: str


def new_figure(
    size_inch: tuple[float, float], layout: LayoutEngine | Literal["constrained"] = "constrained", **options: Any
) -> Figure:
    """Return an empty figure of this width and height; `options` are Matplotlib's."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_inch, layout=layout, **options)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path, dpi: int = 120) -> Path:
    """Write a figure as PNG, atomically, its folder made where it is missing; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi, metadata={"Software": None})
    return path


def png(height_inch: float, fill: Callable[[Figure], None]) -> bytes:
    """Return the PNG of a figure of the report, as wide as its column, which `fill` draws."""
    import matplotlib as mpl
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    stream = io.BytesIO()
    with mpl.rc_context({"font.size": FONT_PT}):
        layout = ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.06)
        figure = new_figure((_WIDTH_INCH, height_inch), layout, facecolor="white")
        fill(figure)
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()

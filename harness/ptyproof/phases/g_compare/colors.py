"""The color of each method, the same in every picture of a comparison."""

from __future__ import annotations

_COLORS = {
    "flat": "#7f7f7f",
    "start": "#bcbd22",
    "pinn": "#d62728",
    "lsqml": "#1f77b4",
    "start+lsqml": "#aec7e8",
    "pinn+lsqml": "#9467bd",
    "rpie": "#2ca02c",
    "epie": "#98df8a",
    "map": "#17becf",
    "map-tv": "#ff7f0e",
    "foundation": "#393b79",
    "cdtools": "#8c564b",
    "xptycho": "#e377c2",
}
_OTHER_COLORS = ("#000000", "#c49c94", "#dbdb8d")  # of methods of other packages


def color_of(method: str) -> str:
    """Return a method's color, the same in every picture; methods of other packages share a few."""
    return _COLORS.get(method) or _OTHER_COLORS[sum(method.encode()) % len(_OTHER_COLORS)]

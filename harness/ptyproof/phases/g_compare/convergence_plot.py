"""The picture of convergence: errors and loss of each iterative method against its epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ptyproof.metrics.protocol import LARGEST_CHANGE
from ptyproof.phases.figures import new_figure
from ptyproof.phases.g_compare.colors import color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ptyproof.phases.g_compare.cell import ComparedCell

_PANELS = (
    ("complex_nrmse", "complex NRMSE"),
    ("slow_phase_rad", "slow part of the phase error,\nroot mean square (rad)"),
)


def convergence(cells: Sequence[ComparedCell], title: str) -> Figure | None:
    """Draw the convergence of the iterative methods of a cell; None without such.

    Full circles: the method had converged. Without a truth there is the loss alone.
    """
    iterative = [cell for cell in cells if "convergence" in cell.entry]
    if not iterative:
        return None
    panels = [panel for panel in _PANELS if any(cell.entry["convergence"]["epochs"] for cell in iterative)]
    figure = new_figure((3.9 * (len(panels) + 1) + 2.2, 3.8))
    figure.suptitle(f"Convergence, {title}")
    axes = figure.subplots(1, len(panels) + 1, squeeze=False)[0]
    for cell in iterative:
        found, method = cell.entry["convergence"], cell.entry["method"]
        label = method if found["converged"] else f"{method}, not converged"
        for place, (key, _) in zip(axes, panels, strict=False):
            values = found["complex_nrmse"] if key == "complex_nrmse" else found["slow_phase_rad"]
            place.plot(found["epochs"], values, color=color_of(method), label=label, **_style(found["converged"]))
        losses = cell.result.losses
        last = abs(float(losses[-1])) or 1.0
        # relative to the last value, as methods have losses of different units
        rest = np.abs(losses / last - np.sign(losses[-1]))[:-1]
        axes[-1].plot(np.arange(1, len(losses)), rest, color=color_of(method), label=label)
        axes[-1].axvline(found["n_epochs"], color=color_of(method), lw=0.6, ls=":")
    for place, (_, label) in zip(axes, panels, strict=False):
        _label(place, label)
    _label(axes[-1], "|loss / last loss − 1|")
    axes[-1].axhline(LARGEST_CHANGE, color="0.3", lw=0.8, ls="--")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    return figure


def _style(converged: bool) -> dict[str, object]:
    return {"marker": "o", "ms": 4, "mfc": None if converged else "w"}


def _label(place: Axes, label: str) -> None:
    place.set(xlabel="epochs", ylabel=label, xscale="log", yscale="log")
    place.grid(alpha=0.3, which="both")

"""What a table over hubs shows: metrics, doses, views, methods, and the method that the others are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ptyproof.errors import InputError

USUAL_METRICS = ("complex_nrmse", "phase_ssim", "phase_mae", "amplitude_mae")


@dataclass(frozen=True)
class Choice:
    """What a table shows; None shows all.

    Parameters
    ----------
    metrics
        Metrics, in the order of the columns.
    doses, views, methods
        Doses in photons per pattern, names of views, names of methods.
    against
        The method that the others are compared with; it is shown although `methods` may not name it.
    """

    metrics: Sequence[str] = USUAL_METRICS
    doses: Sequence[float] | None = None
    views: Sequence[str] | None = None
    methods: Sequence[str] | None = None
    against: str | None = None

    def takes(self, cell: Mapping[str, Any]) -> bool:
        """Tell whether the table shows a cell of a comparison."""
        methods = None if self.methods is None else (*self.methods, self.against)
        wanted = ((self.doses, "dose"), (self.views, "view"), (methods, "method"))
        return all(values is None or cell[key] in values for values, key in wanted)

    def check(self, cells: Iterable[Mapping[str, Any]], metrics: Sequence[str]) -> None:
        """Make sure that the cells and metrics of the hubs have what is chosen.

        Raises
        ------
        InputError
            If they have not; the message names the option, its value and what there is.
        """
        known = {key: list(dict.fromkeys(cell[key] for cell in cells)) for key in ("dose", "view", "method")}
        against = None if self.against is None else [self.against]
        options: tuple[tuple[str, Sequence[Any] | None, Sequence[Any]], ...] = (
            ("--metric", self.metrics, metrics),
            ("--dose", self.doses, known["dose"]),
            ("--view", self.views, known["view"]),
            ("--method", self.methods, known["method"]),
            ("--against", against, known["method"]),
        )
        for option, wanted, allowed in options:
            for value in wanted or ():
                if value not in allowed:
                    raise InputError(f"{option} must be one of {', '.join(map(_text, allowed))}, got {_text(value)}")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

"""What a caller knows about a file of patterns that the file itself leaves open, and how to say it.

Every word here is a value of an argument of `read_dataset` and `import_foreign` and of an option of `ptyproof import`
and `ptyproof validate`, spelt the same in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ptyproof.errors import InputError

AxisOrder = Literal["nhw", "hwn"]
Values = Literal["amplitude", "intensity"]
ZeroFrequency = Literal["auto", "center", "corner", "top", "left"]
Saturated = Literal["refuse", "keep"]
ScanOrder = Literal["rows", "columns"]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "axis_order": ("nhw", "hwn"),
    "values": ("amplitude", "intensity"),
    "zero_frequency": ("auto", "center", "corner", "top", "left"),
    "saturated": ("refuse", "keep"),
    "scan_order": ("rows", "columns"),
}
_MAY_BE_OPEN = ("axis_order", "values", "scan_order")


@dataclass(frozen=True)
class Reading:
    """How a file is read; None leaves a question to what the arrays tell.

    Parameters
    ----------
    axis_order
        Pattern stacks are (n, H, W), "nhw", or (H, W, n), "hwn".
    values
        Patterns are "amplitude", or "intensity" (counts among them).
    zero_frequency
        Index of the zero frequency: "center" (H // 2, W // 2), "corner" (0, 0), "top" (0, W // 2), "left" (H // 2, 0).
        "auto" is what the layout says, or what the patterns show.
    saturated
        Pixels at the largest value of their type are refused ("refuse") or read as light ("keep").
    scan_order
        How positions (n,) run over patterns (ny, nx, H, W): "rows", nx fast, or "columns", ny fast. Positions of the
        shape (ny, nx) need no order.

    Raises
    ------
    InputError
        For a word that is not listed here.
    """

    axis_order: AxisOrder | None = None
    values: Values | None = None
    zero_frequency: ZeroFrequency = "auto"
    saturated: Saturated = "refuse"
    scan_order: ScanOrder | None = None

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed and not (value is None and name in _MAY_BE_OPEN):
                raise InputError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")

    def as_keywords(self) -> dict[str, Any]:
        """Return the keyword arguments of `read_dataset` and `import_foreign` that say the same."""
        return asdict(self)


UNSAID = Reading()


def say_which(name: str, *values: str) -> str:
    """Return the end of a sentence that asks for an argument: as an option of the commands, and as Python has it."""
    option = "--" + name.replace("_", "-")
    words = " or ".join(f"{option} {value}" for value in values)
    keywords = " or ".join(f"{name}='{value}'" for value in values)
    return f"say {'which' if values[1:] else 'so'} with {words} of `ptyproof import` (in Python {keywords})"

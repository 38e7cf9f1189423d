"""The doses of a call: those that are wanted of those that are there."""

from __future__ import annotations

from ptyproof.errors import InputError


def select_doses(available: tuple[float, ...], wanted: tuple[float, ...] | None) -> tuple[float, ...]:
    """Return the doses of `available` that are wanted, in their own order; None wants all.

    Raises
    ------
    InputError
        If a wanted dose is not available; lists those that are.
    """
    if wanted is None:
        return available
    for dose in wanted:
        if dose not in available:
            choices = ", ".join(f"{d:g}" for d in available)
            raise InputError(f"--dose must be one of {choices} (photons per pattern), got {dose:g}")
    return tuple(dose for dose in available if dose in wanted)

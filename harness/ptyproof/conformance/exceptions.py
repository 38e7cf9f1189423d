"""The checks that a method declares to fail, each with its reason: its attribute `conformance_exceptions`."""

from __future__ import annotations

from collections.abc import Mapping

from ptyproof.conformance.checks import CHECKS
from ptyproof.errors import InputError
from ptyproof.reconstruction.method import Method

# A method that reads the truth, changes its caller's arrays or writes into its caller's folders has no excuse.
WITHOUT_EXCEPTION = frozenset({"files", "writes", "input_unchanged", "bad_input"})


def declared_exceptions(method: Method) -> dict[str, str]:
    """Return the reason for each check that a method declares to fail.

    Raises
    ------
    InputError
        If `conformance_exceptions` does not map names of checks to reasons, or names a check that has no exception.
    """
    found = getattr(method, "conformance_exceptions", {})
    where = f"conformance_exceptions of the method {method.name}"
    if not isinstance(found, Mapping):
        raise InputError(f"{where} must map names of checks to reasons, got {type(found).__name__}")
    possible = [name for name in CHECKS if name not in WITHOUT_EXCEPTION]
    for check, reason in found.items():
        if check not in possible:
            raise InputError(f"{where} must name checks of {', '.join(possible)}, got {check!r}")
        if not isinstance(reason, str) or not reason.strip():
            raise InputError(f"{where} must have a reason for {check}, got {reason!r}")
    return dict(found)

"""The exception types of ptyproof, and the exit status that each of them means.

Everything that ptyproof raises on purpose derives from `PtyproofError`. The message is one sentence
that names the file or key, the value, and what was expected; the command line prints it as it is.
"""

from __future__ import annotations

from pathlib import Path


class PtyproofError(Exception):
    """Base of all errors that ptyproof raises on purpose: something failed while running (exit status 1)."""

    exit_status = 1


class InputError(PtyproofError):
    """A value, option or file that was handed in cannot be used; nothing was written (exit status 2)."""

    exit_status = 2


class DesignError(InputError):
    """A study design that is impossible: names the key, the value and what is allowed."""


class DataError(InputError):
    """A file that breaks its contract.

    Parameters
    ----------
    path
        The file.
    reason
        What is wrong, with the value and what was expected.
    member
        The array, JSON path or archive member that is at fault, where there is one.
    """

    def __init__(self, path: Path | str, reason: str, member: str | None = None) -> None:
        self.path = Path(path)
        self.member = member
        self.reason = reason
        where = str(path) if member is None else f"{path}: {member}"
        super().__init__(f"{where}: {reason}")


class ManifestError(DataError):
    """A manifest that is no strict JSON, or that its schema refuses."""


class RunError(PtyproofError):
    """A phase failed while it was running, after its input had been accepted."""

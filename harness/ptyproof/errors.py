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


INTERRUPTED = 130


def sentence_of(error: BaseException) -> tuple[str, int] | None:
    """Return the sentence that a command prints for an error, and its exit status; None for an error of our own making.

    The system's errors, such as a full disk, are none of ours, nor is running out of memory or being interrupted, nor
    whatever a package of an extra raises while it is imported.
    """
    if isinstance(error, PtyproofError):
        return str(error), error.exit_status
    from ptyproof.extras import sentence_about

    sentence = sentence_about(error)
    if sentence is not None:
        return sentence, InputError.exit_status
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or error}", 1
    if isinstance(error, MemoryError):
        return f"out of memory: {error}", 1
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; what was complete stays complete, the same command goes on from there", INTERRUPTED
    return None

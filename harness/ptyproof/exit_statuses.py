"""What a command prints for an error, and the exit status that the error means."""

from __future__ import annotations

from ptyproof.errors import InputError, PtyproofError
from ptyproof.extras import sentence_about

INTERRUPTED = 130


def sentence_of(error: BaseException) -> tuple[str, int] | None:
    """Return the sentence that a command prints for an error, and its exit status; None for a bug of ptyproof.

    Errors of the system, such as a full disk or no memory, interrupts, and errors of an extra's package on import are
    not bugs of ptyproof.
    """
    if isinstance(error, PtyproofError):
        return str(error), error.exit_status
    sentence = sentence_about(error)
    if sentence is not None:
        return sentence, InputError.exit_status
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or error}", 1
    if isinstance(error, MemoryError):
        return f"out of memory: {error}", 1
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; complete results stay, and the same command continues from here", INTERRUPTED
    return None

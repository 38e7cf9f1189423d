"""The files that a recorded run writes as it goes: what the terminal showed, and a line for each report.

Where a file cannot be written, a full disk for one, the tests go on; the run then says so and is no evidence.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


class LogFile:
    """A file that is written to its end, unbuffered, up to the first error, which is kept and not raised.

    `clean` leaves out of a text what evidence must not say.
    """

    def __init__(self, path: Path, clean: Callable[[str], str]) -> None:
        self.path = path
        self._clean = clean
        self.error: OSError | None = None
        self._file = path.open("ab", buffering=0)

    def write(self, text: str) -> None:
        """Write a text; nothing once writing has failed, so that what is there has no gap."""
        rest = self._clean(text).encode("utf-8", errors="backslashreplace")
        while rest and self.error is None:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self.error = error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Tee:
    """Lets everything that goes to the terminal go to a file, too, until it is closed."""

    def __init__(self, reporter: TerminalReporter | None, file: LogFile) -> None:
        self._file = file
        self._terminal = None if reporter is None else reporter._tw
        if self._terminal is not None:
            self._original = self._terminal.write
            self._terminal.write = self._both  # type: ignore[method-assign]

    def _both(self, msg: str, *, flush: bool = False, **markup: bool) -> None:
        self._original(msg, flush=flush, **markup)
        self._file.write(msg)

    def close(self) -> None:
        """Give the terminal its own writer back."""
        if self._terminal is not None:
            self._terminal.write = self._original  # type: ignore[method-assign]
        self._file.close()


def new_files(folder: Path, stem: str, clean: Callable[[str], str]) -> tuple[LogFile, LogFile]:
    """Make a log and a file of reports that were not there; a second run of the same name is numbered."""
    number = 1
    while True:
        name = stem if number == 1 else f"{stem}_{number}"
        log = folder / f"{name}.log"
        try:
            log.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            continue
        return LogFile(log, clean), LogFile(folder / f"{name}.jsonl", str)

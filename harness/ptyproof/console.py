"""The output of a phase while it runs: plain lines, and progress bars on a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TextIO

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return a text as one line that every terminal can show, with escapes for what has no place in one."""
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)


def plain(text: str) -> str:
    """Return a text of any number of lines without what a terminal would obey: control and direction marks.

    They are escaped as JSON and TOML have them, so that a text in one of these stays what it is.
    """
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def encodable(text: str, encoding: str | None) -> str:
    """Return a text with escapes, as JSON has them, for the characters that an encoding has not; None has all."""
    if encoding is None or text.isascii():
        return text
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_escaped(character, encoding) for character in text)
    return text


def _escaped(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        units = character.encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[first : first + 4]}" for first in range(0, len(units), 4))
    return character


class Plain:
    """A stream of the terminal that is given plain text, whatever stands in the names and files that are spoken of.

    What the terminal's encoding does not have is escaped; a terminal may know ASCII alone.
    What begins with a carriage return is a progress bar, whose text is our own.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text."""
        text = text if text.startswith("\r") else plain(text)
        return self._stream.write(encodable(text, getattr(self._stream, "encoding", None)))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        """Return whatever else the stream has, such as `isatty`."""
        return getattr(self._stream, name)


class Progress(Protocol):
    """Something that counts finished units of work."""

    def update(self, n: int) -> object:
        """Add `n` finished units."""


class LineStream(Protocol):
    """Something that text is written to."""

    def write(self, text: str, /) -> object:
        """Write a text."""

    def flush(self) -> object:
        """Pass on what was written."""


class _NoProgress:
    def update(self, n: int) -> None:
        """Count nothing."""


@dataclass(frozen=True)
class Console:
    """Where lines and progress bars go.

    Parameters
    ----------
    lines
        Stream for plain lines; None says nothing.
    bars
        Stream for progress bars with the time left; None draws none.
    """

    lines: LineStream | None = field(default_factory=lambda: sys.stdout)
    bars: TextIO | None = None

    @classmethod
    def for_terminal(cls, quiet: bool = False) -> Console:
        """Return a console with bars on standard error if that is a terminal and `quiet` is false."""
        return cls(sys.stdout, sys.stderr if sys.stderr.isatty() and not quiet else None)

    @classmethod
    def silent(cls) -> Console:
        """Return a console that says nothing."""
        return cls(None, None)

    def say(self, text: str) -> None:
        """Write one line."""
        if self.lines is not None:
            self.lines.write(encodable(f"{plain(text)}\n", getattr(self.lines, "encoding", None)))
            self.lines.flush()

    @contextmanager
    def progress(self, label: str, total: int, unit: str) -> Iterator[Progress]:
        """Yield a progress bar over `total` units (a silent counter without a terminal)."""
        if self.bars is None:
            yield _NoProgress()
            return
        from tqdm import tqdm

        with tqdm(total=total, desc=label, unit=unit, file=self.bars, leave=False, dynamic_ncols=True) as bar:
            yield bar

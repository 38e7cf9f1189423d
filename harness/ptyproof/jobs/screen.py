"""The progress of several jobs on one screen: a line for each, with the bar that the job draws."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class Screen:
    """Shows bars while it is on; a job may draw at any time."""

    def __init__(self) -> None:
        self._bars: TextIO | None = None
        self._lines: dict[_Line, Any] = {}
        self._drawing = threading.Lock()

    @contextmanager
    def on(self, bars: TextIO | None) -> Iterator[None]:
        """Show lines on a stream until the block ends; None shows nothing."""
        self._bars = bars
        try:
            yield
        finally:
            with self._drawing:
                self._bars = None
                while self._lines:
                    self._lines.popitem()[1].close()

    def line(self) -> TextIO:
        """Return a stream that takes the bars of one job."""
        return cast("TextIO", _Line(self))

    def draw(self, line: _Line, text: str) -> None:
        """Let a line show the bar that a text ends with; an empty bar takes the line away."""
        from tqdm import tqdm

        shown = text.rpartition("\r")[2].strip()
        with self._drawing:
            if self._bars is None:
                return
            if line not in self._lines:
                if not shown:
                    return
                self._lines[line] = tqdm(total=0, bar_format="{desc}", file=self._bars, leave=False)
            self._lines[line].set_description_str(shown)
            if not shown:
                self._lines.pop(line).close()


class _Line:
    """A stream for the bars of one job."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def write(self, text: str) -> int:
        """Show what a bar writes: a carriage return and its text."""
        self._screen.draw(self, text)
        return len(text)

    def flush(self) -> None:
        """Every text was shown at once."""

"""A problem of a hub: which file, where in it, and what is wrong; one line that every terminal can show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ptyproof.console import printable

WHOLE = "whole file"

Problems = Iterator["Problem"]


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong with a hub: the file (relative to the hub), a JSON path or line in it, and a sentence."""

    file: str
    place: str
    sentence: str

    def __str__(self) -> str:
        return printable(f"{self.file}: {self.place}: {self.sentence}")


def short(text: str) -> str:
    """Return a name, or the start of a digest."""
    return f"{text[:16]}..." if len(text) == 64 else text

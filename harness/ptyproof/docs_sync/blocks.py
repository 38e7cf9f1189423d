"""Marked blocks of a Markdown document: the only places that a sync rewrites.

A block is what stands between the lines `<!-- ptyproof:begin NAME -->` and `<!-- ptyproof:end NAME -->`. Marks in code
(fenced, or between backticks) are no marks. Line ends stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ptyproof.errors import DataError

TOPIC = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"
RUN_KEY = re.compile(r"<!-- ptyproof: run (?P<id>run-\d{4,}) (?P<started>[0-9TZ:.+-]+) -->")
EVIDENCE = re.compile(rf"<!-- ptyproof: evidence (?P<topic>{TOPIC}) -->")
_MARK = re.compile(r" {0,3}<!-- ptyproof:(begin|end) ([a-z][a-z0-9-]*) -->[ \t]*")
_OURS = re.compile(r"<!--\s*ptyproof\s*:.*?(?:-->|$)", re.IGNORECASE)
_FENCE = re.compile(r"[\s>]*(`{3,}|~{3,})(.*)")
_CODE = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)")


@dataclass(frozen=True)
class Block:
    """A block by the indices, from 0, of the lines of its two marks."""

    name: str
    begin: int
    end: int


@dataclass(frozen=True)
class Document:
    """A Markdown document with its blocks.

    Parameters
    ----------
    path
        Its name in messages.
    lines
        The text, each line with its end.
    prose
        For each line, its text outside code and without its end.
    blocks
        The blocks by name.
    """

    path: Path
    lines: tuple[str, ...]
    prose: tuple[str, ...]
    blocks: Mapping[str, Block]

    def body(self, name: str) -> range:
        """Return the indices of the lines of a block, without its marks."""
        block = self.blocks[name]
        return range(block.begin + 1, block.end)

    def body_text(self, name: str) -> str:
        """Return the text of a block, without its marks."""
        return "".join(self.lines[index] for index in self.body(name))

    def newline(self, name: str) -> str:
        """Return the line end that a block's first mark has."""
        return line_end(self.lines[self.blocks[name].begin])

    def replaced(self, bodies: Mapping[str, str]) -> str:
        """Return the text with other bodies, each either empty or ended by a line end; all else stays as it is."""
        parts: list[str] = []
        done = 0
        for block in sorted(self.blocks.values(), key=lambda block: block.begin):
            if block.name in bodies:
                parts += [*self.lines[done : block.begin + 1], bodies[block.name]]
                done = block.end
        return "".join([*parts, *self.lines[done:]])

    def error(self, index: int, reason: str) -> DataError:
        """Return the error about a line, of the index given."""
        return DataError(self.path, reason, f"line {index + 1}")

    def missing(self, name: str) -> DataError:
        """Return the error that says that a block is not there."""
        return DataError(
            self.path,
            f"no mark begins the block {name}; it needs the lines <!-- ptyproof:begin {name} --> and "
            f"<!-- ptyproof:end {name} -->",
            f"lines 1 to {len(self.lines)}",
        )


def parse(text: str, path: Path) -> Document:
    """Find the blocks of a document.

    Raises
    ------
    DataError
        If a mark is misspelt, not alone in its line, nested, doubled, not closed or not begun.
    """
    lines = tuple(split_lines(text))
    document = Document(path, lines, tuple(_prose(lines)), {})
    blocks: dict[str, Block] = {}
    opened: tuple[str, int] | None = None
    for index, line in enumerate(document.prose):
        mark = _MARK.fullmatch(line)
        if mark is None:
            _check_comments(document, index)
            continue
        kind, name = mark.groups()
        if kind == "begin":
            if opened is not None:
                raise document.error(index, f"begins the block {name} inside {_since(opened)}; blocks cannot be nested")
            if name in blocks:
                raise document.error(
                    index, f"begins the block {name} a second time; it began in line {blocks[name].begin + 1}"
                )
            opened = (name, index)
        else:
            if opened is None:
                raise document.error(index, f"ends the block {name}, but no mark above it begins it")
            if name != opened[0]:
                raise document.error(index, f"ends the block {name} inside {_since(opened)}")
            blocks[name] = Block(name, opened[1], index)
            opened = None
    if opened is not None:
        raise document.error(opened[1], f"begins the block {opened[0]}, but no mark below it ends it")
    return Document(path, lines, document.prose, blocks)


def split_lines(text: str) -> list[str]:
    """Split a text behind each line feed, and nowhere else."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def line_end(line: str) -> str:
    """Return the end of a line: carriage returns and a line feed."""
    return line[len(line.rstrip("\r\n")) :]


def _prose(lines: tuple[str, ...]) -> Iterator[str]:
    fence = ""
    for line in lines:
        content = line.rstrip("\r\n")
        found = _FENCE.fullmatch(content)
        marks, rest = found.groups() if found else ("", "")
        if fence:
            if marks.startswith(fence) and not rest.strip():
                fence = ""
            yield ""
        elif marks and not (marks[0] == "`" and "`" in rest):
            fence = marks
            yield ""
        else:
            yield _CODE.sub("", content)


def _check_comments(document: Document, index: int) -> None:
    for found in _OURS.finditer(document.prose[index]):
        comment = found.group()
        if not RUN_KEY.fullmatch(comment) and not EVIDENCE.fullmatch(comment):
            raise document.error(
                index,
                f"{comment!r} is no mark; marks are <!-- ptyproof:begin NAME --> and <!-- ptyproof:end NAME -->, each "
                "alone in its line, and <!-- ptyproof: evidence TOPIC --> at the end of a checklist's row",
            )


def _since(opened: tuple[str, int]) -> str:
    return f"the block {opened[0]}, which began in line {opened[1] + 1}"

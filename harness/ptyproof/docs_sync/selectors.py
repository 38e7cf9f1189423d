"""The testing guide's table of selectors, with the number of tests that each collects."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from ptyproof.docs_sync.blocks import Document, line_end
from ptyproof.markdown import cells_of

BLOCK = "selectors"
COUNT = "tests"
_SELECTOR = re.compile(r"(`+) ?(.+?) ?\1")
_RULE = re.compile(r"\s*:?-+:?\s*")
_WITH_VALUE = ("-k", "-m", "--deselect", "--ignore", "--ignore-glob")
_ALONE = ("--pyargs",)

Selector = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A row of the table: the index of its line, its cells, and the selector in the first of them."""

    index: int
    cells: tuple[str, ...]
    selector: Selector


def read_rows(document: Document) -> tuple[int, list[Row]]:
    """Return the column of the number of tests, and the table's rows.

    Raises
    ------
    DataError
        If the block has no such table, the first cell of a row is not a selector between backticks, or two rows
        have the same selector, as a merge of two branches leaves them.
    """
    lines = document.lines
    table = [index for index in document.body(BLOCK) if document.prose[index] and lines[index].lstrip().startswith("|")]
    begin = document.blocks[BLOCK].begin
    if len(table) < 3:
        raise document.error(begin, f"the block {BLOCK} needs a table with the columns selector and {COUNT}, and a row")
    header = cells_of(lines[table[0]])
    names = [name.strip().lower() for name in header]
    if COUNT not in names[1:]:
        raise document.error(table[0], f"a column must be called {COUNT}; the columns are {', '.join(names)}")
    if not all(_RULE.fullmatch(rule) for rule in cells_of(lines[table[1]])):
        raise document.error(table[1], "must be the rule below the table's head, |---|---|")
    rows: list[Row] = []
    lines_of: dict[Selector, int] = {}
    for index in table[2:]:
        cells = [text.strip() for text in cells_of(lines[index])]
        if len(cells) > len(header):
            raise document.error(index, f"has {len(cells)} cells in a table of {len(header)} columns")
        cells += [""] * (len(header) - len(cells))
        row = Row(index, tuple(cells), _selector(document, index, cells[0]))
        if row.selector in lines_of:
            raise document.error(
                index, f"{cells[0]} is the selector of line {lines_of[row.selector]}; remove one of the rows"
            )
        lines_of[row.selector] = index + 1
        rows.append(row)
    return names.index(COUNT, 1), rows


def render(document: Document, counts: Mapping[Selector, int]) -> str:
    """Return the block's text with the number of tests of each selector; nothing else in it changes."""
    column, rows = read_rows(document)
    changed = {}
    for row in rows:
        count = str(counts[row.selector])
        if row.cells[column] != count:
            cells = [*row.cells[:column], count, *row.cells[column + 1 :]]
            changed[row.index] = "| " + " | ".join(cells) + " |" + line_end(document.lines[row.index])
    return "".join(changed.get(index, document.lines[index]) for index in document.body(BLOCK))


def _selector(document: Document, index: int, text: str) -> Selector:
    found = _SELECTOR.fullmatch(text)
    if found is None:
        raise document.error(index, f"the first cell must be a selector between backticks, got {text!r}")
    try:
        words = shlex.split(found.group(2).replace("\\|", "|"))
    except ValueError as error:
        raise document.error(index, f"the selector {text} cannot be read: {error}") from error
    for command in (["python", "-m", "pytest"], ["pytest"]):
        if words[: len(command)] == command:
            words = words[len(command) :]
            break
    _check_options(document, index, words)
    return tuple(words)


def _check_options(document: Document, index: int, words: list[str]) -> None:
    allowed = [*_WITH_VALUE, *_ALONE]
    waiting = ""
    for word in words:
        if waiting:
            waiting = ""
        elif word in _WITH_VALUE:
            waiting = word
        elif word.startswith("-") and word not in _ALONE and not _has_value(word):
            raise document.error(index, f"a selector is made of paths, node ids and {', '.join(allowed)}, got {word!r}")
    if waiting:
        raise document.error(index, f"{waiting} needs a value")


def _has_value(word: str) -> bool:
    short = word[:2] in ("-k", "-m") and len(word) > 2
    return short or word.split("=")[0] in [name for name in _WITH_VALUE if name.startswith("--")]

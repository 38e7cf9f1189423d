"""Tables for a terminal: with `rich` where it is installed, else plain columns."""

from __future__ import annotations

from collections.abc import Sequence

from ptyproof.console import printable

_GAP = "  "


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]], n_names: int, width: int) -> list[str]:
    """Return the lines of a table.

    Parameters
    ----------
    heads, rows
        The names of the columns, and the cells of each row.
    n_names
        How many columns at the left are names; the others are numbers and stand at the right of their column.
    width
        Characters of a line. `rich` breaks the names where the table is wider; plain columns are never broken.
    """
    cells = [[printable(cell) for cell in row] for row in (heads, *rows)]
    try:
        return _by_rich(cells, n_names, width)
    except ImportError:
        return _plain(cells, n_names)


def _by_rich(cells: Sequence[Sequence[str]], n_names: int, width: int) -> list[str]:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heads, *rows = cells
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, head in enumerate(heads):
        is_name = number < n_names
        table.add_column(Text(head), justify="left" if is_name else "right", no_wrap=not is_name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=width, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def _plain(cells: Sequence[Sequence[str]], n_names: int) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        _GAP.join(
            cell.ljust(width) if number < n_names else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]

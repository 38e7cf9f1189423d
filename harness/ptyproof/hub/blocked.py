"""The record of a run that could not go on: what was asked for, what came first in its way, and the end of its log."""

from __future__ import annotations

import re
from pathlib import Path

from ptyproof import clock
from ptyproof.io.atomic import write_text
from ptyproof.io.regular import lies_inside
from ptyproof.markdown import code

FOLDER = "red"
PREFIX = "blocked_"
_LAST_LINES = 40
_CONTROL = dict.fromkeys((*range(9), *range(11, 32), 127))


def write_blocked(hub: Path, command: str, exit_status: int, first_error: str, log: str) -> Path:
    """Write `red/blocked_<UTC>.md`, which never replaces an earlier one, and return its path.

    Parameters
    ----------
    hub
        Folder of the hub.
    command, exit_status
        What was run, and how it ended.
    first_error
        What came first in the way.
    log
        What the run showed; the last lines are kept.
    """
    folder = hub / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    stamp = clock.utc_now().strftime("%Y%m%dT%H%M%SZ")
    last = log.splitlines()[-_LAST_LINES:]
    parts = [
        "# Blocked: the run could not continue",
        f"- command: {code(_clean(command))}\n- exit status: {exit_status}",
        f"## First error\n\n{_block(first_error)}",
        f"## Last lines of the log\n\n{_block(chr(10).join(last))}",
    ]
    text, number = "\n\n".join(parts) + "\n", 1
    while True:
        path = folder / f"{PREFIX}{stamp}{'' if number == 1 else f'_{number}'}.md"
        try:
            write_text(path, text, is_new=True)
        except FileExistsError:  # of another run, perhaps of this very moment
            number += 1
        else:
            return path


def blocked_records(hub: Path) -> list[Path]:
    """Return the records of blocked runs, oldest first."""
    return sorted(path for path in (hub / FOLDER).glob(f"{PREFIX}*.md") if lies_inside(path, hub))


def first_error(path: Path) -> str:
    """Return what a record gives as its first error, in one line."""
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.partition("## First error")[2].partition("\n## ")[0].splitlines()]
    lines = [line for line in lines if line]
    errors = [line[1:].strip() for line in lines if re.match(r"E\s", line)]
    return " ".join([*lines[:1], *errors[:1]])


def _block(text: str) -> str:
    """Return a text as an indented block, which nothing in the text can end."""
    return "\n".join(f"    {_clean(line)}" for line in text.splitlines()) or "    (nothing)"


def _clean(text: str) -> str:
    return text.translate(_CONTROL)

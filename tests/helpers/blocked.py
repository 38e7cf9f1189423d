"""Run commands in one process that cannot import some packages: `python -m tests.helpers.blocked NAMES`.

NAMES are separated by commas. The commands, lists of words, are JSON on standard input; `pytest` as the first word is
pytest, in this process, too. What became of each is JSON on standard output: exit status, and what it printed.
"""

from __future__ import annotations

import io
import json
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class Absent(MetaPathFinder):
    """A finder that finds none of some packages, nor lets others find them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise for a package that is to be absent."""
        if fullname.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def outcome(words: list[str]) -> tuple[int, str]:
    """Return the exit status of a command and what it printed; a traceback is 70."""
    screen = io.StringIO()
    with redirect_stdout(screen), redirect_stderr(screen):
        try:
            if words[0] == "pytest":
                import pytest

                status = int(pytest.main(words[1:]))
            else:
                from ptyproof.cli import main

                status = main(words)
        except SystemExit as ended:
            status = int(ended.code or 0)
        except BaseException:  # noqa: BLE001 - whatever it is, a command must not end so
            traceback.print_exc(file=screen)
            status = 70
    return status, screen.getvalue()


if __name__ == "__main__":
    sys.meta_path.insert(0, Absent(sys.argv[1].split(",")))
    found = [outcome(words) for words in json.load(sys.stdin)]
    json.dump(found, sys.stdout)

"""Collect for many selectors in one process: what the tests import, which takes the time, is loaded once.

Between two selectors the process forgets the project's own modules, and gets back the search path and the environment
that it began with: each selector meets test modules that were not imported before. Installed packages stay.
What this process has no tests for is asked again by `collection.collect`, in a process of its own, whose word counts.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest


class Recorder:
    """A plugin that takes down the node ids that a run selected."""

    def __init__(self) -> None:
        self.nodes: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take down what was selected."""
        self.nodes = [item.nodeid for item in session.items]


def main() -> None:
    """Read options and selectors from stdin, and answer each with the node ids on stdout, or null; all in JSON."""
    asked = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    root = Path.cwd()
    for selector in asked["selectors"]:
        with as_it_began(root):
            nodes = collected([*asked["options"], *selector])
        answers.write(json.dumps(nodes) + "\n")
        answers.flush()


def collected(args: Sequence[str]) -> list[str] | None:
    """Return the node ids that pytest selects with these arguments; None if it refuses them or finds no test."""
    recorder = Recorder()
    sys.argv[1:] = args
    status = pytest.main(list(args), plugins=[recorder])
    return recorder.nodes if status == pytest.ExitCode.OK and recorder.nodes else None


@contextmanager
def as_it_began(root: Path) -> Iterator[None]:
    """Undo what a run changed in this process, and forget the modules that it loaded from the project in `root`."""
    path, environment, arguments = sys.path[:], os.environ.copy(), sys.argv[:]
    try:
        yield
    finally:
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)
        sys.path[:], sys.argv[:] = path, arguments
        for name in own_modules(root):
            del sys.modules[name]


def own_modules(root: Path) -> list[str]:
    """Return the names of the loaded modules that belong to the project in `root`, with all of their packages.

    A virtual environment inside the project does not belong to it.
    """
    tops = {name.partition(".")[0] for name, module in sys.modules.items() if _is_own(module, root)}
    return [name for name in sys.modules if name != "__main__" and name.partition(".")[0] in tops - {"__main__"}]


def _is_own(module: object, root: Path) -> bool:
    # what stands there may be anything, and answer to any name
    said = getattr(module, "__dict__", {})
    places = [said.get("__file__"), *(said.get("__path__") or ())]
    inside = [str(place) for place in places if str(place).startswith(f"{root}{os.sep}")]
    return any(not place.startswith(sys.prefix) and "site-packages" not in Path(place).parts for place in inside)


if __name__ == "__main__":
    main()

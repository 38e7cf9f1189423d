"""What pytest really collects, asked in processes of their own that write nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ptyproof.errors import RunError

# Speaks of the marker that ptyproof's plugin leaves out otherwise, and of every test.
EVERYTHING = ("-m", "real_run or not real_run")
_OPTIONS = ("--collect-only", "-q", "-p", "no:cacheprovider", "--color=no")
_SUMMARY = re.compile(r"(?:=+ )?(?:(?P<n>\d+)(?:/\d+)? tests? collected|no tests (?:collected|ran))\b.*")
_COLLECTED, _USAGE_ERROR, _NOTHING = 0, 4, 5
_MAX_SHOWN = 5


@dataclass(frozen=True)
class Collection:
    """Node ids that pytest collected, and the reason if there are no ids."""

    nodes: tuple[str, ...]
    reason: str = ""

    def by_module(self) -> dict[str, int]:
        """Return the number of tests in each module, in the order of the modules' paths."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            module = node.split("::")[0]
            counts[module] = counts.get(module, 0) + 1
        return dict(sorted(counts.items()))


def collect_all(root: Path, selectors: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Collection]:
    """Collect for each selector as `collect` does: in one process what can be, the rest each in its own.

    Raises
    ------
    RunError
        If a test module cannot be collected, or pytest's answer cannot be read.
    """
    found = _together(root, list(dict.fromkeys(selectors)))
    return {selector: found.get(selector) or collect(root, selector) for selector in dict.fromkeys(selectors)}


def _together(root: Path, selectors: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Collection]:
    """Return the collections of those selectors that one process has found tests for."""
    # that process rewrites no assertion of a test that it only collects
    question = {"options": [*_options(root), "--assert=plain"], "selectors": selectors}
    done = subprocess.run(
        [sys.executable, "-m", "ptyproof.docs_sync.together"],
        cwd=root,
        env=_environment(),
        input=json.dumps(question).encode(),
        capture_output=True,
        check=False,
    )
    # the end may be missing: a test module can end its process
    answers = [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]
    return {selector: Collection(tuple(nodes)) for selector, nodes in zip(selectors, answers, strict=False) if nodes}


def collect(root: Path, selector: Sequence[str]) -> Collection:
    """Collect the tests that a selector selects in the project in `root`, in a process of its own.

    A selector that pytest refuses, or that selects nothing, gives an empty collection with the reason.

    Raises
    ------
    RunError
        If a test module cannot be collected, or pytest's answer cannot be read.
    """
    command = [sys.executable, "-m", "pytest", *_options(root), *selector]
    done = subprocess.run(
        command, cwd=root, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    said = done.stdout.decode("utf-8", errors="backslashreplace")
    complaint = done.stderr.decode("utf-8", errors="backslashreplace")
    problems = _errors(f"{said}\n{complaint}")
    asked = " ".join(["pytest", *selector])
    if done.returncode == _NOTHING:
        return Collection((), problems or "no test is selected")
    problems = problems or complaint.strip().partition("\n")[0] or f"exit status {done.returncode}"
    if done.returncode == _USAGE_ERROR:
        return Collection((), problems)
    if done.returncode != _COLLECTED:
        raise RunError(f"{asked}: the tests cannot be collected: {problems}")
    nodes, announced = parse_nodes(said, root)
    if announced is not None and announced != len(nodes):
        raise RunError(f"{asked}: pytest collected {announced} tests, but printed {len(nodes)} node ids")
    return Collection(tuple(nodes))


def _options(root: Path) -> list[str]:
    # An explicit verbosity wins over a -q or -v of the project's own addopts, which change what is printed.
    return [*_OPTIONS, "--verbosity=-1", f"--rootdir={root}"]


def parse_nodes(said: str, root: Path) -> tuple[list[str], int | None]:
    """Return the node ids in what `pytest --collect-only -q` printed, and the number that it announced, if it did.

    Node ids stand together, up to an empty line; each begins with a file. Plugins may print lines above them.
    """
    nodes: list[str] = []
    ended = False
    announced = None
    for line in said.split("\n"):
        ended = ended or (bool(nodes) and not line.strip())
        summary = _SUMMARY.fullmatch(line)
        if not ended and _is_node(line, root):
            nodes.append(line)
        elif summary:
            announced = int(summary["n"] or 0)
    return nodes, announced


def _is_node(line: str, root: Path) -> bool:
    module, colons, name = line.partition("::")
    try:
        return bool(colons and name and module) and (root / module).is_file()
    except (OSError, ValueError):  # no line of text that a plugin prints is an error here
        return False


def _errors(said: str) -> str:
    found = [line for line in said.splitlines() if line.startswith("ERROR")]
    more = f"; and {len(found) - _MAX_SHOWN} more" if len(found) > _MAX_SHOWN else ""
    return "; ".join(found[:_MAX_SHOWN]) + more


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_XDIST", "PYTEST_CURRENT"))}
    own.pop("PYTEST_ADDOPTS", None)
    return own | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}

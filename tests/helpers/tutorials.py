"""The steps of a tutorial: the files that it tells readers to save, and the commands that it tells them to run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_NOT_RUN = "not run here"


@dataclass(frozen=True)
class Step:
    """A block of a tutorial: a file to save where `file` is a name, else commands that end with `status`."""

    text: str
    file: str | None = None
    status: int = 0

    def commands(self) -> Iterator[str]:
        """Yield each command; a line that ends in a backslash and a document behind `<<` go on in the next lines."""
        pending, end = "", ""
        for line in self.text.splitlines(keepends=True):
            pending += line
            if opened := re.search(r"<<'(\w+)'", line):
                end = opened[1]
            if (end and line.strip() == end) or not (end or line.endswith("\\\n")):
                yield pending
                pending, end = "", ""


def steps(page: Path, section: str = "") -> list[Step]:
    """Return the steps of a page, in its order; with the title of a section, those of this section alone.

    A mark is a comment of HTML above a block: `file: NAME`, `exit status: N`, or `not run here` with a reason.
    """
    found = []
    text = page.read_text(encoding="utf-8")
    if section:
        (text,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    for block in _BLOCK.finditer(text):
        mark = block["mark"] or ""
        if mark.startswith(_NOT_RUN) or block["language"] == "text":
            continue
        if mark.startswith("file: "):
            found.append(Step(block["text"], file=mark.removeprefix("file: ")))
            continue
        assert block["language"] == "sh", f"{page.name}: a block of {block['language']} without a file's name"
        found.append(
            Step(block["text"], status=int(mark.removeprefix("exit status: ") if "exit status" in mark else 0))
        )
    return found


def path_with_commands(folder: Path) -> str:
    """Return a PATH on which `python`, `pytest`, `ptyproof`, `dask` and `pip` are those of this Python.

    What `pip` installs goes beside that folder, into `installed`, without asking an index.
    """
    folder.mkdir()
    target = folder.parent / "installed"
    options = "-q --no-index --no-deps --no-build-isolation --disable-pip-version-check"
    scripts = {name: f'"{sys.executable}" -m {name} "$@"' for name in ("pytest", "ptyproof", "dask")}
    scripts |= {
        "python": f'"{sys.executable}" "$@"',
        "pip": f'"{sys.executable}" -m pip "$@" {options} --target "{target}"',
    }
    for name, command in scripts.items():
        script = folder / name
        script.write_text(f"#!/bin/sh\nexec {command}\n")
        script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def prepared(root: Path, environment: Mapping[str, str]) -> tuple[Path, dict[str, str]]:
    """Return an empty folder below `root`, and the environment of a reader who works there."""
    inherited = environment.get("PYTHONPATH")
    paths = [str(root / "installed"), *([inherited] if inherited else [])]
    path = path_with_commands(root / "bin")
    here = root / "empty"
    here.mkdir()
    return here, {**environment, "PATH": path, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}


def do(step: Step, here: Path, environment: Mapping[str, str]) -> str:
    """Do a step in a folder: save its file, or run its commands and check their exit status; return what they show."""
    if step.file is not None:
        (here / step.file).write_text(step.text, encoding="utf-8")
        return ""
    shown = ""
    for command in step.commands():
        words = ["bash", "-euc", command]
        done = subprocess.run(words, cwd=here, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == step.status, f"{command}\n{done.returncode}\n{done.stdout}\n{done.stderr}"
        shown += done.stdout
    return shown


def follow(page: Path, root: Path, environment: Mapping[str, str]) -> Path:
    """Do every step of a page in an empty folder below `root`, check each exit status, and return the folder."""
    here, environment = prepared(root, environment)
    for step in steps(page):
        do(step, here, environment)
    return here

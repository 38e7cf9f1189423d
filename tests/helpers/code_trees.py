"""A small project in a folder or a repository, and its state as the project records it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

from ptyproof.provenance.revision import Revision, revision

FILES = {
    "scan.py": "STEP_PX = 4\n",
    "package/probe.py": "DIAMETER_PX = 10\n",
    "tests/conftest.py": "",
    "tests/test_scan.py": "def test_step() -> None: ...\n",
    "tests/test_probe.py": "def test_diameter() -> None: ...\n",
    "README.md": "Scans\n",
    ".gitignore": "/build/\n*.log\n",
}
SELECTED = ("tests/test_scan.py",)


def git(folder: Path, *args: str) -> str:
    """Let git do something in a folder, whoever runs the tests and however their git is set up."""
    who = ("-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
    said = subprocess.run(["git", "-C", str(folder), *who, *args], check=True, capture_output=True, text=True)
    return said.stdout


def tree(folder: Path) -> Path:
    """Make the files of a small project."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def committed(folder: Path) -> Path:
    """Make the small project as a repository with one commit."""
    tree(folder)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def state(root: Path, tests: tuple[str, ...] = SELECTED) -> Revision:
    """Return the state of a project whose selected tests are named."""
    return revision(root, [root / name for name in tests])


def changes(before: Revision, after: Revision) -> set[str]:
    """Return the names of the fields in which two states differ, and the kinds of files whose digests do."""
    one, other = (fields(found) for found in (before, after))
    return {name for name, value in one.items() if other[name] != value}


def fields(found: Revision) -> dict[str, Any]:
    """Return the fields of a state, and the digests of other kinds of files, in one dictionary without numbers."""
    record: dict[str, Any] = dict(found.as_dict())
    tree = record.pop("tree")
    return {**record, **tree["digests"], "kind": tree["kind"], "root": tree["root"]}


def listing(*names: str) -> str:
    """Return the digest of files of the small project, computed from its definition."""
    lines = (f"{name}\0{hashlib.sha256(FILES[name].encode()).hexdigest()}\n" for name in sorted(names))
    return hashlib.sha256("".join(lines).encode()).hexdigest()

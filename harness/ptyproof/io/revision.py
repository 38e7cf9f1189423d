"""Which code a run is of: commit, digest of uncommitted changes, digests of the source and of the tests."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ptyproof.io.hashing import combine_digests, sha256_file

_TIMEOUT_S = 30
_NO_SOURCE = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist"})


@dataclass(frozen=True)
class Revision:
    """State of a code tree.

    Parameters
    ----------
    commit
        Commit that is checked out, 40 or 64 hexadecimal digits; None outside a git repository.
    uncommitted_sha256
        Digest of all uncommitted changes and of untracked files that git does not ignore; None where there are none.
    code_sha256
        Digest of the Python files that are no tests.
    tests_sha256
        Digest of the test files.
    """

    commit: str | None
    uncommitted_sha256: str | None
    code_sha256: str
    tests_sha256: str

    def as_dict(self) -> dict[str, str | None]:
        """Return the record for a manifest."""
        return dict(vars(self))


def revision(root: Path, tests: Iterable[Path]) -> Revision:
    """Return the state of the code below `root`.

    Parameters
    ----------
    root
        A folder, in a git repository or not.
    tests
        Files of the tests that a run selected; every `conftest.py` counts as one of them.
    """
    sources = _sources(root)
    chosen = {path.resolve() for path in tests} | {path for path in sources if path.name == "conftest.py"}
    return Revision(
        commit=_commit(root),
        uncommitted_sha256=_uncommitted(root),
        code_sha256=_digest(root, (path for path in sources if path not in chosen)),
        tests_sha256=_digest(root, chosen),
    )


def _digest(root: Path, paths: Iterable[Path]) -> str:
    return combine_digests({_name(path, root): sha256_file(path) for path in paths if path.is_file()})


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root.resolve()).as_posix() if path.is_relative_to(root.resolve()) else path.name


def _sources(root: Path) -> list[Path]:
    """Return the Python files below `root`: those that git does not ignore, or all but of environments."""
    base = root.resolve()
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py")
    if listed is not None:
        return [base / name for name in listed.decode(errors="surrogateescape").split("\0") if name]
    found = []
    for folder, names, files in os.walk(base):
        here = Path(folder)
        names[:] = [name for name in names if not (name.startswith(".") or name in _NO_SOURCE or _is_venv(here / name))]
        found += [here / name for name in files if name.endswith(".py")]
    return found


def _is_venv(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file()


def _commit(root: Path) -> str | None:
    said = _git(root, "rev-parse", "HEAD")
    return None if said is None else said.decode().strip()


def _uncommitted(root: Path) -> str | None:
    changes = _git(root, "diff", "--binary", "HEAD", "--", ".")
    listed = _git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", ".")
    if changes is None or listed is None:
        return None
    untracked = sorted(name for name in listed.decode(errors="surrogateescape").split("\0") if name)
    if not changes and not untracked:
        return None
    digest = hashlib.sha256(changes)
    for name in untracked:
        path = root / name
        digest.update(name.encode(errors="surrogateescape") + b"\0")
        digest.update((sha256_file(path) if path.is_file() else "no file").encode())
    return digest.hexdigest()


def _git(root: Path, *args: str) -> bytes | None:
    """Return what git says, or None where there is no git, no repository, or no commit."""
    try:
        done = subprocess.run(["git", "-C", str(root), *args], capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

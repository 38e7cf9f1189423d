"""Which code a run is of: commit, digest of uncommitted changes, digests of the source and of the tests."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ptyproof.io.hashing import combine_digests, sha256_file

_TIMEOUT_S = 30
_REPOSITORY = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE"}
    | {"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"}
)
UNKNOWN_CHANGES = hashlib.sha256(b"git could not tell what is uncommitted").hexdigest()
_NO_SOURCE = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist"})


@dataclass(frozen=True)
class Revision:
    """State of a code tree.

    Parameters
    ----------
    commit
        Commit that is checked out, 40 or 64 hexadecimal digits; None outside a git repository, in one that ignores
        the whole tree, and before the first commit.
    uncommitted_sha256
        Digest of all files that differ from the commit, and of untracked ones that git does not ignore; None where
        there are none, and where there is no commit; `UNKNOWN_CHANGES` where git cannot tell.
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


@dataclass(frozen=True)
class CodeTree:
    """A code tree as it was at one moment, before it is known which of its files are the tests of a run.

    Parameters
    ----------
    base
        The folder, without links.
    commit, uncommitted_sha256
        As a `Revision` has them.
    digests
        Path and sha256 of every Python file.
    """

    base: Path
    commit: str | None
    uncommitted_sha256: str | None
    digests: Mapping[Path, str] = field(hash=False)

    def revision(self, tests: Iterable[Path]) -> Revision:
        """Return the state of the tree for a run of `tests`, as `revision` does."""
        named = {path.resolve() for path in tests}
        chosen = {path: digest for path, digest in self.digests.items() if path in named or path.name == "conftest.py"}
        others = {path: sha256_file(path) for path in named - self.digests.keys() if path.is_file()}
        code = {path: digest for path, digest in self.digests.items() if path not in chosen and not _is_test(path)}
        return Revision(self.commit, self.uncommitted_sha256, self._combined(code), self._combined(chosen | others))

    def _combined(self, digests: Mapping[Path, str]) -> str:
        return combine_digests({_name(path, self.base): digest for path, digest in digests.items()})


def revision(root: Path, tests: Iterable[Path], leave_out: Path | None = None) -> Revision:
    """Return the state of the code below `root`.

    Parameters
    ----------
    root
        A folder, in a git repository or not.
    tests
        Files of the tests that a run selected; every `conftest.py` counts as one of them. Other files that are named
        as tests, `test_*.py` and `*_test.py`, count neither as tests nor as code.
    leave_out
        A folder that is none of the code, where a run writes for one.
    """
    return code_tree(root, leave_out).revision(tests)


def code_tree(root: Path, leave_out: Path | None = None) -> CodeTree:
    """Return the code below `root` as it is now; `leave_out` is a folder that is none of it."""
    base = root.resolve()
    is_ignored = _git(base, "check-ignore", "--quiet", ".") is not None
    commit = None if is_ignored else _commit(base)
    digests = {path.resolve(): sha256_file(path) for path in _sources(base, is_ignored) if path.is_file()}
    return CodeTree(base, commit, None if commit is None else _uncommitted(base, leave_out), digests)


def _name(path: Path, base: Path) -> str:
    """Return a path relative to `base` as text that has a UTF-8 form, whatever its bytes are."""
    name = Path(os.path.relpath(path, base)).as_posix()
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _sources(base: Path, is_ignored: bool) -> list[Path]:
    """Return the Python files below `base`: those that git does not ignore, or all but of environments."""
    listed = None
    if not is_ignored:
        listed = _git(base, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py")
    if listed is not None:
        return [base / name for name in _split(listed)]
    found = []
    for folder, names, files in os.walk(base):
        here = Path(folder)
        names[:] = [name for name in names if not (name.startswith(".") or name in _NO_SOURCE or _is_venv(here / name))]
        found += [here / name for name in files if name.endswith(".py")]
    return found


def _is_venv(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file()


def _commit(base: Path) -> str | None:
    said = _git(base, "rev-parse", "HEAD")
    return None if said is None else said.decode().strip()


def _is_test(path: Path) -> bool:
    return path.name.startswith("test_") or path.name.endswith("_test.py")


def _uncommitted(base: Path, leave_out: Path | None) -> str | None:
    which = ["."]
    if leave_out is not None and leave_out.resolve().is_relative_to(base) and leave_out.resolve() != base:
        which.append(f":(exclude,literal){leave_out.resolve().relative_to(base).as_posix()}")
    said = _git(base, "status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", "--", *which)
    up = _git(base, "rev-parse", "--show-cdup")
    if said is None or up is None:
        return UNKNOWN_CHANGES
    top = base / os.fsdecode(up.removesuffix(b"\n"))
    digest = hashlib.sha256()
    for name in sorted(_path(line) for line in _split(said)):
        path = top / name
        content = sha256_file(path) if path.is_file() else "no file"
        digest.update(name.encode(errors="surrogateescape") + f"\0{content}\0{os.access(path, os.X_OK)}\n".encode())
    return digest.hexdigest() if said else None


def _path(line: str) -> str:
    """Return the path in a line of git's status, which stands behind a fixed number of fields."""
    return line.split(" ", {"1": 8, "u": 10, "?": 1}[line[0]])[-1]


def _split(said: bytes) -> list[str]:
    return [name for name in said.decode(errors="surrogateescape").split("\0") if name]


def _git(base: Path, *args: str) -> bytes | None:
    """Return what git says of the repository that `base` is in, or None where it refuses or is not there.

    Git takes no lock, and the repository that a hook of git names to its programs is not taken for it.
    """
    variables = {name: value for name, value in os.environ.items() if name not in _REPOSITORY}
    variables["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-C", str(base), *args]
    try:
        done = subprocess.run(command, env=variables, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

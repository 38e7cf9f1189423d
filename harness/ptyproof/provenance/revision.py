"""Which files a run is of: commit, what is uncommitted, and digests of every file of the tree by kind.

The tree is the repository's: git's top folder where the run's folder lies in one; else the project's, the nearest
folder upward with `pyproject.toml`, `setup.py` or `setup.cfg`; else the run's folder itself. Git names the files: those
that it tracks, and those that it neither tracks nor ignores. Without git every file counts but hidden folders,
environments and build folders. The folder that a run writes to is never part of it, nor is what Python, pytest and
tools of tests make anew. The content that is digested is read from the disk.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ptyproof.io.hashing import combine_digests, sha256_file
from ptyproof.provenance import git
from ptyproof.provenance.file_kinds import CODE, KINDS, TESTS, is_derived, kind_of
from ptyproof.provenance.tree_files import EXECUTABLE, LINK, MOST_BYTES, MOST_FILES, digests, walked

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_index import Revision as RevisionRecord

REPOSITORY, PROJECT, FOLDER = "repository", "project", "folder"
NO_FILES = hashlib.sha256().hexdigest()  # a digest of code or tests where there are none
NO_CODE = "no file with code was recorded"
UNKNOWN_CHANGES = hashlib.sha256(b"git could not tell what is uncommitted").hexdigest()
_PROJECTS = ("pyproject.toml", "setup.py", "setup.cfg")


@dataclass(frozen=True)
class Tree:
    """What was looked at.

    Parameters
    ----------
    kind
        `repository`, `project` (a folder with a project's file, or a repository that git cannot read) or `folder`.
    root
        Its top folder, relative to the run's: `.` or `..`, `../..`.
    n_files
        Number of files.
    limits
        What of it was not looked at, in sentences.
    digests
        Digest of the files of each kind that is neither code nor tests of the run.
    """

    kind: str
    root: str
    n_files: int
    limits: tuple[str, ...]
    digests: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class Revision:
    """State of a tree.

    Parameters
    ----------
    commit
        Commit that is checked out, 40 or 64 hexadecimal digits; None outside a git repository, in one that ignores
        the run's folder or that git cannot read, and before the first commit.
    uncommitted_sha256
        Digest of all files that differ from the commit, and of untracked ones that git does not ignore; None where
        there are none, and where there is no commit; `UNKNOWN_CHANGES` where git cannot tell.
    code_sha256
        Digest of the files with code that are no tests.
    tests_sha256
        Digest of the test files.
    git_error
        Why git says nothing of the repository, in its words; None where it does, and outside of one.
    tree
        What was looked at.
    """

    commit: str | None
    uncommitted_sha256: str | None
    code_sha256: str
    tests_sha256: str
    git_error: str | None
    tree: Tree

    def as_dict(self) -> RevisionRecord:
        """Return the record for a manifest."""
        record = asdict(self)
        record["tree"]["limits"] = list(self.tree.limits)
        return cast("RevisionRecord", record)  # fields and keys have the same names


@dataclass(frozen=True)
class CodeTree:
    """A tree as it was at one moment, before it is known which of its files are the tests of a run.

    Parameters
    ----------
    base, start
        The tree's top folder and the run's folder, without links.
    kind, commit, uncommitted_sha256, git_error, limits
        As `Revision` and `Tree` have them.
    digests
        Name relative to `base`, and digest, of every file: sha256 of its bytes, with a mark for what may be executed;
        of a link that of its target; of a file that is too large to be read its object id in git, or its size.
    """

    base: Path
    start: Path
    kind: str
    commit: str | None
    uncommitted_sha256: str | None
    git_error: str | None
    limits: tuple[str, ...]
    digests: Mapping[str, str] = field(hash=False)

    def revision(self, tests: Iterable[Path]) -> Revision:
        """Return the state of the tree for a run of `tests`, as `revision` does."""
        by_kind: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
        for name, kind, digest in self.files(tests):
            by_kind[kind][name] = digest
        combined = {kind: combine_digests(found) for kind, found in by_kind.items()}
        root = Path(os.path.relpath(self.base, self.start)).as_posix()
        others = {kind: digest for kind, digest in combined.items() if kind not in (CODE, TESTS)}
        tree = Tree(self.kind, root, len(self.digests), self.limits, others)
        code, selected = combined[CODE], combined[TESTS]
        return Revision(self.commit, self.uncommitted_sha256, code, selected, self.git_error, tree)

    def files(self, tests: Iterable[Path]) -> Iterator[tuple[str, str, str]]:
        """Yield name, kind and digest of every file of the tree, and of those `tests` that lie outside of it."""
        outside = {path.resolve() for path in tests}
        named = {str(path.absolute()) for path in tests} | {str(path) for path in outside}
        for name, digest in self.digests.items():
            path = f"{self.base}/{name}"
            is_test = path in named or (digest.startswith(LINK) and os.path.realpath(path) in named)
            yield _text(name), TESTS if is_test else kind_of(name, digest.endswith(EXECUTABLE)), digest
        for test in sorted(outside):
            name = os.path.relpath(test, self.base)
            if name not in self.digests and test.is_file():
                yield _text(name), TESTS, sha256_file(test)


def digest_of_files(digest: str | None) -> str | None:
    """Return a recorded digest of code, tests or other files; None where it is that of no file at all."""
    return None if digest == NO_FILES else digest


def revision(root: Path, tests: Iterable[Path], leave_out: Path | None = None) -> Revision:
    """Return the state of the tree that `root` lies in.

    Parameters
    ----------
    root
        The folder of a run, in a git repository or not.
    tests
        Files of the tests that a run selected; every `conftest.py` counts as one of them. Other files that are named
        as tests, `test_*.py` and `*_test.py`, count neither as tests nor as code.
    leave_out
        A folder outside the tree, which a run writes to.
    """
    return code_tree(root, leave_out).revision(tests)


def code_tree(root: Path, leave_out: Path | None = None) -> CodeTree:
    """Return the tree that `root` lies in as it is now; `leave_out` is a folder that does not belong to it."""
    start = root.resolve()
    written = None if leave_out is None else leave_out.resolve()
    try:
        top = git.top_folder(start)
    except git.GitError as error:
        return _without_git(git.marked_folder(start) or start, start, PROJECT, written, str(error))
    if top is None:
        project = _project(start)
        return _without_git(project or start, start, FOLDER if project is None else PROJECT, written, None)
    try:
        found = git.listing(top, written)
    except git.GitError as error:
        return _without_git(top, start, PROJECT, written, str(error), git.commit_of(top))
    limits: list[str] = []
    entries = _entries(top, found, written, limits)
    uncommitted = None if found.commit is None else _uncommitted(found, entries)
    return CodeTree(top, start, REPOSITORY, found.commit, uncommitted, None, tuple(limits), entries)


def _without_git(
    base: Path, start: Path, kind: str, leave_out: Path | None, error: str | None, commit: str | None = None
) -> CodeTree:
    names, is_all = walked(base, leave_out)
    entries, limits = digests(base, names, {}, MOST_BYTES)
    if not is_all:
        limits.insert(0, f"files beyond the first {MOST_FILES}")
    return CodeTree(base, start, kind, commit, commit and UNKNOWN_CHANGES, error, tuple(limits), entries)


def _project(start: Path) -> Path | None:
    """Return the nearest folder upward with a project's file; root, home and temporary folders are not projects."""
    ends = {Path(tempfile.gettempdir()).resolve(), Path("~").expanduser().resolve(), Path(start.anchor)}
    for folder in (start, *start.parents):
        if folder in ends:
            return None
        if any(os.path.lexists(folder / name) for name in _PROJECTS):
            return folder
    return None


def _entries(top: Path, found: git.Listing, leave_out: Path | None, limits: list[str]) -> dict[str, str]:
    """Return the digests of the files of a repository and of those in it; add to `limits` what was not read."""
    untracked = _own(found.untracked)
    names = {*found.tracked, *(name for name in untracked if not name.endswith("/"))}
    unchanged = {name: key for name, key in found.tracked.items() if name not in found.modified}
    entries, said = digests(top, names, unchanged, MOST_BYTES)
    limits += said
    nested = dict(found.submodules) | {name.rstrip("/"): "" for name in untracked if name.endswith("/")}
    for name, commit in nested.items():
        inside = _nested(top / name, leave_out, limits)
        entries |= {name: f"commit:{commit}"} if inside is None else {f"{name}/{key}": inside[key] for key in inside}
    return entries


def _nested(folder: Path, leave_out: Path | None, limits: list[str]) -> dict[str, str] | None:
    """Return the digests of the files of a repository that lies in another; None where it is not checked out."""
    if not os.path.lexists(folder / ".git"):
        return None
    try:
        return _entries(folder, git.listing(folder, leave_out), leave_out, limits)
    except git.GitError as error:
        limits.append(f"in {folder.name}, by git: {error}")
        return digests(folder, walked(folder, leave_out)[0], {}, MOST_BYTES)[0]


def _own(untracked: Iterable[str]) -> list[str]:
    """Return the untracked files without environments, and without what tools make anew."""
    untracked = sorted(name for name in untracked if not is_derived(name))
    environments = tuple(name.removesuffix("pyvenv.cfg") for name in untracked if name.endswith("/pyvenv.cfg"))
    return [name for name in untracked if not name.startswith(environments)] if environments else untracked


def _uncommitted(found: git.Listing, entries: Mapping[str, str]) -> str | None:
    own = {*_own(found.untracked), *(found.changed - found.untracked)}
    if not own:
        return None
    folders = {name: name.rstrip("/") + "/" for name in own if name.endswith("/") or name in found.submodules}
    contents = {name: entries.get(name, "no file") for name in own}
    for name, folder in folders.items():
        contents[name] = _combined({key: entries[key] for key in entries if key.startswith(folder)})
    return _combined(contents)


def _combined(contents: Mapping[str, str]) -> str:
    return combine_digests({_text(name): digest for name, digest in contents.items()})


def _text(name: str) -> str:
    """Return a path as text that has a UTF-8 form, whatever its bytes are."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")

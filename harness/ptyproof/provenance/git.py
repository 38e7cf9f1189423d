"""What git says of the repository that a folder lies in, or why it says nothing; it is asked without a lock."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 30
_MOST_LETTERS = 500
_REPOSITORY = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE"}
    | {"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"}
)
_FIELDS = {"1": 8, "u": 10, "?": 1}  # number of spaces before the path, by the kind of a line of git's status
_LINK_TO_COMMIT = "160000"


class GitError(Exception):
    """Git refused, could not be started, or did not answer; the text is its reason, in one line."""


@dataclass(frozen=True)
class Listing:
    """The files of a repository as git knows them; names are relative to its top folder, bytes escaped in Python's way.

    Parameters
    ----------
    commit
        Commit that is checked out; None before the first.
    tracked
        Name and object id of every tracked file.
    submodules
        Name and commit of every submodule.
    untracked
        Names of untracked files that are not ignored; a repository inside of this one has one name, with / at its end.
    changed
        Names of what differs from the commit, untracked files included.
    modified
        Names of tracked files whose content on disk differs from the object.
    """

    commit: str | None
    tracked: Mapping[str, str]
    submodules: Mapping[str, str]
    untracked: frozenset[str]
    changed: frozenset[str]
    modified: frozenset[str]


def top_folder(start: Path) -> Path | None:
    """Return the top folder of the repository that `start` lies in; None outside of one, and where it is ignored.

    Raises
    ------
    GitError
        If there is a repository and git refuses to read it, or there is no git.
    """
    try:
        top = Path(os.fsdecode(ask(start, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    except GitError:
        if marked_folder(start) is not None:
            raise
        return None
    return None if top != start and _is_ignored(start) else top


def marked_folder(start: Path) -> Path | None:
    """Return the nearest folder upward that holds `.git`, as far up as git would look."""
    ceilings = set(os.environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep))
    for folder in (start, *start.parents):
        if folder != start and str(folder) in ceilings:
            return None
        if os.path.lexists(folder / ".git"):
            return folder
    return None


def listing(top: Path, leave_out: Path | None = None) -> Listing:
    """Return the files of the repository `top`, those in the folder `leave_out` apart.

    Raises
    ------
    GitError
        If git cannot tell.
    """
    which = ["."]
    if leave_out is not None and leave_out != top and leave_out.is_relative_to(top):
        which.append(f":(exclude,literal){leave_out.relative_to(top).as_posix()}")
    options = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--no-renames")
    status = _split(ask(top, "status", *options, "--", *which))
    entries = [line.partition("\t") for line in _split(ask(top, "ls-files", "--stage", "-z", "--", *which))]
    ids = {name: about.split(" ") for about, _, name in entries}
    heads = dict(line[2:].split(" ", 1) for line in status if line.startswith("# "))
    states = {line.split(" ", _FIELDS[line[0]])[-1]: line for line in status if line[0] in _FIELDS}
    return Listing(
        commit=None if heads["branch.oid"] == "(initial)" else heads["branch.oid"],
        tracked={name: about[1] for name, about in ids.items() if about[0] != _LINK_TO_COMMIT},
        submodules={name: about[1] for name, about in ids.items() if about[0] == _LINK_TO_COMMIT},
        untracked=frozenset(name for name, line in states.items() if line[0] == "?"),
        changed=frozenset(states),
        modified=frozenset(name for name, line in states.items() if line[0] == "u" or line[3] != "."),
    )


def commit_of(top: Path) -> str | None:
    """Return the commit that is checked out; None where git names none."""
    try:
        return ask(top, "rev-parse", "HEAD").decode().strip()
    except GitError:
        return None


def ask(folder: Path, *args: str) -> bytes:
    """Return what a command of git says in a folder; a repository that a hook names to programs is not taken for it.

    Raises
    ------
    GitError
        If it says nothing.
    """
    variables = {name: value for name, value in os.environ.items() if name not in _REPOSITORY}
    variables |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = ["git", "-C", str(folder), *args]
    try:
        done = subprocess.run(
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise GitError(f"git could not be started: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {args[0]} did not answer within {TIMEOUT_S} s") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="backslashreplace").split())[:_MOST_LETTERS]
        raise GitError(said or f"git {args[0]} ended with exit status {done.returncode}")
    return done.stdout


def _is_ignored(folder: Path) -> bool:
    try:
        ask(folder, "check-ignore", "--quiet", ".")
    except GitError:
        return False
    return True


def _split(said: bytes) -> list[str]:
    return [name for name in said.decode(errors="surrogateescape").split("\0") if name]

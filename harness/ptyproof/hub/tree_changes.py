"""What changed in the tree between a red run and the green one that answers it, as far as both looked at it.

Beside its reports, a run keeps a line of JSON for each file of its tree: path, kind, digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.io.json_lines import one_line, read_lines
from ptyproof.provenance.file_kinds import CODE, KINDS, NOUNS, TESTS
from ptyproof.provenance.revision import PROJECT, REPOSITORY

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_index import Revision, Tree

SUFFIX = ".files.jsonl"
_NAMED = 3
_WORDS = {REPOSITORY: "the git repository", PROJECT: "the project's folder"}

Files = Mapping[str, tuple[str, str]]  # kind and digest by path


@dataclass(frozen=True)
class Changes:
    """What changed.

    Parameters
    ----------
    where
        The tree that was looked at, in words.
    code, tests
        Whether code, or a test of the run, changed; None where that is not known.
    unknown
        Why it is not known, in words; None where it is.
    names
        Paths of changed, new and removed files by kind; None where there are no lists of files to compare.
    """

    where: str
    code: bool | None
    tests: bool | None
    unknown: str | None = None
    names: Mapping[str, list[str]] | None = field(default=None, hash=False)

    def counts(self) -> dict[str, int] | None:
        """Return the number of changed files by kind; None where it is not known."""
        return None if self.names is None else {kind: len(names) for kind, names in self.names.items()}

    def sentence(self) -> str:
        """Return the number of changed files of each kind, with the names of the first."""
        return ", ".join(_counted(kind, names) for kind, names in (self.names or {}).items())


def file_lines(files: Iterable[tuple[str, str, str]], clean: Callable[[str], str]) -> Iterator[str]:
    """Yield a line of JSON for each file of a tree, from its path, kind and digest; `clean` redacts a path."""
    for path, kind, digest in files:
        line = json.dumps({"path": clean(path), "kind": kind, "digest": digest}, ensure_ascii=False)
        yield one_line(line) + "\n"


def read_files(path: Path) -> Files:
    """Return the files of a tree from the lines that a run has kept; empty without such lines."""
    lines = (line for line in read_lines(path) if isinstance(line, dict) and {"path", "kind", "digest"} <= line.keys())
    return {str(line["path"]): (str(line["kind"]), str(line["digest"])) for line in lines}


def changes(before: Revision, after: Revision, old: Files, new: Files) -> Changes:
    """Return what changed between two revisions of the index, whose lists of files are `old` and `new`."""
    where = described(after["tree"])
    unknown = incomparable(before.get("tree"), after["tree"])
    if unknown is not None:
        return Changes(where, None, None, unknown)
    if not old or not new:
        code, tests = (before[key] != after[key] for key in ("code_sha256", "tests_sha256"))
        return Changes(where, code, tests)
    names: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for path in sorted(old.keys() | new.keys()):
        if old.get(path, ("", ""))[1] != new.get(path, ("", ""))[1]:
            names.setdefault((new.get(path) or old[path])[0], []).append(path)
    return Changes(
        where, bool(names[CODE]), bool(names[TESTS]), None, {kind: names[kind] for kind in names if names[kind]}
    )


def described(tree: Tree) -> str:
    """Return in words what was looked at, as the index has it."""
    words = _WORDS.get(tree["kind"], "the folder of the run")
    return words if tree["root"] == "." else f"{words} ({tree['root']} from that of the run)"


def incomparable(before: Tree | None, after: Tree) -> str | None:
    """Return in words why digests of two trees say nothing of a change; None where they do."""
    if before is None:
        return "it was recorded by an earlier version, which looked at Python files alone"
    one, other = ((tree["kind"], None if tree["kind"] == REPOSITORY else tree["root"]) for tree in (before, after))
    if one != other:
        return f"it looked at {described(before)}, and this run at {described(after)}"
    return None


def _counted(kind: str, names: list[str]) -> str:
    one, many = NOUNS.get(kind, (f"{kind} file", f"{kind} files"))
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return f"{len(names)} {one if len(names) == 1 else many} changed: {shown}"

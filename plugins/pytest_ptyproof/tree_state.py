"""The files that a recorded run is of: their digests as it began, and the list of them that is kept beside its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ptyproof.hub.tree_changes import SUFFIX, Files, file_lines, read_files
from ptyproof.provenance.revision import code_tree
from pytest_ptyproof.log_files import LogFile


class TreeState:
    """The tree that pytest's root lies in, without the hub.

    Parameters
    ----------
    root, hub
        pytest's root, and the folder of the hub.
    clean
        Leaves out of a text what evidence must not say.
    """

    def __init__(self, root: Path, hub: Path, clean: Callable[[str], str]) -> None:
        self._tree = code_tree(root, hub)
        self._clean = clean
        self._tests: tuple[Path, ...] = ()
        self._list: LogFile | None = None
        self.record = self._tree.revision(()).as_dict()  # for the index

    def select(self, tests: Iterable[Path]) -> None:
        """Take down which files the selected tests lie in."""
        self._tests = tuple(tests)
        self.record = self._tree.revision(self._tests).as_dict()

    def open_list(self, log: Path) -> LogFile:
        """Make the file for the list of the tree's files beside a log."""
        self._list = LogFile(log.with_suffix(SUFFIX), str)
        return self._list

    def write_list(self) -> None:
        """Write the list where a file was made for it; the file knows what went wrong."""
        if self._list is not None:
            self._list.write("".join(file_lines(self._tree.files(self._tests), self._clean)))
            self._list.close()

    def files(self) -> Files:
        """Return the files as the list has them; nothing where none was kept."""
        return {} if self._list is None else read_files(self._list.path)

    def said_by_git(self) -> str | None:
        """Return why it is not known what is uncommitted, in a sentence; None where git can tell."""
        error = self._tree.git_error
        return None if error is None else f"what is uncommitted is not known, since git says: {error}"

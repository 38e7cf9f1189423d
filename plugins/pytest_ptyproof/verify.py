"""`pytest DIR` on an artifact hub verifies it, with an item for each file: what `ptyproof hub verify DIR` does.

A hub that a run merely comes across is left alone; only a hub whose folder or index is named is verified.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ptyproof.checking import Finding

_INDEX = "hub.json"
_NAMED = pytest.StashKey[frozenset[str]]()


class ManifestWarning(pytest.PytestWarning):
    """A manifest is sound, but a reader should know something about it. `-W error` turns it into a failure."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the index of a hub that the command line names."""
    return HubIndex.from_parent(parent, path=file_path) if is_named_hub(file_path, parent.config) else None


def is_named_hub(file_path: Path, config: pytest.Config) -> bool:
    """Tell whether a file is the index of a hub, and the command line names it or its folder."""
    return file_path.name == _INDEX and (is_named(file_path, config) or is_named(file_path.parent, config))


def is_named(path: Path, config: pytest.Config) -> bool:
    """Tell whether the command line names a path, as it is: a link is not what it leads to."""
    if _NAMED not in config.stash:
        here = config.invocation_params.dir
        named = (argument.partition("::")[0] for argument in config.args)
        config.stash[_NAMED] = frozenset(_absolute(here / name) for name in named)
    return _absolute(path) in config.stash[_NAMED]


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - `Path.resolve` would follow links


class HubIndex(pytest.File):
    """The index of a hub; its items are the hub's files."""

    _collected: list[str]

    def collect(self) -> Iterable[pytest.Item]:
        """Yield an item for the index, for each file that it has, and for each that is there."""
        from ptyproof.checking.hub import hub_files, read_index
        from ptyproof.console import printable

        files = hub_files(self.path.parent)
        index, _ = read_index(self.path.parent)
        recorded = set() if index is None else {record["path"] for record in index["files"]}
        self._collected = [_INDEX, *sorted((recorded | files.paths.keys() | files.faults.keys()) - {_INDEX})]
        for name in self._collected:
            yield HubFile.from_parent(self, name=printable(name), file=name)

    @cached_property
    def findings(self) -> list[Finding]:
        """What was found in the hub; looked for once, when the first item runs."""
        from ptyproof.checking.hub import verify_hub

        return verify_hub(self.path.parent)

    def of(self, file: str) -> list[Finding]:
        """Return what was found in a file; the index takes what no item stands for, such as a file never recorded."""
        others = set() if file != _INDEX else {finding.file for finding in self.findings} - set(self._collected)
        return [finding for finding in self.findings if finding.file == file or finding.file in others]


class HubFile(pytest.Item):
    """A file of a hub."""

    def __init__(self, *, file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file = file

    def runtest(self) -> None:
        """Fail if an error was found in the file; warn of warnings."""
        assert isinstance(self.parent, HubIndex)
        found = self.parent.of(self.file)
        if any(finding.severity == "error" for finding in found):
            pytest.fail("\n".join(str(finding) for finding in found), pytrace=False)
        for finding in found:
            if finding.severity == "warning":
                # not `self.warn`, which asks for a line: a manifest has JSON paths
                warnings.warn_explicit(ManifestWarning(str(finding)), None, self.name, 1)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return a warning that was turned into an error as one line; anything else as pytest does."""
        if isinstance(excinfo.value, ManifestWarning):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the item is from, and its title in a report."""
        return self.path, None, f"artifact hub: {self.name}"

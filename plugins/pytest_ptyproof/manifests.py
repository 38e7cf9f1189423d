"""`pytest FILE.json`: is an existing manifest sound? An item for each group of checks; a fixture that asks the same.

A file that is named is judged, whatever it is; with --check-manifests, those that a run merely comes across are, too,
if they are of a kind that ptyproof knows. What there is to find is up to `ptyproof.checking`. The index of a
hub that is named belongs to `verify`, which knows the hub's files.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptyproof.verify import ManifestWarning, is_named, is_named_hub

if TYPE_CHECKING:
    from ptyproof.checking import Checked, Finding
    from ptyproof.checking.model.causes import Cause
    from ptyproof.io.file_digests import FileDigests

_DIGESTS = pytest.StashKey["FileDigests"]()
_OPTION = "--check-manifests"
_FILES = "files"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that collects manifests which are not named."""
    group = parser.getgroup("ptyproof", "ptyproof: evidence for ptychography studies")
    group.addoption(
        _OPTION,
        dest="ptyproof_check_manifests",
        action="store_true",
        help="also check every manifest (*.json) that pytest collects; ignore other JSON files",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a manifest that the command line names, or with --check-manifests any."""
    config = parent.config
    if file_path.suffix != ".json" or is_named_hub(file_path, config):
        return None
    named = is_named(file_path, config)
    if not named and not (config.getoption(_OPTION) and _is_known(file_path)):
        return None
    from ptyproof.checking.model.findings import printable

    text = file_path.as_posix()
    if printable(text) == text:
        return Manifest.from_parent(parent, path=file_path)
    # a line break in a file's name must not break a node's name
    base = config.rootpath if file_path.is_relative_to(config.rootpath) else file_path.parent
    node_id = printable(file_path.relative_to(base).as_posix())
    return Manifest.from_parent(parent, path=file_path, name=printable(file_path.name), nodeid=node_id)


def _is_known(path: Path) -> bool:
    """Tell whether a file is a manifest of a kind that ptyproof knows, be it damaged."""
    from ptyproof.checking import check_manifest

    return path.is_file() and check_manifest(path, hash_files=False).kind is not None


class Manifest(pytest.File):
    """A manifest; its items are the groups of checks that its kind has, or one that says what it is instead."""

    _latest: tuple[tuple[int, ...], bool, Checked] | None = None

    def collect(self) -> Iterable[pytest.Item]:
        """Yield an item for each group of checks."""
        checked = self.judge(hash_files=False)
        groups = checked.groups if checked.kind is not None else checked.groups[-1:]
        for group in groups:
            yield ManifestCheck.from_parent(self, name=group, alone=checked.kind is None)

    def judge(self, hash_files: bool) -> Checked:
        """Return the judgment on the file as it is now; what is known of an unchanged file is not asked again."""
        from ptyproof.checking import check_manifest

        state = _state(self.path)
        if self._latest is not None and self._latest[0] == state and (self._latest[1] or not hash_files):
            return self._latest[2]
        checked = check_manifest(self.path, hash_files=hash_files, digests=_digests(self.config))
        self._latest = state, hash_files, checked
        return checked


def _digests(config: pytest.Config) -> FileDigests:
    """Return what is known of files in this run of pytest."""
    from ptyproof.io.file_digests import FileDigests

    return config.stash.setdefault(_DIGESTS, FileDigests())


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


class ManifestCheck(pytest.Item):
    """A group of checks of a manifest; `alone` takes the findings of every group."""

    def __init__(self, *, alone: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._alone = alone

    def runtest(self) -> None:
        """Fail if a check of the group has found an error; warn of the rest."""
        from ptyproof.checking.model.causes import causes

        assert isinstance(self.parent, Manifest)
        checked = self.parent.judge(hash_files=self._alone or self.name == _FILES)
        found = [finding for finding in checked.findings if self._alone or finding.group == self.name]
        errors = [finding for finding in found if finding.severity == "error"]
        if errors:
            pytest.fail(_report(checked, found), pytrace=False)
        for cause in causes(found):
            if cause.severity == "warning":
                # not `self.warn`, which asks for a line: a manifest has JSON paths
                warnings.warn_explicit(ManifestWarning(_line(cause)), None, self.name, 1)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return a warning that was turned into an error as one line; anything else as pytest does."""
        if isinstance(excinfo.value, ManifestWarning):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the item is from, and its title in a report."""
        assert self.parent is not None
        return self.path, None, f"manifest: {self.parent.name}::{self.name}"


def _report(checked: Checked, findings: Iterable[Finding]) -> str:
    from ptyproof.checking.model.causes import causes
    from ptyproof.checking.model.findings import printable

    found = causes(findings)
    codes = sorted({cause.code for cause in found})
    return "\n".join(
        [
            printable(f"{Path(checked.file).name}: {checked.headline}"),
            *map(_line, found),
            f"`ptyproof explain {codes[0]}` explains the check and how to fix the finding"
            + (f"; likewise for {', '.join(codes[1:])}" if codes[1:] else ""),
        ]
    )


def _line(cause: Cause) -> str:
    from ptyproof.checking.model.findings import printable

    n = len(cause.places) - 1
    more = f" and {n} more {'place' if n == 1 else 'places'}" if n else ""
    return printable(f"{cause.severity} {cause.code} at {cause.places[0]}{more}: {cause.message}")


@pytest.fixture(scope="session")
def ptyproof_assert_manifest_ok(pytestconfig: pytest.Config) -> Callable[..., Checked]:
    """A function of `(path, ignore=("PM302",))` that fails the test unless a manifest is sound.

    It returns the judgment, whose findings are then warnings, infos, and errors with a code of `ignore`.
    """

    def assert_ok(path: Path | str, *, ignore: Collection[str] = ()) -> Checked:
        __tracebackhide__ = True
        from ptyproof.checking import check_manifest

        checked = check_manifest(os.fspath(path), digests=_digests(pytestconfig))
        found = (finding for finding in checked.findings if finding.severity == "error")
        errors = [finding for finding in found if finding.code not in ignore]
        if errors:
            pytest.fail(_report(checked, errors), pytrace=False)
        return checked

    return assert_ok

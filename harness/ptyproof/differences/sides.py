"""The two sides of a difference, the old and the new one: sound hubs, or sound manifests of one kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ptyproof.checking import check_manifest
from ptyproof.checking.hub import refuse_unsound
from ptyproof.differences.at_once import jobs_at_once
from ptyproof.errors import InputError
from ptyproof.hub.index import BUNDLE, INDEX, STATEMENT, Hub
from ptyproof.hub.layout import COMPARISON, RECONSTRUCTION, TRAINING
from ptyproof.hub.results import standing_runs
from ptyproof.io.hashing import sha256_file
from ptyproof.io.unpacking import is_packed, unpacked
from ptyproof.records.recorded import read_recorded

if TYPE_CHECKING:
    from ptyproof_schemas.types import hub_difference as records

Record = Literal["training", "reconstruction", "comparison"]
RECORDS: dict[Record, str] = {"training": TRAINING, "reconstruction": RECONSTRUCTION, "comparison": COMPARISON}
_KINDS: dict[str, Record] = {f"{record}_manifest": record for record in RECORDS}
REVISION = ("commit", "uncommitted_sha256", "code_sha256", "tests_sha256")
_SHOWN = 80


@dataclass(frozen=True, eq=False)
class Side:
    """A hub or a manifest.

    Parameters
    ----------
    path
        Its folder or file, as it was named.
    what
        `hub`, or the kind of the manifest.
    sha256
        Of the hub's index, or of the manifest.
    manifests
        The manifests of the phases that it has.
    runs
        The runs that say what a hub shows, one for each part of a merged hub; none for a manifest.
    files
        sha256 of the files of a hub by their paths; None for a manifest.
    signed
        Files with signed statements beside the index of a hub; nothing of them is verified.
    index
        The index of a hub; None for a manifest.
    """

    path: Path
    what: str
    sha256: str
    manifests: Mapping[Record, Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]] = ()
    files: Mapping[str, str] | None = None
    signed: Sequence[str] = ()
    index: Mapping[str, Any] | None = None

    @property
    def first(self) -> Mapping[str, Any]:
        """The first manifest; all are of one study."""
        return next(iter(self.manifests.values()))

    @property
    def _records(self) -> Iterator[Mapping[str, Any]]:
        if self.index is not None:
            yield self.index
        yield from self.manifests.values()

    def as_dict(self) -> records.Side:
        """Return the side as JSON values."""
        return {
            "what": cast("Any", self.what),
            "name": self.path.resolve().name,
            "sha256": self.sha256,
            "study": self.first["study"],
            "design_digest": self.first["design_digest"],
            "runs": [_run(run) for run in self.runs],
            "signed": list(self.signed),
            "jobs_at_once": jobs_at_once(self.manifests.values()),
            "tool": f"{self.first['tool']['name']} {self.first['tool']['version']}",
            "schemas": {record["kind"]: record["schema_version"] for record in self._records},
        }


def read_sides(old: Path, new: Path) -> tuple[Side, Side]:
    """Return two hubs, or two manifests of one kind.

    Raises
    ------
    InputError
        If one is not sound, is of no known kind, is not of the kind of the other, or holds nothing to compare.
    """
    sides = read_side(old), read_side(new)
    first, second = sides
    if first.what != second.what:
        raise InputError(
            f"{old} is a {_called(first.what)}, but {new} is a {_called(second.what)}: only two hubs, or two "
            "manifests of one kind, can be compared"
        )
    if not first.manifests.keys() & second.manifests.keys():
        raise InputError(f"{old} has manifests of {_names(first)}, but {new} of {_names(second)}: none is in both")
    return sides


def read_side(path: Path) -> Side:
    """Return a sound hub or manifest.

    Raises
    ------
    InputError
        If it is not sound, is of no known kind, or holds nothing to compare.
    """
    return read_hub(path) if path.is_dir() or is_packed(path) else _manifest(path)


def read_hub(path: Path, *, is_judged: bool = False) -> Side:
    """Return a sound hub, a folder or a zip file; one that `is_judged` was found sound before, and is not judged again.

    Raises
    ------
    InputError
        If it is not sound, or has no real run.
    """
    if is_packed(path):
        with unpacked(path, INDEX) as root:
            return _hub(root, path, is_judged)
    return _hub(path, path, is_judged)


def manifests_in(root: Path) -> dict[Record, Mapping[str, Any]]:
    """Return the manifests of phases that a hub has.

    Raises
    ------
    DataError
        If one cannot be read.
    """
    return {
        record: read_recorded(root / place, f"{record}_manifest")
        for record, place in RECORDS.items()
        if (root / place).is_file()
    }


def _hub(root: Path, name: Path, is_judged: bool) -> Side:
    if not is_judged:
        refuse_unsound(root, "only sound hubs are compared", name)
    manifests = manifests_in(root)
    if not manifests:
        raise InputError(f"{name} has none of {', '.join(RECORDS.values())}; a difference needs a real run")
    index = Hub(root).read()
    if index is None:
        raise InputError(f"{name} has no {INDEX}")
    files = {entry["path"]: entry["sha256"] for entry in index["files"]}
    signed = [one for one in (STATEMENT, BUNDLE) if (root / one).is_file()]
    return Side(name, "hub", sha256_file(root / INDEX), manifests, standing_runs(index["runs"]), files, signed, index)


def _manifest(path: Path) -> Side:
    if not path.is_file():
        raise InputError(f"{path} is neither an artifact hub nor a manifest: there is no such folder or file")
    judged = check_manifest(path, manifest_only=True)
    if judged.kind not in _KINDS:
        raise InputError(
            f"{path} must be a hub or one of {', '.join(_KINDS)}, got {str(judged.kind or judged.headline)[:_SHOWN]}"
        )
    errors = [finding for finding in judged.findings if finding.severity == "error"]
    if errors:
        raise InputError(
            f"{path} is not sound, and only sound manifests are compared: {len(errors)} errors, the first is "
            f"{errors[0].code} at {errors[0].json_path}; `ptyproof check --manifest-only {path}` lists them"
        )
    manifest = read_recorded(path, judged.kind)
    return Side(path, judged.kind, sha256_file(path), {_KINDS[judged.kind]: manifest})


def _run(run: Mapping[str, Any]) -> records.Run:
    return {
        "id": run["id"],
        "command": run["command"],
        "started": run["started"],
        "ended": run["ended"],
        "commit": run["revision"]["commit"],
        "uncommitted_sha256": run["revision"]["uncommitted_sha256"],
        "code_sha256": run["revision"]["code_sha256"],
        "tests_sha256": run["revision"]["tests_sha256"],
        "environment": run["environment"],
    }


def _called(what: str) -> str:
    return what.replace("_", " ")


def _names(side: Side) -> str:
    return " and ".join(side.manifests)

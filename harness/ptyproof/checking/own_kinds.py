"""Kinds of manifests that users bring: a JSON Schema, and checks where a schema cannot say it.

`ptyproof check --schema FILE.json` takes a schema for one call. A package brings a kind by an entry point of the group
`ptyproof.manifest_kinds`, which names a `ManifestKind`, or something that returns one when it is called:

    [project.entry-points."ptyproof.manifest_kinds"]
    beamtime = "my_package.kinds:BEAMTIME"

A file is of a user-defined kind where it is of none of ptyproof's, and its `kind` is the one that the schema names as a
constant; of a schema without one, where it has at least half of the keys that the schema requires.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.checking.checks import form
from ptyproof.checking.model.document import Document, Findings
from ptyproof.errors import InputError, ManifestError
from ptyproof.io import schema_files
from ptyproof.io.strict_json import read_json

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "ptyproof.manifest_kinds"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_HALF = 0.5
_SHOWN = 200


@dataclass(frozen=True)
class ManifestKind:
    """A kind of manifest that a user brings.

    Parameters
    ----------
    name
        Its name, which none of ptyproof's kinds has: a letter, then letters, digits, `_`, `.` and `-`.
    schema
        A JSON Schema (draft 2020-12). References lead to its own `$defs` or to schemas of ptyproof; nothing is fetched.
    title
        What people call it; empty takes the schema's `title`, or else the name.
    checks
        Functions from a `Document` to findings, for what the schema cannot say:
        `yield doc.finding("PM105", "$.n_scans", "n_scans is 3, but scans has 2 entries")`. PM105 is an error and PM106
        a warning of your own check; use any other code if its meaning fits.

    Raises
    ------
    InputError
        If the name is invalid or one of ptyproof's kinds, or the schema is invalid or refers to another document.
    """

    name: str
    schema: Mapping[str, Any]
    title: str = ""
    checks: tuple[Callable[[Document], Findings], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise InputError(f"the name of a kind must be letters, digits, _ . and -, got {str(self.name)[:80]!r}")
        if self.name in {kind for kind, _ in schema_files.kinds()}:
            raise InputError(f"{self.name} is the name of a kind that ptyproof has; a user-defined kind needs another")
        from ptyproof.io.schema_verdict import check_schema

        check_schema(self.schema, self.name)

    @property
    def called(self) -> str:
        """What people call the kind."""
        return self.title or str(self.schema.get("title") or self.name)

    def share(self, value: Any) -> float:
        """Return how well a value fits the kind, from 0 (not at all) to 1: by its `kind`, or else by its keys."""
        if not isinstance(value, dict):
            return 0.0
        rules = self.schema.get("properties")
        rule = rules.get("kind") if isinstance(rules, dict) else None
        if isinstance(rule, dict) and "const" in rule:
            return float(value.get("kind") == rule["const"])
        wanted = self.schema.get("required")
        keys = wanted if isinstance(wanted, list) and wanted else list(rules or {})
        return sum(key in value for key in keys) / len(keys) if keys else 0.0

    def form(self, doc: Document) -> Findings:
        """Yield the violations of the schema."""
        yield from form.own(doc, self.schema)

    def checked(self, doc: Document) -> Findings:
        """Yield what the kind's own checks find; one that fails by an error of its own is an error (PM107)."""
        for check in self.checks:
            try:
                yield from check(doc)
            except Exception as error:  # noqa: BLE001 - it is a user's code, and whatever ends it must be said
                name = getattr(check, "__name__", type(check).__name__)
                said = f"{type(error).__name__}: {error}"[:_SHOWN]
                yield doc.finding("PM107", "$", f"the check {name} of the kind {self.name} failed: {said}")


def from_schema(path: Path) -> ManifestKind:
    """Return the kind of a schema's file; its name is the constant of `kind`, or else the file's name.

    Raises
    ------
    InputError
        If the file cannot be read, or holds no schema that a kind can have.
    """
    try:
        contents = read_json(path)
    except (ManifestError, OSError) as error:
        raise InputError(f"--schema {path}: {error}") from error
    if not isinstance(contents, dict):
        raise InputError(f"--schema {path}: a JSON Schema is an object, got {type(contents).__name__}")
    rules = contents.get("properties")
    rule = rules.get("kind") if isinstance(rules, dict) else None
    named = rule.get("const") if isinstance(rule, dict) else None
    stem = re.sub(r"[^A-Za-z0-9_.-]", "-", path.name.removesuffix(".json").removesuffix(".schema"))
    try:
        return ManifestKind(str(named or stem), contents)
    except InputError as error:
        raise InputError(f"--schema {path}: {error}") from error


def recognise(value: Any, given: Sequence[ManifestKind]) -> ManifestKind | None:
    """Return the kind that a value is of, of those `given` or else of those that are installed; None if of none."""
    for known in (given, installed()[0]):
        shares = [kind.share(value) for kind in known]
        best = max(shares, default=0.0)
        if best >= _HALF:
            return known[shares.index(best)]
    return None


@cache
def installed() -> tuple[tuple[ManifestKind, ...], tuple[str, ...]]:
    """Return the kinds that installed packages bring, and a sentence for each that cannot be used."""
    # here, as it takes longer to load than a manifest to check
    from importlib.metadata import entry_points

    kinds: dict[str, ManifestKind] = {}
    faults = []
    for point in entry_points(group=ENTRY_POINTS):
        whose = f"the kind {point.name} of {point.dist.name if point.dist else point.module}"
        try:
            kind = _loaded(point)
        except Exception as error:  # noqa: BLE001 - it is another package's code, and whatever ends it must be said
            faults.append(f"{whose} cannot be loaded: {type(error).__name__}: {error}"[:_SHOWN])
            continue
        if kind.name in kinds:
            faults.append(f"{whose} has the name {kind.name}, which another package's kind has")
        kinds.setdefault(kind.name, kind)
    return tuple(kinds.values()), tuple(faults)


def _loaded(point: EntryPoint) -> ManifestKind:
    found = point.load()
    kind = found if isinstance(found, ManifestKind) else found()
    if not isinstance(kind, ManifestKind):
        raise TypeError(f"a ManifestKind is expected, got {type(kind).__name__}")
    return kind


def faults(doc: Document) -> Findings:
    """Yield kinds of installed packages that cannot be used: the file may be of one of them."""
    for said in installed()[1]:
        yield doc.finding("PM107", "$", said)

"""Judging one manifest: read it, recognize it, validate it, and run the checks of its kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ptyproof import clock
from ptyproof._version import __version__
from ptyproof.checking import own_kinds
from ptyproof.checking.checks import claims, form, times
from ptyproof.checking.headline import headline
from ptyproof.checking.journals import load_recorded
from ptyproof.checking.kinds import checks_of, groups_of
from ptyproof.checking.model import files
from ptyproof.checking.model.causes import Cause, causes
from ptyproof.checking.model.document import INDEX, Document, finding_about, text
from ptyproof.checking.model.findings import SEVERITIES, Finding, printable
from ptyproof.checking.model.loading import Loaded
from ptyproof.checking.own_kinds import ManifestKind
from ptyproof.checking.recognise import Recognised, recognise
from ptyproof.io.file_digests import FileDigests
from ptyproof.io.whole_numbers import with_whole_numbers

_OF_OWN = ("files", "paths", "values")  # the groups of what needs no kind
_MAX_LEVELS = 16
UPSETTING: tuple[type[Exception], ...] = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Checked:
    """The judgment on a file.

    `kind` (the name of a schema) and `generation` are None where the file is of no known kind; `headline` is one line
    that says what the file is; `findings` stand worst first; `groups` are the groups of checks that apply to the kind;
    `named` counts the files that the manifest names, and those of them that were looked at; `time` is when it was
    written, as it says itself.
    """

    file: str
    kind: str | None
    generation: str | None
    headline: str
    findings: tuple[Finding, ...]
    groups: tuple[str, ...]
    named: files.Named = field(default_factory=files.Named)
    time: str | None = None

    @property
    def worst(self) -> str | None:
        """The worst severity among the findings, or None."""
        return min((finding.severity for finding in self.findings), key=SEVERITIES.index, default=None)

    @property
    def causes(self) -> list[Cause]:
        """The findings by their causes: each is told once, with all its places."""
        return causes(self.findings)

    def of(self, group: str) -> tuple[Finding, ...]:
        """Return the findings of a group of checks."""
        return tuple(finding for finding in self.findings if finding.group == group)


def check_manifest(
    path: Path | str,
    *,
    hash_files: bool = True,
    manifest_only: bool = False,
    digests: FileDigests | None = None,
    home: Path | None = None,
    now: datetime | None = None,
    kinds: Sequence[ManifestKind] = (),
) -> Checked:
    """Judge a file.

    Parameters
    ----------
    path
        The file. What it is, is recognized from its content.
    hash_files
        Whether files that the manifest names are read and compared with their recorded sha256; their presence and size
        are looked at in any case.
    manifest_only
        Whether no file is looked at but the manifest: for one whose artifacts were not handed on with it.
    digests
        Digests of files that were read already; shared between calls, each file is read once as long as it stays the
        same.
    home
        The folder that no file outside of is read or looked at; None takes the artifact hub that the file lies in, or
        else the file's own folder.
    now
        The present, for times that lie in the future.
    kinds
        User-defined kinds, in addition to ptyproof's and those of installed packages.
    """
    loaded = load_recorded(Path(path))
    folder = Path(path).absolute().parent.resolve() if loaded.value is not ... else None
    return judge(
        loaded,
        str(path),
        folder=folder,
        hash_files=hash_files,
        manifest_only=manifest_only,
        digests=digests,
        home=home,
        now=now,
        kinds=kinds,
    )


def check_value(value: Any, *, file: str = "<value>", folder: Path | None = None, **options: Any) -> Checked:
    """Judge a value that was parsed already; the options are those of `check_manifest`.

    Without a `folder` no file is looked at: whether those that the value names are there is not asked.
    """
    return judge(Loaded(value), file, folder=None if folder is None else folder.resolve(), **options)


def judge(
    loaded: Loaded,
    file: str,
    *,
    folder: Path | None = None,
    hash_files: bool = True,
    manifest_only: bool = False,
    digests: FileDigests | None = None,
    home: Path | None = None,
    now: datetime | None = None,
    kinds: Sequence[ManifestKind] = (),
    of_hub: bool = False,
    without_data: bool = False,
) -> Checked:
    """Judge what was read; the options are those of `check_manifest` and of `Document`, `folder` is resolved."""
    found = [finding_about(file, *fault) for fault in loaded.faults]
    if loaded.value is ...:
        return Checked(file, None, None, "could not be read", _sorted(found), ("json",))
    known = recognise(loaded.value)
    if known is not None:
        loaded = replace(loaded, value=with_whole_numbers(loaded.value, known.kind, known.major))
    own = own_kinds.recognise(loaded.value, kinds) if known is None else None
    doc = Document(
        value=loaded.value,
        file=file,
        kind=own.name if own is not None else known.kind if known is not None else "",
        generation="" if known is None else known.generation,
        folder=folder,
        home=_home(folder, home),
        now=now or clock.utc_now(),
        hash_files=hash_files,
        manifest_only=manifest_only,
        digests=FileDigests() if digests is None else digests,
        cut=loaded.cut,
        faults=frozenset((code, json_path) for code, json_path, _ in loaded.faults),
        text=loaded.text,
        own=own,
        of_hub=of_hub,
        without_data=without_data,
    )
    if known is None:
        return _unknown(doc, found) if own is None else _of_own(doc, own, found)
    found += _findings(doc, known)
    groups = groups_of(known.kind)
    groups += tuple(sorted({finding.group for finding in found} - set(groups)))
    named = doc.memo.get(files.NAMED, files.Named())
    said = headline(doc)
    return Checked(file, known.kind, known.generation, said, _sorted(set(found)), groups, named, times.of(doc))


def _sorted(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=Finding.order))


def _findings(doc: Document, known: Recognised) -> Iterable[Finding]:
    if _is_newer(doc, known):
        version = printable(str(doc.root.get("schema_version"))[:40])
        said = f"{version} is newer than ptyproof {__version__} reads, which is {known.kind} {known.major}"
        return [doc.finding("PM103", "$.schema_version", said)]
    found = list(form.check(doc, known.major))
    for check in checks_of(known.kind):
        try:
            found.extend(check(doc))
        except UPSETTING:
            if not found:
                raise
            # the schema has said what is wrong with the value that upset the check
    found.extend(claims.carried(doc, {finding.code for finding in found}))
    # of what a cut file leaves open, nothing can be said but that it is open
    return [finding for finding in found if finding.json_path not in doc.cut]


def _is_newer(doc: Document, known: Recognised) -> bool:
    return not doc.is_legacy and known.generation.isdecimal() and int(known.generation) > known.major


def _unknown(doc: Document, found: list[Finding]) -> Checked:
    """Judge a file of no known kind: it is an error, and what needs no kind is checked all the same."""
    value = doc.value
    said = value.get("kind", ...) if isinstance(value, dict) else ...
    if said is not ...:
        sentence = f"unknown kind {printable(repr(said)[:60])}"
    elif not isinstance(value, dict):
        sentence = "is not a JSON object, so it is not a manifest"
    elif doc.cut:
        sentence = "the readable part is too short to recognize its kind"
    else:
        keys = ", ".join(printable(str(key)[:30]) for key in list(value)[:6])
        sentence = f"is not a manifest of a known kind or generation; its keys are {keys or 'none'}"
    found.append(finding_about(doc.file, "PM102", "$.kind" if said is not ... else "$", sentence))
    found.extend(own_kinds.faults(doc))
    for check in checks_of("") if isinstance(value, dict | list) else ():
        found.extend(check(doc))
    return _foreign(doc, None, "unknown kind of file", found)


def _of_own(doc: Document, own: ManifestKind, found: list[Finding]) -> Checked:
    """Judge a file of a kind that a user has brought: by its schema, what needs no kind, and its own checks."""
    found.extend(own.form(doc))
    for check in (*checks_of(""), own.checked):
        found.extend(check(doc))
    found = [finding for finding in found if finding.json_path not in doc.cut]
    return _foreign(doc, own.name, headline(doc), found)


def _foreign(doc: Document, kind: str | None, said: str, found: list[Finding]) -> Checked:
    named = doc.memo.get(files.NAMED, files.Named())
    fixed = {"json", "schema"} if kind is None else {"json", "schema", *_OF_OWN}
    others = sorted({finding.group for finding in found} - fixed)
    version = text(doc.root, "schema_version") if kind is not None else None
    groups = ("json", *others, "schema") if kind is None else ("json", "schema", *_OF_OWN, *others)
    return Checked(doc.file, kind, version, said, _sorted(set(found)), groups, named, times.of(doc))


def _home(folder: Path | None, home: Path | None) -> Path | None:
    if home is not None:
        return home.resolve()
    return None if folder is None else home_of(folder)


def home_of(folder: Path) -> Path:
    """Return the artifact hub that a folder lies in, or the folder itself."""
    for parent in (folder, *list(folder.parents)[:_MAX_LEVELS]):
        if (parent / INDEX).is_file():
            return parent
    return folder

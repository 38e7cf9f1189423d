"""What a verification of a hub has shown: findings, whose signatures there are, and what they cover."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ptyproof.checking import Finding
from ptyproof.checking.hub import JudgedHub
from ptyproof.checking.model.document import finding_about
from ptyproof.checking.model.findings import printable
from ptyproof.hub.index import BUNDLE, CRATE, DATASETS, INDEX, PAGE, STATEMENT, Hub, has_ends_of_jobs
from ptyproof.provenance.revision import NO_CODE, digest_of_files
from ptyproof.signing.payload import Verdict
from ptyproof.signing.statement import EXTENSION, LISTS

_OTHER_HUB, _STATED, _NOT_COMPARED, _NOT_COVERED = "PM918", "PM920", "PM921", "PM922"
_MISSING = "PM925"
_OTHER_INDEX = "PM924"
_TELLING = ("passed", "skipped", "failed", "error", "not_run")
_SHOWN = 200


@dataclass(frozen=True)
class Verification:
    """A judged hub with the verdicts of keys and identities.

    Parameters
    ----------
    judged
        The hub.
    verdicts
        One of each key or identity that was asked for.
    stale
        File and sentence of statements about another index, where no key or identity was asked for.
    """

    judged: JudgedHub
    verdicts: Sequence[Verdict]
    stale: Sequence[tuple[str, str]] = ()

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with hub and signatures, and with what lies beside and a reader of signatures would believe."""
        found = [finding for verdict in self.verdicts for finding in verdict.findings]
        found += [finding_about(name, _OTHER_INDEX, "$", said) for name, said in self.stale]
        if self.verdicts and not any(finding.severity == "error" for finding in found):
            found += [
                finding_about(finding.file, _NOT_COMPARED, finding.json_path, finding.message)
                for finding in self.judged.findings
                if finding.code == _OTHER_HUB
            ]
            found += [
                finding_about(name, _NOT_COVERED, "$", "has ends of jobs that readers of the hub take for its own")
                for name in self.judged.files.paths
                if has_ends_of_jobs(PurePosixPath(name).name)
            ]
        return [*self.judged.findings, *found]

    @property
    def errors(self) -> list[Finding]:
        """The findings that keep the hub from being evidence, or from being signed."""
        return [finding for finding in self.findings if finding.severity == "error"]

    def covered(self) -> dict[str, int]:
        """Return how many files the index has with their sha256, and how many datasets manifests have with theirs."""
        listed = self._listed()
        return {"files": len(listed), "datasets": sum(_is_dataset(name) for name in self.judged.files.paths)}

    def not_covered(self) -> Iterator[tuple[str, str]]:
        """Yield the files that no signature covers, and what is known of each."""
        listed = self._listed() | {INDEX}
        for name in self.judged.files.paths:
            if name not in listed and not _is_dataset(name):
                yield name, self._known_of(name)

    def _listed(self) -> set[str]:
        index = Hub(self.judged.files.root).read()
        assert index is not None
        return {record["path"] for record in index["files"]}

    def _known_of(self, name: str) -> str:
        if name in (STATEMENT, BUNDLE):
            return "has the signatures"
        if name not in (CRATE, PAGE):
            return "is left from a run, and is no evidence"
        found = [finding for finding in self.judged.findings if finding.file == name]
        if any(finding.code == _OTHER_HUB for finding in found):
            return "was not compared with the records"
        stated = "".join(f"; {finding.message}" for finding in found if finding.code == _STATED)
        missing = "".join(f"; {other} is missing" for other in self._missing() if other != name)
        return f"made again from the records, without a difference{missing}{stated}"

    def _missing(self) -> list[str]:
        """Return the descriptions that were removed from beside another one."""
        return [finding.file for finding in self.judged.findings if finding.code == _MISSING]

    def as_dict(self) -> dict[str, Any]:
        """Return the verification as JSON values."""
        sound = not self.errors
        signatures = [
            {
                "file": verdict.name,
                "by": verdict.by,
                "by_this_key": verdict.n_own,
                "signatures": verdict.n_signatures,
                "predicate": verdict.statement.get("predicate"),
            }
            for verdict in self.verdicts
        ]
        return {
            "hub": str(self.judged.root),
            "is_sound": sound,
            "findings": [finding.as_dict() for finding in self.findings],
            "signatures": signatures,
            "covered": self.covered() if sound and self.verdicts else None,
            "not_covered": [{"file": name, "why": why} for name, why in self.not_covered()] if sound else None,
        }

    def lines(self) -> Iterator[str]:
        """Yield what signatures say and cover, for people; of a hub without errors."""
        for verdict in self.verdicts:
            yield from map(printable, _said(verdict))
        if self.verdicts:
            covered = self.covered()
            data = f", and {covered['datasets']} datasets by their sha256 in manifests" if covered["datasets"] else ""
            yield f"covered by the signature: {INDEX}, {covered['files']} files by their sha256 in it{data}"
            for name, why in self.not_covered():
                yield printable(f"not covered by the signature: {name} ({why})")
        elif any(name in self.judged.files.paths for name in (STATEMENT, BUNDLE)):
            yield "signatures were not verified: name a public key (--key) or an identity (--sigstore)"


def _is_dataset(name: str) -> bool:
    """Tell whether a file is one that the index leaves to the manifests; one that none of them names is an error."""
    return name.startswith(f"{DATASETS}/") and name.endswith(".npz")


def _said(verdict: Verdict) -> Iterator[str]:
    predicate: Mapping[str, Any] = verdict.statement["predicate"]
    extension: Mapping[str, Any] = predicate.get(EXTENSION, {})
    verb = "is" if verdict.n_own == 1 else "are"
    kind = "by this key, key id" if verdict.name == STATEMENT else "by the identity"
    yield f"{verdict.name}: {verdict.n_own} of {verdict.n_signatures} signatures {verb} {kind} {verdict.by}"
    left = verdict.n_signatures - verdict.n_own
    if left:
        yield f"  {left} more {'was' if left == 1 else 'were'} not verified: by other keys, or nobody's"
    yield f"  signed at: {_time(extension.get('signedAt'))}"
    yield f"  signer: {_signer(extension.get('signer'))}"
    yield f"  study: {_text(extension.get('study')) or 'none is stated'}"
    yield from _revisions(extension.get("revisions"))
    yield f"  result: {predicate['result']}, tests: {_tests(predicate, extension.get('tests'))}"


def _tests(predicate: Mapping[str, Any], counts: Any) -> str:
    if isinstance(counts, dict) and counts:
        known = {name: counts.get(name, 0) for name in _TELLING[:3]} | counts
        return ", ".join(f"{_text(count)} {_text(name).replace('_', ' ')}" for name, count in known.items())
    return ", ".join(f"{len(predicate.get(key, ()))} {outcome}" for outcome, key in LISTS.items())


def _time(value: Any) -> str:
    return f"{_text(value)} (as the statement says)" if value is not None else "no time is stated"


def _signer(value: Any) -> str:
    """Return who signed in their own words: the name, and what identifies them."""
    if not isinstance(value, dict):
        return "the statement names no person"
    contact = _text(value.get("email")) or _text(value.get("url"))
    name = _text(value.get("name"))
    return f"{name}{f' <{contact}>' if contact not in ('', name) else ''} (as the statement says)"


def _revisions(value: Any) -> Iterator[str]:
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict):
            if entry.get("commit") is None:
                digest = digest_of_files(entry.get("codeSha256"))
                yield f"  code: of no commit, {NO_CODE if digest is None else f'sha256 {_text(digest)}'}"
            else:
                changes = "with" if entry.get("hasUncommittedChanges") else "without"
                yield f"  code: commit {_text(entry['commit'])}, {changes} uncommitted changes"


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:_SHOWN]

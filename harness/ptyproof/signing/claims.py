"""What a signed statement claims of a hub, held against the records of the hub: the statement is made again.

A good signature shows who has said something, and not that it is so. Result, tests by outcome, code, commit and study
are in the records, so what a statement says of them is compared. Time and signer are the signer's word alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ptyproof.checking.judge import UPSETTING
from ptyproof.errors import PtyproofError
from ptyproof.provenance.revision import NO_FILES, digest_of_files
from ptyproof.signing.statement import EXTENSION, LISTS, predicate_of

_PLACE = "$.payload"
_OF_EXTENSION = ("study", "revisions", "tests")
_SHOWN = 120
_NO_CODE = {"name": "code", "digest": {"sha256": NO_FILES}}  # of statements that were signed before code could be none
_UNMADE: tuple[type[Exception], ...] = (PtyproofError, OSError, *UPSETTING)
Predicate = Mapping[str, Any]


def contradictions(statement: Mapping[str, Any], root: Path) -> Iterator[tuple[str, str]]:
    """Yield place and sentence of each claim of a statement that the records of its hub do not give.

    A claim that is left out contradicts nothing; only the result has to be there.

    Parameters
    ----------
    statement
        A statement of the expected form, about the index of this hub.
    root
        The hub.
    """
    try:
        recorded: Predicate = predicate_of(root, "")
    except _UNMADE as error:
        # as records of a hub that is not sound
        yield f"{_PLACE}.predicate", f"cannot be compared with the records: {str(error)[:_SHOWN]}"
        return
    claimed: Predicate = statement["predicate"]
    yield from _other("result", claimed, recorded)
    for key, outcome in LISTS.items():
        yield from _tests(outcome, key, claimed, recorded)
    yield from _configuration(claimed, recorded)
    extensions = claimed.get(EXTENSION, {}), recorded[EXTENSION]
    for key in _OF_EXTENSION:
        yield from _other(key, *extensions, f"{EXTENSION}.")


def _other(key: str, claimed: Predicate, recorded: Predicate, inside: str = "") -> Iterator[tuple[str, str]]:
    if key not in claimed:
        return
    said, known = _plain(claimed[key]), _plain(recorded[key])
    if said != known:
        yield _place(inside + key), f"says {_shown(said)}, but the records say {_shown(known)}"


def _tests(key: str, outcome: str, claimed: Predicate, recorded: Predicate) -> Iterator[tuple[str, str]]:
    if key not in claimed:
        return
    said, known = (Counter(map(str, predicate[key])) for predicate in (claimed, recorded))
    for found, verb in ((said - known, "names"), (known - said, "leaves out")):
        if found:
            what = f"{verb} {found.total()} of the tests that {outcome}"
            but = ", which the records do not have so" if verb == "names" else ""
            yield _place(key), f"{what}{but}: {_shown(min(found))}"


def _configuration(claimed: Predicate, recorded: Predicate) -> Iterator[tuple[str, str]]:
    if "configuration" not in claimed:
        return
    said, known = (_entries(predicate["configuration"]) for predicate in (claimed, recorded))
    for entry in said:
        if entry not in known:
            yield _place("configuration"), f"has {_shown(entry)}, which the records do not have"
    for entry in known:
        if entry not in said:
            yield _place("configuration"), f"lacks {_shown(entry)}, which the records have"


def _entries(value: Any) -> list[Any]:
    return _plain(value) if isinstance(value, list) else [value]


def _plain(value: Any) -> Any:
    """Return a claim without the digest of no file, which is no digest of code."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value if entry != _NO_CODE]
    if isinstance(value, dict):
        return {key: digest_of_files(inner) if key == "codeSha256" else inner for key, inner in value.items()}
    return value


def _place(key: str) -> str:
    return f"{_PLACE}.predicate.{key}"


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

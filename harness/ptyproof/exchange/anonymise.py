"""A copy of a hub without the names of the machines, users and folders that it was made on, as a hub of its own.

Names become the marks that `--anonymous` gives. A file whose text changes has another digest, so records that name it
are changed as well, until all fit, and the index is made anew. What cannot be changed is refused: names in arrays,
networks and pictures, and in names of files. Signatures and certificates are about the first bytes, and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.checking.hub import judge_hub
from ptyproof.checking.hub.reading import refuse_ends_of_jobs
from ptyproof.errors import InputError, RunError
from ptyproof.exchange.export import judged
from ptyproof.exchange.packing import Source, new_output, write_folder
from ptyproof.exchange.private_names import PrivateNames, hardware_in
from ptyproof.hub.index import BESIDE, INDEX, Hub, is_passing
from ptyproof.hub.layout import CERTIFICATE, MADE_AGAIN, REPORT
from ptyproof.io.hashing import sha256_bytes
from ptyproof.io.json_lines import one_line
from ptyproof.io.regular import read_regular
from ptyproof.io.strict_json import MAX_BYTES, format_json, parse_json, read_json
from ptyproof.provenance.anonymity import anonymity
from ptyproof.records.manifest import refuse_newer
from ptyproof.report.summary import write_summary

_TEXTS = (".json", ".jsonl", ".log", ".csv", ".md", ".html", ".txt", ".toml")
_LEFT_OUT = {*BESIDE, CERTIFICATE, *MADE_AGAIN} - {REPORT}
_SHORTEST = 4  # letters of a name
_SHORT = 16  # digits of a digest that pages show
Digests = Mapping[str, tuple[str, int]]  # of changed files, by the earlier digest: the new digest, and the size


@dataclass(frozen=True)
class Anonymised:
    """What was made: the names that were replaced with their marks, the files that changed, and those left out."""

    marks: Mapping[str, str]
    changed: tuple[str, ...]
    left_out: tuple[str, ...]


def anonymise_hub(root: Path, out: Path, names: Sequence[str] = ()) -> Anonymised:
    """Write a copy of a sound hub without private names into a new folder.

    Parameters
    ----------
    root
        The hub; it stays as it is.
    out
        The new hub.
    names
        Further private names, which this machine does not know: of users, hosts and folders of others.

    Raises
    ------
    InputError
        If the hub is not sound, `out` exists, a name is shorter than four letters, or a name stands where it cannot be
        replaced.
    RunError
        If the copy is not a sound hub.
    """
    for name in names:
        if len(name) < _SHORTEST or not name.isprintable():
            raise InputError(f"--name must be a line of at least {_SHORTEST} characters, got {name[:80]!r}")
    with new_output(out, root) as temporary, anonymity(True):
        hub = judged(root)
        refuse_newer(root / INDEX, hub.index)
        refuse_ends_of_jobs(root, "a copy would lack them")
        kept = {
            name: Source(path, hub.files.digest(name))
            for name, path in hub.files.paths.items()
            if name not in _LEFT_OUT and not is_passing(Path(name).name)
        }
        records = [read_json(source.path) for name, source in kept.items() if name.endswith(".json")]
        private = PrivateNames(root, set(hardware_in([hub.index, *records])), names)
        texts = _rewritten(private, kept)
        _refuse(root, private, kept, texts)
        write_folder(temporary, {name: source for name, source in kept.items() if name not in texts}, texts)
        copy = Hub(temporary)
        copy.begin_with(private.cleaned(hub.index["runs"]))
        copy.write(lambda: write_summary(temporary))
        _verify(root, private, temporary)
    present = sorted(name for name in _LEFT_OUT - {INDEX, *MADE_AGAIN} if name in hub.files.paths)
    return Anonymised(private.marks, tuple(sorted(texts)), tuple(present))


def _rewritten(private: PrivateNames, files: Mapping[str, Source]) -> dict[str, bytes]:
    """Return the new texts of the files that change: names, and digests of files that change, until nothing does."""
    first = {
        name: read_regular(source.path, MAX_BYTES) for name, source in files.items() if name.lower().endswith(_TEXTS)
    }
    found: dict[str, bytes] = {}
    for _ in range(len(first) + 1):
        digests = {files[name].sha256: (sha256_bytes(text), len(text)) for name, text in found.items()}
        changed = {name: _text(name, raw, private, digests) for name, raw in first.items()}
        newest = {name: text for name, text in changed.items() if text != first[name]}
        if newest == found:
            return found
        found = newest
    raise RunError("the digests of the records go in a circle, so nothing was written")


def _text(name: str, raw: bytes, private: PrivateNames, digests: Digests) -> bytes:
    text = raw.decode("utf-8", "surrogateescape")
    if name.endswith(".json"):
        value = parse_json(text, name)
        new = _value(value, private, digests)
        return raw if new == value else format_json(new).encode("utf-8")
    if name.endswith(".jsonl"):
        lines = [_line(line, private, digests) for line in text.split("\n")]
        return "\n".join(lines).encode("utf-8", "surrogateescape")
    text = private.clean(text)
    for old, (digest, _) in digests.items():
        text = text.replace(old, digest).replace(old[:_SHORT], digest[:_SHORT])
    return text.encode("utf-8", "surrogateescape")


def _line(line: str, private: PrivateNames, digests: Digests) -> str:
    try:
        value = json.loads(line)
    except ValueError:
        return private.clean(line)  # a line that was cut off
    new = _value(value, private, digests)
    return line if new == value else one_line(json.dumps(new, ensure_ascii=False))


def _value(value: Any, private: PrivateNames, digests: Digests) -> Any:
    """Return a JSON value with names, digests and sizes as they are in the copy."""
    return _fitted(private.cleaned(value), digests)


def _fitted(value: Any, digests: Digests) -> Any:
    if isinstance(value, str):
        return digests[value][0] if value in digests else value
    if isinstance(value, list):
        return [_fitted(part, digests) for part in value]
    if not isinstance(value, dict):
        return value
    found = {key: _fitted(part, digests) for key, part in value.items()}
    for key, part in value.items():
        size = key.replace("sha256", "size_bytes")
        if isinstance(part, str) and part in digests and size != key and size in found:
            found[size] = digests[part][1]
    return found


def _refuse(root: Path, private: PrivateNames, files: Mapping[str, Source], texts: Mapping[str, bytes]) -> None:
    """Refuse a hub with a private name in the name of a file, or in a file that is no text."""
    for name, source in files.items():
        in_name = private.in_text(name)
        if in_name is not None:
            raise InputError(f"{root}: the file {name} has the private name {in_name!r}, and files keep their names")
        found = None if name in texts else private.in_file(source.path)
        if found is not None:
            raise InputError(f"{root}: {name} has the private name {found!r}, which can only be replaced in texts")


def _verify(root: Path, private: PrivateNames, copy: Path) -> None:
    """Refuse a copy that is not a sound hub, or that a private name is left in."""
    errors = judge_hub(copy).errors
    if errors:
        said = f"the first is {errors[0].code} in {errors[0].file}: {errors[0].message}"
        raise RunError(f"a copy of {root} without names is not sound, so nothing was written: {said}")
    for path in sorted(copy.rglob("*")):
        found = private.in_file(path) if path.is_file() else None
        if found is not None:
            name = path.relative_to(copy).as_posix()
            raise RunError(f"{root}: {name} still has the private name {found!r}, so nothing was written")

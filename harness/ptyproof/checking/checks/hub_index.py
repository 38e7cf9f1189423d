"""Whether the index of a hub is the one that was written, and has every file as it is."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from ptyproof.checking.model.document import INDEX, Document, Findings, count, text
from ptyproof.checking.model.findings import printable
from ptyproof.checking.model.hub_files import HubFiles, files_in, recorded_name

_MAX_UNRECORDED = 20
_SHOWN = 200


@dataclass(frozen=True)
class FileFault:
    """What is wrong with a file of a hub: its name, a code, the place in the index, and a sentence."""

    name: str
    code: str
    place: str
    sentence: str


def check(doc: Document) -> Findings:
    """Yield a digest that is not the index's own, and files that are not as the index has them.

    Of an index in its hub alone; where the whole hub is judged, each of these is said of the file itself.
    """
    yield from _digest(doc)
    if doc.of_hub or doc.manifest_only or doc.cut or not doc.is_index_of_its_hub:
        return
    assert doc.folder is not None
    unrecorded = 0
    for fault in file_faults(doc, files_in(doc.folder, doc.digests)):
        unrecorded += fault.place == "$.files"
        if fault.place != "$.files" or unrecorded <= _MAX_UNRECORDED:
            yield doc.finding(fault.code, fault.place, f"{printable(fault.name[:_SHOWN])} {fault.sentence}")
    if unrecorded > _MAX_UNRECORDED:
        yield doc.finding("PM210", "$.files", f"{unrecorded - _MAX_UNRECORDED} more files are not in the index")


def _digest(doc: Document) -> Findings:
    # here, as a checked manifest is rarely an index
    from ptyproof.hub.index import own_digest

    said = text(doc.root, "index_sha256")
    if doc.text is not None and said is not None and len(said) == 64 and not doc.cut:
        digest = own_digest(doc.text, said)
        if digest != said:
            sentence = f"the index was changed after it was written: its digest is {digest[:16]}..., not {said[:16]}..."
            yield doc.finding("PM210", "$.index_sha256", sentence)


def file_faults(doc: Document, files: HubFiles) -> Iterator[FileFault]:
    """Yield the files that are not as the index has them, and those that it does not have."""
    from ptyproof.hub.index import walk

    recorded: set[str] = set()
    for place, record in doc.entries("files"):
        name = text(record, "path")
        if name is None:
            continue
        if name != posixpath.normpath(name) or name.startswith(("..", "/")) or name in recorded:
            said = "occurs twice" if name in recorded else "is not a plain path in the hub"
            yield FileFault(name, "PM908", f"{place}.path", said)
            continue
        recorded.add(name)
        fault = _recorded(doc, files, name, record)
        if fault is not None:
            code, key, said = fault
            yield FileFault(name, code, f"{place}.{key}", said)
    for name in sorted({recorded_name(name) for name, _ in walk(files.root)} & files.paths.keys() - recorded):
        yield FileFault(name, "PM210", "$.files", "is in the hub, but not in the index")
    for name in files.paths:
        if posixpath.basename(name).startswith(".") and name.endswith(".part") and name not in recorded:
            yield FileFault(name, "PM910", "$.files", "is an unfinished temporary file")


def _recorded(doc: Document, files: HubFiles, name: str, record: dict[str, object]) -> tuple[str, str, str] | None:
    """Return code, key and sentence of what is wrong with a file that the index has, or None."""
    size, digest = count(record, "size_bytes"), text(record, "sha256")
    if name in files.faults:
        return files.faults[name].code, "path", files.faults[name].message
    if name not in files.paths:
        return "PM301", "path", f"is missing: {INDEX} has it with {size} bytes"
    try:
        real = files.size(name)
    except FileNotFoundError:  # since the files were listed
        return "PM301", "path", f"is missing: {INDEX} has it with {size} bytes"
    if size is not None and real != size:
        return "PM302", "size_bytes", f"was changed: it has {real} bytes, but {INDEX} has {size}"
    if doc.hash_files and digest is not None and files.digest(name) != digest:
        said = f"was changed: its sha256 is {files.digest(name)[:16]}..., but {INDEX} has {digest[:16]}..."
        return "PM303", "sha256", said
    return None

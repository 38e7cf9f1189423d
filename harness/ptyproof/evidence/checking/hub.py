"""Whether the index of a hub is the one that was written, and has every file."""

from __future__ import annotations

from ptyproof.evidence.checking.document import Document, Findings, text
from ptyproof.evidence.checking.findings import printable

_MAX_UNRECORDED = 20


def index(doc: Document) -> Findings:
    """Yield a digest that is not the index's own, and files that the index does not have."""
    # here, as a checked manifest is rarely an index
    from ptyproof.evidence.hub import INDEX, own_digest, walk
    from ptyproof.evidence.verify.files import recorded_name

    said = text(doc.root, "index_sha256")
    if doc.text is not None and said is not None and len(said) == 64 and not doc.cut:
        digest = own_digest(doc.text, said)
        if digest != said:
            sentence = f"the index was changed after it was written: its digest is {digest[:16]}..., not {said[:16]}..."
            yield doc.finding("PM210", "$.index_sha256", sentence)
    if doc.folder is None or not (doc.folder / INDEX).is_file() or doc.cut:
        return
    recorded = {text(entry, "path") for _, entry in doc.entries("files")}
    gone = sorted(name for name in (recorded_name(name) for name, _ in walk(doc.folder)) if name not in recorded)
    for name in gone[:_MAX_UNRECORDED]:
        yield doc.finding("PM210", "$.files", f"{printable(name[:200])} is in the hub, and not in the index")
    if len(gone) > _MAX_UNRECORDED:
        yield doc.finding("PM210", "$.files", f"{len(gone) - _MAX_UNRECORDED} more files are not in the index")

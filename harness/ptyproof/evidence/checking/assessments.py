"""Whether methods that were judged on a measurement have what they claim: results, measures, files of their own."""

from __future__ import annotations

from ptyproof.evidence.checking.document import Document, Findings, mapping, text

_OF_SUCCESS = ("seconds", "reconstructions", "measures", "figures")
_SHOWN = 160


def methods(doc: Document) -> Findings:
    """Yield methods that are there twice, successes without results, failures with one, and files of another method."""
    seen: dict[str, str] = {}
    entries = doc.entries("methods")
    for place, method in entries:
        name, status, error = text(method, "method"), method.get("status"), method.get("error")
        if name is not None and seen.setdefault(name, place) != place:
            yield doc.finding("PM203", f"{place}.method", f"{name[:64]} is there twice: {seen[name]} has it, too")
        for key in _OF_SUCCESS:
            if key not in method or doc.is_cut(f"{place}.{key}"):
                continue
            if status == "success" and not method[key]:
                yield doc.finding("PM703", f"{place}.{key}", f"the method is called a success without {key}")
            elif status == "failed" and method[key]:
                yield doc.finding("PM704", f"{place}.{key}", f"the method failed, but has {key}")
        if status == "success" and error is not None:
            yield doc.finding("PM704", f"{place}.error", f"a success beside an error: {str(error)[:_SHOWN]}")
        if status == "failed":
            yield doc.finding("PM705", f"{place}.status", f"the method failed: {str(error)[:_SHOWN]}")
        yield from _files(doc, place, name)
    if entries and not doc.cut and all(method.get("status") != "success" for _, method in entries):
        yield doc.finding("PM709", "$.methods", "none of the methods is a success: this shows no result")


def _files(doc: Document, place: str, name: str | None) -> Findings:
    """Yield archives in another place than the method's, and one archive under two names."""
    parts = mapping(dict(doc.entries("methods"))[place], "reconstructions")
    digests: dict[str, str] = {}
    for part in parts:
        record = mapping(parts, part)
        path, digest = text(record, "path"), text(record, "sha256")
        if path is not None and path != f"{name}/{part}.npz":
            said = f"{path[-_SHOWN:]} is another place than {name}/{part}.npz"
            yield doc.finding("PM406", f"{place}.reconstructions.{part}.path", said)
        if digest is not None and digests.setdefault(digest, part) != part:
            said = f"is the archive of {digests[digest]}, too: other patterns do not give the same bytes"
            yield doc.finding("PM304", f"{place}.reconstructions.{part}.sha256", f"{digest[:16]}... {said}")

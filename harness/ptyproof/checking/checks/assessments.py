"""Whether methods that were judged on a measurement have what they claim: results, metrics, files of their own."""

from __future__ import annotations

from ptyproof.checking.model.document import Document, Findings, count, mapping, plural, text

_OF_SUCCESS = ("seconds", "reconstructions", "measures", "figures")
_SHOWN = 160


def methods(doc: Document) -> Findings:
    """Yield methods that are there twice, successes without results, failures with one, and files of another method."""
    seen: dict[str, str] = {}
    entries = doc.entries("methods")
    for place, method in entries:
        name, status, error = text(method, "method"), method.get("status"), method.get("error")
        if name is not None and seen.setdefault(name, place) != place:
            yield doc.finding("PM203", f"{place}.method", f"{name[:64]} occurs twice, also at {seen[name]}")
        for key in _OF_SUCCESS:
            if key not in method or doc.is_cut(f"{place}.{key}"):
                continue
            if status == "success" and not method[key]:
                yield doc.finding("PM703", f"{place}.{key}", f"the method is a success without {key}")
            elif status == "failed" and method[key]:
                yield doc.finding("PM704", f"{place}.{key}", f"the method failed, but has {key}")
        if status == "success" and error is not None:
            yield doc.finding("PM704", f"{place}.error", f"a success with an error: {str(error)[:_SHOWN]}")
        if status == "failed":
            yield doc.finding("PM705", f"{place}.status", f"the method failed: {str(error)[:_SHOWN]}")
        yield from _files(doc, place, name)
    if entries and not doc.cut and all(method.get("status") != "success" for _, method in entries):
        yield doc.finding("PM709", "$.methods", "no method is a success, so the file shows no result")


def networks(doc: Document) -> Findings:
    """Yield networks in another place than their part's, one network of two parts, and weights of a later epoch."""
    found, place = mapping(mapping(doc.root, "training"), "networks"), "$.training.networks"
    bundles = {f"{place}.{part}.bundle": mapping(mapping(found, part), "bundle") for part in found}
    yield from _own(doc, bundles, [f"training/{part}/model.safetensors" for part in found], "bundle")
    for part in found:
        epoch, last = (count(mapping(found, part), key) for key in ("bundle_epoch", "epochs_completed"))
        if epoch is not None and last is not None and epoch > last:
            said = f"bundle_epoch is {epoch}, but the training had {plural(last, 'epoch')}"
            yield doc.finding("PM606", f"{place}.{part}.bundle_epoch", said)


def _files(doc: Document, place: str, name: str | None) -> Findings:
    """Yield archives in another place than the method's, and one archive of two parts."""
    parts = mapping(dict(doc.entries("methods"))[place], "reconstructions")
    archives = {f"{place}.reconstructions.{part}": mapping(parts, part) for part in parts}
    yield from _own(doc, archives, [f"{name}/{part}.npz" for part in parts], "archive")


def _own(doc: Document, records: dict[str, dict[str, object]], wanted: list[str], what: str) -> Findings:
    """Yield files elsewhere than where they belong, and those that are the same as another."""
    digests: dict[str, str] = {}
    for (place, record), belongs in zip(records.items(), wanted, strict=True):
        path, digest = text(record, "path"), text(record, "sha256")
        if path is not None and path != belongs:
            yield doc.finding("PM406", f"{place}.path", f"{path[-_SHOWN:]} is not the expected path {belongs}")
        if digest is not None and digests.setdefault(digest, place) != place:
            said = f"is also the {what} of {digests[digest]}; other patterns do not give the same bytes"
            yield doc.finding("PM304", f"{place}.sha256", f"{digest[:16]}... {said}")

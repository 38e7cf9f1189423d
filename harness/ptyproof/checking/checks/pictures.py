"""Whether the pictures of a hub's report are each of one training of the hub, under one name."""

from __future__ import annotations

from ptyproof.checking.checks.cross_file import json_beside
from ptyproof.checking.model.document import Document, Findings, entries, text
from ptyproof.study.layout import TRAINING_MANIFEST

_TRAINING = f"../../real_run/{TRAINING_MANIFEST}"
_SHOWN = 120


def check(doc: Document) -> Findings:
    """Yield pictures under another cell's name, under one name twice, and of no training of the hub."""
    training = json_beside(doc, _TRAINING)
    jobs = {text(job, "job") for _, job in entries(training, "jobs", "$")} if training else None
    seen: dict[str, str] = {}
    for place, picture in doc.entries("pictures"):
        name, cell, subject = (text(picture, key) for key in ("file", "cell", "subject"))
        if name is None or cell is None:
            continue
        if subject is not None and name != f"{cell}_{subject}.png":
            said = f"{name[:_SHOWN]} is not the name of a picture of {cell[:_SHOWN]} that shows {subject[:_SHOWN]}"
            yield doc.finding("PM205", f"{place}.file", said)
        if seen.setdefault(name, place) != place:
            yield doc.finding("PM304", f"{place}.file", f"{name[:_SHOWN]} is also the picture at {seen[name]}")
        if jobs is not None and cell not in jobs:
            yield doc.finding("PM204", f"{place}.cell", f"{cell[:_SHOWN]} is not a training of {_TRAINING}")

"""The pictures of a hub's report: each is the recorded one, of a cell of the study, made from files as they are."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from ptyproof.evidence.hub import DATASETS
from ptyproof.evidence.hub_layout import FIGURES, SOURCES, TRAINING
from ptyproof.evidence.verify.files import HubFiles
from ptyproof.evidence.verify.problem import WHOLE, Problem, Problems, short


def figure_problems(files: HubFiles, manifests: Mapping[str, Any]) -> Problems:
    """Yield pictures that are missing, twice, of no training, or not the recorded ones, and what is wrong with sources.

    Datasets under `work/` may be gone; every other file that a picture was made from is there.
    """
    jobs = {job["job"] for job in manifests[TRAINING]["jobs"]} if TRAINING in manifests else None
    seen = set()
    for number, picture in enumerate(manifests[SOURCES]["pictures"]):
        place, name = f"$.pictures[{number}]", f"{FIGURES}/{picture['file']}"
        if picture["file"] != f"{picture['cell']}_{picture['subject']}.png":
            yield Problem(SOURCES, f"{place}.file", f"{picture['file']} is not named by its cell and subject")
        if name in seen:
            yield Problem(SOURCES, f"{place}.file", f"{picture['file']} is there twice")
        seen.add(name)
        if jobs is not None and picture["cell"] not in jobs:
            yield Problem(SOURCES, f"{place}.cell", f"{picture['cell']} is no training of {TRAINING}")
        if name not in files.paths:
            if name not in files.faulty:
                yield Problem(SOURCES, f"{place}.file", f"{name} is missing")
        elif files.digest(name) != picture["sha256"]:
            sentence = f"was changed: its sha256 is {short(files.digest(name))}, {SOURCES} has"
            yield Problem(name, WHOLE, f"{sentence} {short(picture['sha256'])}")
        for at, source in enumerate(picture["sources"]):
            yield from _source_problems(files, f"{place}.sources[{at}]", source)


def _source_problems(files: HubFiles, place: str, source: Mapping[str, Any]) -> Problems:
    name = posixpath.normpath(posixpath.join(FIGURES, source["path"]))
    if name.startswith("../"):
        yield Problem(SOURCES, f"{place}.path", f"{source['path']} leads out of the hub")
    elif name not in files.paths:
        if not name.startswith(f"{DATASETS}/") and name not in files.faulty:
            yield Problem(SOURCES, f"{place}.path", f"{name} is missing")
    elif files.digest(name) != source["sha256"]:
        sentence = f"the picture was made from {short(source['sha256'])}, and {name} is {short(files.digest(name))} now"
        yield Problem(SOURCES, f"{place}.sha256", f"{sentence}; `ptyproof report` draws it again")

"""Whether test halves are of the study's experiments, with their flaws, and methods were told what a view tells."""

from __future__ import annotations

from typing import Any

from ptyproof.checking.model.document import (
    Document,
    Findings,
    entries,
    halves_of,
    listed,
    mapping,
    name_of_test_half,
    text,
)

_TABLES = ("detector", "beam")
FLAWS = ("experiment", *_TABLES)  # what an archive says of them
_SHOWN = 160


def tells_in(design: dict[str, Any], view: str | None) -> list[Any]:
    """Return what a study tells methods in a view, of which a view may have its own account."""
    for own in listed(design, "views"):
        if text(own, "name") == view and "tells" in own:
            return listed(own, "tells")
    return listed(design, "tells")


def halves(doc: Document) -> Findings:
    """Yield an exposure whose test halves are not the study's own and one for each of its experiments, in order."""
    design = mapping(doc.root, "design")
    if not design or "objects" in design:
        return
    wanted = [None, *(text(entry, "name") for _, entry in entries(design, "experiments", "$"))]
    for place, dataset in doc.entries("datasets"):
        found = [text(here, "experiment") for _, half, here in halves_of(dataset, place) if half == "test"]
        if found != wanted and not doc.is_cut(place):
            said = f"the test halves are {_names(found)}, but the design has {_names(wanted)}"
            yield doc.finding("PM209", f"{place}.further_tests", said)


def told(doc: Document) -> Findings:
    """Yield methods that were told more of beam and detector than the study tells them in the view."""
    design = mapping(doc.root, "design")
    for key in ("jobs", "cells") if design else ():
        for place, record in doc.entries(key):
            tells = tells_in(design, text(record, "view"))
            more = [word for word in listed(mapping(record, "dataset"), "told") if word not in tells]
            if more:
                said = f"{record.get('method')} was told {_words(more)}, but the study tells {_words(tells)} there"
                yield doc.finding("PM624", f"{place}.dataset.told", said[:_SHOWN])


def told_networks(doc: Document) -> Findings:
    """Yield trainings that were told more of beam and detector than the study tells in the view that is trained."""
    design = mapping(doc.root, "design")
    shared = {text(view, "name"): text(view, "trained_as") for view in listed(design, "views")}
    for place, job in doc.entries("jobs") if design else ():
        view = text(job, "view")
        tells = tells_in(design, shared.get(view) or view)
        more = [word for word in listed(job, "told") if word not in tells]
        if more:
            said = f"the network was told {_words(more)}, but the study tells {_words(tells)} there"
            yield doc.finding("PM624", f"{place}.told", said[:_SHOWN])


def flaws_of(doc: Document, half: dict[str, object], is_test: bool) -> dict[str, Any]:
    """Return what the archive of a half must say of its flaws: the experiment's name, and the tables of its design."""
    design = mapping(doc.root, "design")
    name = name_of_test_half(half) if is_test and "experiment" in half else None
    own = design
    if name is not None:
        own = next((entry for entry in listed(design, "experiments") if text(entry, "name") == name), {})
    named = {} if name is None else {"experiment": name}
    return named | {key: own[key] for key in _TABLES if isinstance(own, dict) and key in own}


def _names(found: list[str | None]) -> str:
    return ", ".join("the study's own" if name is None else name for name in found)[:_SHOWN] or "none"


def _words(words: list[Any]) -> str:
    return ", ".join(map(str, words)) or "nothing"

"""Whether the description of a hub as a research object is of the hub as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from ptyproof.checking.model.document import INDEX, Findings, finding_about
from ptyproof.checking.model.hub_files import HubFiles
from ptyproof.errors import ManifestError
from ptyproof.hub.index import CRATE
from ptyproof.io.strict_json import read_json

_CODE = "PM918"


def check(files: HubFiles) -> Findings:
    """Yield where the description of the hub, if there is one, differs from the hub.

    If the index is a later one, other files are not compared, because a later run changes many of them.
    """
    if CRATE not in files.paths:
        return
    try:
        digests = dict(_digests(read_json(files.paths[CRATE])))
    except ManifestError as error:
        yield finding_about(CRATE, _CODE, "$", f"cannot be read: {error.reason}")
        return
    place, stated = digests.get(INDEX, ("$", None))
    if stated != files.digest(INDEX):
        yield finding_about(CRATE, _CODE, place, f"describes another {INDEX} than that of the hub")
        return
    for name, (place, stated) in digests.items():
        if name in files.paths and files.digest(name) != stated:
            yield finding_about(CRATE, _CODE, place, f"{name[:200]} has another sha256 in the hub")


def _digests(value: Any) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Yield the files of a description by their names, with place and digest."""
    graph = value.get("@graph") if isinstance(value, Mapping) else None
    for number, entity in enumerate(graph if isinstance(graph, list) else ()):
        if isinstance(entity, Mapping) and entity.get("@type") == "File" and isinstance(entity.get("@id"), str):
            yield unquote(entity["@id"]), (f"$.@graph[{number}].sha256", entity.get("sha256"))

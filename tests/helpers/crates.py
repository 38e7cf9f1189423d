"""What a research object holds, for tests."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any


def graph_of(crate: Path) -> dict[str, dict[str, Any]]:
    """Return the entities of a research object, a folder or a zip file, by their ids."""
    name = "ro-crate-metadata.json"
    if crate.is_dir():
        text = (crate / name).read_text(encoding="utf-8")
    else:
        with zipfile.ZipFile(crate) as archive:
            text = archive.read(name).decode("utf-8")
    return {entity["@id"]: entity for entity in json.loads(text)["@graph"]}


def actions_of(graph: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the actions of a research object by their ids, without the mark of a fragment."""
    return {key.lstrip("#"): entity for key, entity in graph.items() if entity["@type"] == "CreateAction"}


def ids(value: Any) -> list[str]:
    """Return the ids that the value of a property refers to."""
    return [entry["@id"] for entry in (value if isinstance(value, list) else [value])]

"""Which files a path means: a file itself, or the manifests in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ptyproof.checking.model.document import INDEX
from ptyproof.checking.model.files import real_path
from ptyproof.checking.model.loading import load

# Folders that hold other people's files, or copies.
LEFT_OUT = frozenset({"node_modules", "__pycache__", "build", "dist", "site-packages", "venv"})
_MAX_LOOKED_AT = 5000
_NAMES = frozenset({"hub.json", "skip_summary.json", "metrics_summary.json", "verification_report.json"})


@dataclass(frozen=True)
class LeftAlone:
    """What a call has not judged: JSON files of other kinds, and folders with JSON that were not entered."""

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


def not_entered(paths: Iterable[Path]) -> list[Path]:
    """Return the folders below those given that `gather` does not enter, although there is a `.json` file in them."""
    found = []
    for path in paths:
        for root, folders, files in os.walk(path):
            if INDEX in files and is_hub(Path(root)):
                folders.clear()  # a hub is judged with all its folders
                continue
            left_out = sorted(name for name in folders if not _is_entered(name))
            found += [Path(root, name) for name in left_out if _holds_json(Path(root, name))]
            folders[:] = sorted(set(folders) - set(left_out))
    return list(dict.fromkeys(found))


def _is_entered(name: str) -> bool:
    return not name.startswith(".") and name not in LEFT_OUT


def _holds_json(folder: Path) -> bool:
    """Tell whether a `.json` file is among the first thousands of files in a folder and below."""
    n = 0
    for _, folders, files in os.walk(folder):
        if any(name.endswith(".json") for name in files):
            return True
        n += len(folders) + len(files)
        if n > _MAX_LOOKED_AT:
            return False
    return False


def gather(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield files in the order of the paths, each once, and whether it was named.

    Of a folder these are the `.json` files in it and below; hidden folders and those of `LEFT_OUT` are not entered, and
    links to folders are not followed. An artifact hub in it is one folder that stands for all its files.
    """
    seen: set[Path] = set()
    for path in paths:
        for file, named in _inside(path) if path.is_dir() else [(path, True)]:
            real = real_path(file)
            if real not in seen:
                seen.add(real)
                yield file, named


def is_named_like_a_manifest(path: Path) -> bool:
    """Tell whether a file has the name of a manifest, so that it is one even where nothing of it can be read."""
    return path.name in _NAMES or path.name.endswith("manifest.json")


def is_hub(folder: Path) -> bool:
    """Tell whether a folder has the index of an artifact hub, be it damaged; other programs have a `hub.json`, too."""
    index = folder / INDEX
    if not index.is_file():
        return False
    if not real_path(index).is_relative_to(real_path(folder)):
        return True  # a link that leads out, which is not read
    value = load(index).value
    return value is ... or (isinstance(value, dict) and value.get("kind") == "hub_index")


def _inside(folder: Path) -> Iterator[tuple[Path, bool]]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(filter(_is_entered, folders))
        if INDEX in files and is_hub(Path(root)):
            folders.clear()
            yield Path(root), False
            continue
        for name in sorted(files):
            path = Path(root, name)
            if name.endswith(".json") and path.is_file():
                yield path, False

"""Which files a path means: a file itself, or the manifests in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ptyproof.evidence.checking.files import real_path

# Folders that hold other people's files, or copies.
LEFT_OUT = frozenset({"node_modules", "__pycache__", "build", "dist", "site-packages", "venv"})
_NAMES = frozenset({"hub.json", "skip_summary.json", "metrics_summary.json", "verification_report.json"})


def gather(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield files in the order of the paths, each once, and whether it was named.

    Of a folder these are the `.json` files in it and below; hidden folders and those of `LEFT_OUT` are not entered, and
    links to folders are not followed.
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


def _inside(folder: Path) -> Iterator[tuple[Path, bool]]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in LEFT_OUT)
        for name in sorted(files):
            path = Path(root, name)
            if name.endswith(".json") and path.is_file():
                yield path, False

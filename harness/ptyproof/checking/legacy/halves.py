"""Metrics of one half of a view, as earlier tools wrote them beside the bundle of both: does each say the same.

The half and its bundle are found by the words of their names, `train_metrics.json` beside `metrics_bundle.json`: the
words `metrics`, `bundle`, `train` and `test` aside, the two names must have the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ptyproof.checking.checks.cross_file import json_beside, same
from ptyproof.checking.model.document import Document, Findings, mapping
from ptyproof.study.layout import HALVES

_SHOWN = 120
_MAX_NAMES = 2000
_WORDS = re.compile(r"[^\W_]+")


def of_half(doc: Document) -> Findings:
    """Yield where the metrics of a half are not those that the bundle beside it has."""
    own, rest = _words(Path(doc.file).name)
    half = _half(own)
    for name, words in _beside(doc, rest):
        bundle = json_beside(doc, name) if "bundle" in words else {}
        inner = mapping(bundle, half or "")
        for key in sorted({*inner, *doc.root} if inner else ()):
            yield from same(doc, f"$.{key}", doc.root.get(key), inner.get(key), name)
        if half is None and bundle and doc.root not in [bundle.get(other) for other in HALVES]:
            yield doc.finding("PM306", "$", f"is neither half of the bundle {name[-_SHOWN:]}")


def of_bundle(doc: Document) -> Findings:
    """Yield where a half of a bundle is not what the file of the half beside it says."""
    own, rest = _words(Path(doc.file).name)
    if "bundle" not in own:
        return
    for name, words in _beside(doc, rest):
        half = _half(words)
        inner = mapping(doc.root, half or "")
        other = json_beside(doc, name) if half is not None and inner and "bundle" not in words else {}
        for key in sorted({*inner, *other} if other else ()):
            yield from same(doc, f"$.{half}.{key}", inner.get(key), other.get(key), name)


def _beside(doc: Document, rest: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield names of the other metrics in a file's folder that have the same words otherwise, and their words."""
    if doc.folder is None or not doc.reads_files:
        return
    try:
        names = sorted(path.name for path in islice(doc.folder.iterdir(), _MAX_NAMES) if path.suffix == ".json")
    except OSError:
        return
    for name in names:
        words, others = _words(name)
        if others == rest and name != Path(doc.file).name:
            yield name, words


def _words(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words of a file's name that say what part of the metrics it is, and the others."""
    words = frozenset(_WORDS.findall(name.lower().removesuffix(".json")))
    parts = frozenset({"metrics", "bundle", *HALVES})
    return words & parts, words - parts


def _half(words: frozenset[str]) -> str | None:
    named = [half for half in HALVES if half in words]
    return named[0] if len(named) == 1 else None

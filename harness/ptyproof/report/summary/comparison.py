"""The comparison of methods: its tables, and links to its files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ptyproof.hub.layout import REAL_RUN
from ptyproof.markdown import table, text
from ptyproof.report.manifests import Manifests
from ptyproof.report.remarks import remarks
from ptyproof.report.summary.files import file_link


def comparison(manifests: Manifests) -> Iterator[str]:
    """Yield account and tables of a comparison, the remarks on its methods, and links to its files and pictures."""
    from ptyproof.phases.g_compare import page, tables  # every recorded run ends in this module

    manifest, metrics = manifests.comparison, manifests.metrics
    assert manifest is not None
    assert metrics is not None
    yield f"{tables.describe_comparison(manifest)}.\n"
    yield from page.tables(metrics)
    rows = [
        [text(", ".join(remark.methods)), text(remark.text), remark.counted]
        for remark in remarks(manifest, manifests.reconstruction)
    ]
    if rows:
        yield "\nRemarks on methods:\n"
        yield from table(["method", "remark", "cells"], rows)
    files = [posixpath.join(REAL_RUN, manifest["files"][key]["path"]) for key in ("comparison", "frc_curves")]
    yield f"\nAll metrics: {', '.join(map(file_link, files))}."
    pictures = [posixpath.join(REAL_RUN, figure["file"]["path"]) for figure in manifest["figures"]]
    if pictures:
        yield f"Pictures: {', '.join(file_link(name, posixpath.basename(name)) for name in pictures)}."

"""The comparison of methods: its tables, and links to its files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from ptyproof.hub.layout import REAL_RUN
from ptyproof.report.summary.files import file_link


def comparison(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield the account and the tables of a comparison, and links to the tables of all metrics and to the pictures."""
    from ptyproof.phases.g_compare import page, tables  # every recorded run ends in this module

    yield f"{tables.describe_comparison(manifest)}.\n"
    yield from page.tables(metrics)
    files = [posixpath.join(REAL_RUN, manifest["files"][key]["path"]) for key in ("comparison", "frc_curves")]
    yield f"\nAll metrics: {', '.join(map(file_link, files))}."
    pictures = [posixpath.join(REAL_RUN, figure["file"]["path"]) for figure in manifest["figures"]]
    if pictures:
        yield f"Pictures: {', '.join(file_link(name, posixpath.basename(name)) for name in pictures)}."

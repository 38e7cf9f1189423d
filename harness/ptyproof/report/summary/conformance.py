"""The methods whose conformance a hub records, each with its verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptyproof.errors import ManifestError
from ptyproof.hub.conformance import counted, page_path
from ptyproof.hub.index import CONFORMANCE
from ptyproof.markdown import table, text
from ptyproof.records.manifest import read_manifest
from ptyproof.report.summary.files import file_link


def conformance(hub: Path) -> Iterator[str]:
    """Yield a table with a row for each record of a method; one that cannot be read has the reason."""
    rows = []
    for path in sorted((hub / CONFORMANCE).glob("*.json")):
        try:
            record = read_manifest(path, "conformance")
        except ManifestError as error:
            rows.append([file_link(f"{CONFORMANCE}/{path.name}"), "cannot be read", text(error.reason)])
        else:
            rows.append([file_link(page_path(path.stem), record["method"]), record["status"], counted(record)])
    yield from table(["method", "verdict", "checks"], rows)

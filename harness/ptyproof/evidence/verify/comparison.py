"""Phase G of a hub: tables, pictures and results are those that the comparison has, and its account adds up."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ptyproof.evidence.comparison_table import account
from ptyproof.evidence.hub_layout import COMPARISON, METRICS, REAL_RUN
from ptyproof.evidence.protocol import protocol_sha256
from ptyproof.evidence.verify.files import HubFiles
from ptyproof.evidence.verify.problem import WHOLE, Problem, Problems, short


def comparison_problems(files: HubFiles, manifests: Mapping[str, Any]) -> Problems:
    """Yield what is wrong with the comparison of a hub."""
    comparison = manifests[COMPARISON]
    for place, record in _records(comparison):
        name = posixpath.normpath(posixpath.join(REAL_RUN, record["path"]))
        if name in files.paths:
            difference = files.differs(name, record, COMPARISON)
            if difference is not None:
                yield Problem(name, WHOLE, difference)
        elif name not in files.faulty:
            yield Problem(COMPARISON, f"{place}.path", f"{name} is missing")
    yield from _account_problems(COMPARISON, comparison, comparison["cells"])
    if METRICS in manifests:
        yield from _account_problems(METRICS, manifests[METRICS], comparison["cells"])
    yield from _protocol_problems(comparison)


def _account_problems(name: str, manifest: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> Problems:
    for key, number in account(cells).items():
        if manifest["account"][key] != number:
            yield Problem(name, f"$.account.{key}", f"is {manifest['account'][key]}, counted {number}")


def _protocol_problems(comparison: Mapping[str, Any]) -> Problems:
    known = {entry["sha256"] for entry in comparison["protocols"]}
    for number, entry in enumerate(comparison["protocols"]):
        if protocol_sha256(entry["parts"]) != entry["sha256"]:
            yield Problem(COMPARISON, f"$.protocols[{number}].sha256", "is not the hash of the protocol's parts")
    for number, cell in enumerate(comparison["cells"]):
        if cell["status"] == "success" and cell["protocol"] not in known:
            sentence = f"{short(cell['protocol'])} is no protocol of the comparison"
            yield Problem(COMPARISON, f"$.cells[{number}].protocol", sentence)


def _records(comparison: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield place and record of each file; datasets are left out, as they may be gone."""
    yield "$.reconstruction_manifest", comparison["reconstruction_manifest"]
    yield from ((f"$.files.{key}", record) for key, record in comparison["files"].items())
    yield from ((f"$.figures[{n}].file", figure["file"]) for n, figure in enumerate(comparison["figures"]))
    for number, cell in enumerate(comparison["cells"]):
        if cell["status"] == "success":
            yield f"$.cells[{number}].reconstruction", cell["reconstruction"]

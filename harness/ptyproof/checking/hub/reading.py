"""The index of a hub as it was read, and the refusal to write into a hub whose recorded files were changed."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from ptyproof.checking.checks.hub_index import file_faults
from ptyproof.checking.judge import Checked, judge
from ptyproof.checking.model.document import INDEX, Document, finding_about
from ptyproof.checking.model.files import real_path
from ptyproof.checking.model.findings import Finding
from ptyproof.checking.model.hub_files import files_in, hub_files
from ptyproof.checking.model.loading import load
from ptyproof.errors import InputError, RunError
from ptyproof.hub.index import has_ends_of_jobs
from ptyproof.hub.layout import MADE_AGAIN

_FORM = ("json", "schema")


def read_index(root: Path) -> tuple[dict[str, Any] | None, list[Finding]]:
    """Return the index of a hub and what is wrong with its form or its digest; None where it cannot be gone on with."""
    if not real_path(root / INDEX).is_relative_to(real_path(root)):
        return None, [finding_about(INDEX, "PM305", "$", "is a link that points out of the hub; it was not read")]
    loaded = load(root / INDEX)
    checked = judge(loaded, INDEX, folder=root.resolve(), hash_files=False, of_hub=True)
    found = [finding for finding in checked.findings if finding.group in _FORM or finding.code == "PM210"]
    if checked.kind is not None and checked.kind != "hub_index":
        found.append(
            finding_about(INDEX, "PM903", "$.kind", f"is of the kind {checked.kind}, but hub_index is expected")
        )
    return (loaded.value if obeys_its_schema(checked) and checked.kind == "hub_index" else None), found


def obeys_its_schema(checked: Checked) -> bool:
    """Tell whether a manifest is of a known kind and has the form that its schema asks for."""
    return checked.kind is not None and not any(finding.group in _FORM for finding in checked.findings)


def refuse_ends_of_jobs(root: Path, why: str) -> None:
    """Refuse a hub with ends of jobs that its manifests do not have yet, as after a run that ended early.

    Parameters
    ----------
    root
        The hub.
    why
        Why they must be in the manifests, as part of a sentence: `no signature would cover them`.

    Raises
    ------
    InputError
        Names the file.
    """
    left = next((name for name in files_in(root).paths if has_ends_of_jobs(PurePosixPath(name).name)), None)
    if left is not None:
        raise InputError(
            f"{root}: {left} has ends of jobs that no manifest has yet, so {why}; run the command that ended early "
            "again, or ptyproof compare: both write them into the manifest"
        )


def refuse_changed(root: Path) -> None:
    """Refuse a hub whose recorded files are changed or missing although every run has ended.

    A program that writes to a hub takes stock of it, and the index would have the changed files from then on.

    Raises
    ------
    InputError
        If the folder is not a hub.
    RunError
        If a file is not the recorded one.
    """
    files = hub_files(root)
    index, found = read_index(root)
    if index is not None and all(run["status"] == "ended" for run in index["runs"]):
        recorded = {record["path"] for record in index["files"]} - set(MADE_AGAIN)
        doc = Document(index, INDEX, "hub_index", "1")
        faults = [fault for fault in file_faults(doc, files) if fault.name in recorded]
        found += [finding_about(fault.name, fault.code, "$", fault.sentence) for fault in faults]
    if found:
        raise RunError(f"{root} differs from its record, so nothing was written: {min(found)}")

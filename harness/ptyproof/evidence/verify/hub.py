"""Whether an artifact hub is what its index and its manifests say: every file, every account, every reference."""

from __future__ import annotations

from pathlib import Path

from ptyproof.errors import RunError
from ptyproof.evidence.hub_layout import CERTIFICATE, COMPARISON, MADE_AGAIN, OVERLAP, RECONSTRUCTION, SOURCES, TRAINING
from ptyproof.evidence.verify.account import account_problems, overlap_account_problems
from ptyproof.evidence.verify.certificate import certificate_problems
from ptyproof.evidence.verify.comparison import comparison_problems
from ptyproof.evidence.verify.designs import study_problems
from ptyproof.evidence.verify.figures import figure_problems
from ptyproof.evidence.verify.files import hub_files
from ptyproof.evidence.verify.index import index_problems, read_index, run_problems
from ptyproof.evidence.verify.manifests import read_manifests
from ptyproof.evidence.verify.phases import phase_file_problems
from ptyproof.evidence.verify.problem import Problem
from ptyproof.evidence.verify.reconstruction import reconstruction_problems
from ptyproof.evidence.verify.skips import skip_problems
from ptyproof.evidence.verify.training import bundle_problems, dataset_problems, model_problems


def verify_hub(root: Path) -> list[Problem]:
    """Return everything that is wrong with the hub `root`, in the order of the files' names; nothing if it is sound.

    Raises
    ------
    InputError
        If the folder is no hub.
    """
    files = hub_files(root)
    index, found = read_index(root)
    found += files.problems
    if index is not None:
        found += index_problems(root, index, files)
        found += run_problems(index, files)
    manifests, damaged = read_manifests(files)
    found += damaged
    found += phase_file_problems(files, manifests)
    found += study_problems(manifests)
    if OVERLAP in manifests:
        found += overlap_account_problems(OVERLAP, manifests[OVERLAP])
    if TRAINING in manifests:
        found += bundle_problems(files, manifests[TRAINING])
        found += account_problems(TRAINING, manifests[TRAINING])
        found += dataset_problems(manifests)
        found += model_problems(manifests)
        found += skip_problems(files, manifests, index)
    if COMPARISON in manifests:
        found += comparison_problems(files, manifests)
    if RECONSTRUCTION in manifests:
        found += reconstruction_problems(files, manifests, index)
    if CERTIFICATE in manifests:
        found += certificate_problems(manifests)
    if SOURCES in manifests:
        found += figure_problems(files, manifests)
    return sorted(set(found))


def refuse_changed(root: Path) -> None:
    """Refuse a hub whose recorded files are changed or missing although every run has ended.

    Whoever writes to a hub takes stock of it, and the index would have the changed files from then on.

    Raises
    ------
    InputError
        If the folder is no hub.
    RunError
        If a file is not the recorded one.
    """
    files = hub_files(root)
    index, problems = read_index(root)
    if index is not None and all(run["status"] == "ended" for run in index["runs"]):
        recorded = {record["path"] for record in index["files"]} - set(MADE_AGAIN)
        problems += [problem for problem in index_problems(root, index, files) if problem.file in recorded]
    if problems:
        raise RunError(f"{root} is not as it was recorded, and nothing was written: {min(problems)}")

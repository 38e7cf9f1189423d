"""What the processes of one test run share: data that many tests look at are made by the first that asks for them."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from ptyproof.io.locking import lock

Made = TypeVar("Made")

# Files are given to processes in the order of collection, these first: what takes longest must not come last. Those
# that ask for the same data stand apart, so that one process does not wait for what another makes.
LONG = (
    "plugins/test_real_run.py",
    "training/test_runner.py",
    "plugins/test_several_jobs.py",
    "records/test_journal.py",
    "checking/test_checks.py",
    "training/test_resuming.py",
    "plugins/test_record_of_runs.py",
    "io/test_schema_engines.py",
    "plugins/test_extras.py",
    "study/test_dose_overlap_training.py",
    "plugins/test_evidence.py",
    "reconstruction/test_odd_windows.py",
    "plugins/test_tree_changes.py",
    "assessment/test_degenerate_measurements.py",
    "plugins/test_killed.py",
    "assessment/test_assessment.py",
    "phases/test_disk.py",
    "reconstruction/test_iterative.py",
    "plugins/test_opaque_ids.py",
    "phases/test_phase_e.py",
    "plugins/test_at_once.py",
    "methods/test_map.py",
    "checking/test_hub_judge.py",
    "certificate/test_certify.py",
    "hostile/test_hub_says_nothing.py",
    "assessment/test_measured.py",
    "plugins/test_option_names.py",
    "mutation/test_one_judge.py",
    "physics/test_metamorphic.py",
    "plugins/test_red.py",
    "checking/test_hub_doors.py",
    "report/test_report_pictures.py",
    "plugins/test_certificate.py",
    "schemas/test_schema_rules.py",
    "phases/test_phase_g.py",
    "phases/test_scores.py",
    "checking/test_hub_records.py",
    "plugins/test_exit_status.py",
    "report/test_report_browser.py",
    "phases/test_phase_f.py",
    "test_tour.py",
    "phases/test_replicates.py",
    "phases/test_unseen_objects.py",
    "plugins/test_baseline.py",
    "jobs/test_executor.py",
    "jobs/test_job_process.py",
    "phases/test_compared_inputs.py",
    "plugins/test_conformance.py",
    "checking/test_beside_results.py",
    "report/test_hub_comparison.py",
    "jobs/test_interrupted.py",
    "docs_sync/test_collection.py",
    "cli/test_docs.py",
    "test_tutorials.py",
    "schemas/test_agreement.py",
    "plugins/test_manifests.py",
    "plugins/test_fixtures.py",
    "plugins/test_methods.py",
)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Made]) -> Made:
    """Return what `make` returns for a folder of that name; no two processes of pytest-xdist make it.

    What it returns must be data that can be pickled, and nobody changes the folder afterwards.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, record = base / name, base / f"{name}.pickle"
    folder.parent.mkdir(exist_ok=True)
    with lock(record):
        if not record.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            temporary = record.with_suffix(".made")
            temporary.write_bytes(pickle.dumps(make(folder)))
            temporary.rename(record)
        made: Made = pickle.loads(record.read_bytes())
        return made


def place_in_line(item: pytest.Item) -> int:
    """Return the place of a test's file among those that come first."""
    name = item.path.as_posix()
    return next((place for place, long in enumerate(LONG) if name.endswith(f"tests/{long}")), len(LONG))

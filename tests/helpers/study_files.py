"""A study as a file, and its jobs where the files of its data are there."""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path

from ptyproof.io.schema import validate
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.jobs import TrainingJob, build_training_jobs
from ptyproof.study.layout import phase_c_file
from ptyproof.study.toml_form import load_study, study_to_toml


def assert_read_as_written(design: StudyDesign) -> None:
    """Assert that a study obeys the schema, and comes back from its table and from its TOML."""
    validate(design.as_dict(), "study_design", "a design")
    assert design_from_dict(design.as_dict()) == design
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.toml"
        path.write_text(study_to_toml(design))
        assert load_study(str(path)) == design


def jobs_of(design: StudyDesign) -> tuple[tuple[TrainingJob, ...], Path, int]:
    """Return the jobs of a study whose halves are all there, the folder of Phase C, and the number of its halves.

    No job is skipped or left out, and each has a name of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "d").mkdir()
        for exposure, half, name in product(design.exposures, ("train", "test"), design.test_halves):
            path = phase_c_file(root / "c", exposure.dose, half, exposure.replicate, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        found = build_training_jobs(design, root / "c", root / "d", root / "e")
        n_halves = len(list((root / "c").rglob("*.npz")))
    assert (found.skipped, found.not_selected) == ((), ())
    assert len({job.key for job in found.jobs}) == len(found.jobs)
    return found.jobs, root / "c", n_halves

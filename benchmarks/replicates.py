"""A study file for each replicate of a built-in study, with the methods of the final tables.

    python -m benchmarks.replicates fly64-groups --replicates 3 --out studies

The files differ in nothing but their seeds: noise, position groups, weights and updates. The object and the scan stay.
The first replicate has the seeds of the study. One command runs a file and takes up what an earlier call left:

    OMP_NUM_THREADS=1 python -m pytest --pyargs pytest_ptyproof.real_run -m real_run \\
        --ptyproof-study=studies/replicate1.toml --artifact-hub=hubs/replicate1
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ptyproof.study.builtin import STUDY_NAMES, builtin_study
from ptyproof.study.design import StudyDesign
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.study.toml_form import study_to_toml

# Budgets in epochs where the study names none: the recipes of the engines' authors, and L-BFGS until it has converged.
METHODS = {
    "flat": None,
    "start": None,
    "pinn": None,
    "lsqml": 100,
    "start+lsqml": 40,
    "pinn+lsqml": 40,
    "map": None,
    "map-tv": None,
    "cdtools": 100,
    "xptycho": 100,
    "foundation": None,
}


def with_methods(design: StudyDesign) -> StudyDesign:
    """Return the study with all methods of the tables; those that it names keep their budget and options."""
    own = {method.name: method for method in design.reconstruction.methods}
    methods = tuple(own.get(name, MethodDesign(name, epochs)) for name, epochs in METHODS.items())
    return replace(design, reconstruction=replace(design.reconstruction, methods=methods))


def replicate(design: StudyDesign, number: int) -> StudyDesign:
    """Return the study with the seeds of a replicate: those of the study, and `number` - 1 more."""
    more = number - 1
    seeds = design.seeds
    return replace(
        design,
        seeds=replace(
            seeds,
            simulation=seeds.simulation + more,
            grouping=seeds.grouping + more,
            subsampling=seeds.subsampling + more,
        ),
        training=replace(design.training, seed=design.training.seed + more),
        reconstruction=replace(design.reconstruction, seed=design.reconstruction.seed + more),
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the files and print their paths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=STUDY_NAMES)
    parser.add_argument("--replicates", type=int, default=3, metavar="N")
    parser.add_argument("--out", type=Path, default=Path("studies"), metavar="DIR")
    args = parser.parse_args(arguments)
    if args.replicates < 1:
        parser.error(f"--replicates must be 1 or more, got {args.replicates}")
    design = with_methods(builtin_study(args.study))
    args.out.mkdir(parents=True, exist_ok=True)
    for number in range(1, args.replicates + 1):
        path = args.out / f"replicate{number}.toml"
        path.write_text(study_to_toml(replicate(design, number)), encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

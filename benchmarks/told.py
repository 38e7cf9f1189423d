"""What telling a method of a flaw of beam or detector is worth: errors of a clean scan, untold, and told.

    OMP_NUM_THREADS=1 python -m benchmarks.told lsqml --dose 1e4 --flaws mask modes psf

Each flaw alone is simulated in the test half of fly64; the method reconstructs it without and with what the dataset
knows of it; positions off by 1 px are refined. A ratio of 1 is the error of the clean scan. Errors are complex NRMSE,
by the recipe of comparisons. A method that needs a network is given one that was trained on groups of 16 patterns of
the clean training half.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ptyproof.io.dataset import read_dataset
from ptyproof.io.knowledge import KNOWLEDGE, UNCERTAIN_POSITIONS
from ptyproof.markdown import table
from ptyproof.methods.reconstruction_input import read_reconstruction_input
from ptyproof.methods.registry import known_methods
from ptyproof.metrics.against_truth import compare_objects
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.reconstruction.method import Budget, run_method
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign
from ptyproof.study.experiment import BeamDesign, DetectorDesign
from ptyproof.study.layout import cell_key, phase_c_file
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.training.device import RunOptions, configured

FLAWS: dict[str, tuple[DetectorDesign | None, BeamDesign | None]] = {
    "clean": (None, None),
    "mask": (DetectorDesign(gap_rows=((40, 3),)), None),
    "modes": (None, BeamDesign(mode_powers=(0.85, 0.15))),
    "background": (DetectorDesign(background_counts=0.05), None),
    "psf": (DetectorDesign(psf_sigma_px=0.5), None),
    "intensity": (None, BeamDesign(intensity_error=0.1)),
    "saturation": (DetectorDesign(saturation_of_peak=0.3), None),
    "positions": (None, BeamDesign(position_error_px=1.0)),
}


def flawed(name: str) -> StudyDesign:
    """Return fly64 with one flaw, of which methods may be told."""
    detector, beam = FLAWS[name]
    tells = (*KNOWLEDGE, *((UNCERTAIN_POSITIONS,) if name == "positions" else ()))
    return replace(builtin_study("fly64"), detector=detector, beam=beam, tells=tells)


def trained(root: Path, dose: float) -> Path:
    """Return the bundle of a network of groups of 16 patterns of the clean training half."""
    from ptyproof.training.runner import TrainingTask, train
    from ptyproof.training.scan import read_scan

    design = builtin_study("fly64")
    scan = read_scan(phase_c_file(root, dose, "train"))
    key = cell_key(dose, "groups16", 4)
    task = TrainingTask(design.name, design.digest(), key, dose, "groups16", 4, 24, design.training)
    return train(task, scan, root, RunOptions(accelerator="cpu", threads=1)).bundle_path


def errors(name: str, entry: MethodDesign, dose: float, root: Path, bundle: Path | None = None) -> Iterator[float]:
    """Yield the complex NRMSE of a method that is told nothing, and of the same method that is told."""
    design = flawed(name)
    design = replace(design, reconstruction=replace(design.reconstruction, methods=(entry,)))
    generate(design, load_base(design, "builtin"), root, (dose,))
    path = phase_c_file(root, dose, "test")
    method = known_methods(design)[entry.name].method
    given, truth = read_reconstruction_input(path, "test", root), read_dataset(path).dataset.obj
    assert truth is not None  # the half was simulated
    for told in (False,) if name == "clean" else (False, True):
        batch_size = design.reconstruction.batch_size
        words = design.tells if told else ()
        scan = given.to_be_told(words, method.needs.may_be_told).scan(False, 0.0, batch_size, bundle)
        found = run_method(method, scan, Budget(entry.epochs), np.random.default_rng(0))
        error = compare_objects(found.obj, truth, given.illumination)["complex_nrmse"].value
        assert error is not None  # there is a truth
        yield error


def main(argv: list[str] | None = None) -> None:
    """Print the table of a method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method")
    parser.add_argument("--epochs", type=int, help="default: the method's own")
    parser.add_argument("--options", default="", metavar="KEY=VALUE,...", help="numbers and texts of the method")
    parser.add_argument("--dose", type=float, default=1e4)
    parser.add_argument("--flaws", nargs="+", choices=[*FLAWS][1:], metavar="FLAW", default=[*FLAWS][1:])
    parser.add_argument("--data", type=Path, help="folder of simulations, which are reused (default: none)")
    args = parser.parse_args(argv)
    pairs = [part.split("=") for part in args.options.split(",") if part]
    entry = MethodDesign(args.method, args.epochs, {key: _value(text) for key, text in pairs})
    rows = []
    with tempfile.TemporaryDirectory() as folder, configured(RunOptions(accelerator="cpu", threads=1), 0):
        clean = bundle = None
        if known_methods(builtin_study("fly64"))[args.method].needs_training:
            root = (args.data or Path(folder)) / "clean"
            generate(flawed("clean"), load_base(flawed("clean"), "builtin"), root, (args.dose,))
            bundle = trained(root, args.dose)
        for name in ["clean", *args.flaws]:
            found = list(errors(name, entry, args.dose, (args.data or Path(folder)) / name, bundle))
            clean = clean or found[0]
            rows.append([name, *(f"{error:.4f} ({error / clean:.2f})" for error in found), *["–"] * (2 - len(found))])
            print(" ".join(rows[-1]), flush=True)
    print("\n" + "\n".join(table(["flaw", "untold (ratio)", "told (ratio)"], rows)))


def _value(text: str) -> float | int | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if "." not in text and number.is_integer() else number


if __name__ == "__main__":
    main()

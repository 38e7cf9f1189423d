"""How many projections the initial estimate needs, by photons that it was not shown.

    python -m benchmarks.start_iterations fly64-groups
    python -m benchmarks.start_iterations fly64-groups --phase-c-root hub/work/phase_c

For each dose, binomial thinning gives each photon of the train half's patterns to the initial estimate with a
probability of 0.9. The Poisson loss of the other photons judges the estimate; it is the mean over three divisions of
the photons. The rule takes the smallest number after which no larger number lowers the loss by more than a thousandth
of what all projections after the first one lower it; of several doses, the largest of these numbers. The truth has no
part in it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ptyproof import clock
from ptyproof.markdown import table
from ptyproof.methods.network import Start
from ptyproof.methods.reconstruction_input import read_reconstruction_input
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.reconstruction.method import Budget
from ptyproof.reconstruction.thinned_scan import ThinnedScan
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign
from ptyproof.study.layout import phase_c_file
from ptyproof.study.seeds import stream
from ptyproof.training.device import RunOptions, configured

NUMBERS = (1, 2, 4, 6, 8, 12, 16, 20, 24, 32)
N_DIVISIONS = 3
FRACTION = 1e-3


def chosen(losses: Mapping[int, float], fraction: float = FRACTION) -> int:
    """Return the smallest number of projections that the rule takes, from the loss of each number."""
    numbers = sorted(losses)
    smallest = min(losses.values())
    allowed = fraction * (losses[numbers[0]] - smallest)
    return next(n for n in numbers if losses[n] - min(losses[m] for m in numbers if m >= n) <= allowed)


def judged(design: StudyDesign, phase_c_root: Path, dose: float) -> tuple[dict[int, float], float]:
    """Return the loss of thinned photons (nats per pixel) of each number, and the seconds of a projection."""
    path = phase_c_file(phase_c_root, dose, "train")
    given = read_reconstruction_input(path, "train", phase_c_root)
    scan = given.scan(False, 0.0, design.reconstruction.batch_size, None)
    losses = dict.fromkeys(NUMBERS, 0.0)
    began = clock.seconds()
    for division in range(N_DIVISIONS):
        rng = stream(design.training.seed, "start iterations", f"{dose:g}", str(division))
        thinned = ThinnedScan.of(scan, rng)
        for n in NUMBERS:
            start = Start(replace(design.training.network, start_iterations=n))
            found = start.reconstruct(thinned.shown, Budget(), np.random.default_rng(0))
            losses[n] += thinned.loss(found) / N_DIVISIONS
    return losses, (clock.seconds() - began) / (N_DIVISIONS * sum(NUMBERS))


def main(argv: list[str] | None = None) -> None:
    """Print the table of a study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", help="a built-in study")
    parser.add_argument("--phase-c-root", type=Path, help="its data (default: simulated for this)")
    parser.add_argument("--dose", type=float, nargs="+", help="doses (default: all of the study)")
    args = parser.parse_args(argv)
    design = builtin_study(args.study)
    with tempfile.TemporaryDirectory() as folder, configured(RunOptions(accelerator="cpu", threads=1), 0):
        root = args.phase_c_root
        if root is None:
            root = Path(folder)
            generate(design, load_base(design, "builtin"), root)
        doses = args.dose or design.doses_photons_per_pattern
        found = {dose: judged(design, root, dose) for dose in doses}
    print("\n".join(lines_of({dose: losses for dose, (losses, _) in found.items()})))
    seconds = np.median([each for _, each in found.values()])
    numbers = {dose: chosen(losses) for dose, (losses, _) in found.items()}
    print(f"\nchosen: {', '.join(f'{n} at {dose:g}' for dose, n in numbers.items())}; together {max(numbers.values())}")
    print(f"a projection of the whole half takes {seconds:.3f} s here")


def lines_of(losses: Mapping[float, Mapping[int, float]]) -> Iterator[str]:
    """Yield a table: what each number leaves of the fall of the loss from one projection, in thousandths."""
    rows = []
    for n in NUMBERS:
        cells = [str(n)]
        for of_dose in losses.values():
            smallest = min(of_dose.values())
            cells.append(f"{1e3 * (of_dose[n] - smallest) / (of_dose[NUMBERS[0]] - smallest):.2f}")
        rows.append(cells)
    yield from table(["projections", *(f"{dose:g}" for dose in losses)], rows)


if __name__ == "__main__":
    main()

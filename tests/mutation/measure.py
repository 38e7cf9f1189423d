"""How many random mutations of real manifests the checker finds: `python -m tests.mutation.measure --count 2000`.

The manifests are those of the smoke study, with the files that they name beside them; each is mutated in its place.
A mutation is found if the checker has more against the file than before, an error or a warning.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ptyproof.checking import judge as run
from ptyproof.io.file_digests import FileDigests
from tests.helpers.mutations import Mutation, mutate
from tests.mutation.explained import explanation

_WEIGHTS = {"training_manifest.json": 12, "run_manifest.json": 3, "overlap_manifest.json": 3}


Class = tuple[str, str, str]


@dataclass
class Tally:
    """What became of mutations: how many, how many were found, and the others by file, name and place."""

    n: int = 0
    found: int = 0
    explained: Counter[Class] = field(default_factory=Counter)
    missed: Counter[Class] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Found ones among all."""
        return self.found / self.n

    @property
    def rate_of_findable(self) -> float:
        """Found ones among those that something contradicts."""
        return self.found / (self.found + self.missed.total())


def measure(root: Path, count: int, seed: int) -> Tally:
    """Mutate the manifests below `root` `count` times, each in its place, and tell what the checker finds."""
    manifests = sorted(root.glob("**/*.json"))
    rng = random.Random(seed)
    texts = {path: path.read_text(encoding="utf-8") for path in manifests}
    weights = [_WEIGHTS.get(path.name, 1) for path in manifests]
    digests = FileDigests()
    before = {path: findings_of(path, root, digests) for path in manifests}
    tally = Tally()
    for _ in range(count):
        (path,) = rng.choices(manifests, weights)
        mutation = mutate(json.loads(texts[path]), texts[path], rng)
        tally.n += 1
        try:
            path.write_text(mutation.text, encoding="utf-8")
            found = bool(findings_of(path, root, digests) - before[path])
        finally:
            path.write_text(texts[path], encoding="utf-8")
        _count(tally, path, mutation, found)
    return tally


def findings_of(path: Path, root: Path, digests: FileDigests) -> set[tuple[str, str, str]]:
    """Return code, place and message of each finding that is more than a remark."""
    run.UPSETTING = ()  # what upsets a check is to be seen
    checked = run.check_manifest(path, digests=digests, home=root)
    return {
        (finding.code, finding.json_path, finding.message) for finding in checked.findings if finding.severity != "info"
    }


def _count(tally: Tally, path: Path, mutation: Mutation, found: bool) -> None:
    if found:
        tally.found += 1
        return
    kind = tally.missed if explanation(mutation.place) is None else tally.explained
    kind[path.name, mutation.name, mutation.place] += 1


def report(tally: Tally) -> Iterable[str]:
    """Yield the lines about a measurement: the rates, the explanations, and what is missed without one."""
    yield f"mutations {tally.n}: found {tally.found}, {100 * tally.rate:.2f} %"
    yield f"of those that something beside the statement contradicts: {100 * tally.rate_of_findable:.2f} %"
    by_reason: Counter[str] = Counter()
    for (_, _, place), n in tally.explained.items():
        by_reason[str(explanation(place))] += n
    for reason, n in by_reason.most_common():
        yield f"not found {n:4d}: {reason}"
    for (file, name, place), n in tally.missed.most_common():
        yield f"missed {n:4d}: {file}: {name} at {place}"


def run_smoke_study(root: Path) -> None:
    """Run the smoke study's phases below `root`."""
    from ptyproof.console import Console
    from ptyproof.phases.base import load_base
    from ptyproof.phases.c_simulate.generate import generate
    from ptyproof.phases.d_overlap.overlap import overlap
    from ptyproof.phases.e_train.train import TrainingPhase
    from ptyproof.study.builtin import builtin_study
    from ptyproof.study.jobs import JobFilters
    from ptyproof.training.device import RunOptions

    study = builtin_study("fly64-smoke")
    generate(study, load_base(study, "builtin"), root / "c")
    overlap(root / "c", root / "d")
    phase = TrainingPhase.opened(root / "c", root / "d", root / "e", RunOptions(accelerator="cpu", threads=1))
    phase.run(phase.enumerate(JobFilters()), JobFilters(), False, Console.silent())


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; exit 1 below the rate that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.measure", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.98, help="exit 1 if fewer are found (default: 0.98)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        run_smoke_study(Path(folder).resolve())
        tally = measure(Path(folder).resolve(), args.count, args.seed)
    sys.stdout.writelines(f"{line}\n" for line in report(tally))
    return 0 if tally.rate_of_findable >= args.least else 1


if __name__ == "__main__":
    raise SystemExit(main())

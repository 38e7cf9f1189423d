"""Phase C: simulate a dataset for each dose and split it into halves that share no illuminated pixel.

The way of the data: base (object, probe, positions) -> halves -> for each dose and half: probe scaled to the
dose -> object patches at sub-pixel positions -> expected counts |F(P O)|^2 -> Poisson counts -> float32
amplitudes -> DATA-001 archive, a block of patterns at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from ptyproof.console import Console, Progress
from ptyproof.errors import InputError, RunError
from ptyproof.io.atomic import sweep, writable_folder
from ptyproof.io.dataset import encode_metadata, with_transformation
from ptyproof.io.file_record import file_is_whole, file_record
from ptyproof.io.hashing import combine_digests, sha256_json
from ptyproof.io.locking import lock
from ptyproof.io.metadata import without_detector
from ptyproof.io.npz import NpzWriter
from ptyproof.io.patterns import PatternStatistics, pattern_problems
from ptyproof.phases.base import Base, base_of_replicate
from ptyproof.phases.c_simulate.contract import check_simulation
from ptyproof.phases.c_simulate.experiment import Experiment
from ptyproof.phases.c_simulate.parts import Part, parts_of, parts_of_experiment, scaled_probes
from ptyproof.phases.objects import MadeObjects, make_objects
from ptyproof.physics.dose import mean_photons
from ptyproof.physics.forward import iterate_patches, simulate_counts
from ptyproof.physics.split import HalfSplit, split_halves
from ptyproof.provenance.environment import environment
from ptyproof.records.manifest import TOOL_LABEL, read_manifest, same_but_time, timed_head, write_manifest
from ptyproof.study.design import StudyDesign
from ptyproof.study.exposures import Exposure, check_no_fewer_replicates, exposure_of, select_exposures
from ptyproof.study.layout import RUN_MANIFEST, dose_folder, halves_of, phase_c_file, simulation_key
from ptyproof.study.seeds import stream

if TYPE_CHECKING:
    from ptyproof_schemas.types.common import Stream
    from ptyproof_schemas.types.dataset_metadata import DatasetMetadata
    from ptyproof_schemas.types.run_manifest import Dataset as DatasetEntry
    from ptyproof_schemas.types.run_manifest import Half as HalfEntry
    from ptyproof_schemas.types.run_manifest import RunManifest, SimulatedObject


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is the same for every dose of a replicate; base and experiments are those of the replicate.

    The first experiment is the study's own beam and detector.
    """

    design: StudyDesign
    base: Base
    split: HalfSplit
    experiments: tuple[Experiment, ...]
    recipe_digest: str

    @property
    def simulated(self) -> list[tuple[Experiment, Part]]:
        """The halves that are simulated, each with its beam and detector."""
        return [(experiment, part) for experiment in self.experiments for part in experiment.parts]

    def of_replicate(self, replicate: int) -> _Plan:
        """Return the plan of a replicate, with objects of its own if the study wants them, and flaws of its own."""
        flawed = any(experiment.flaws for experiment in self.experiments)
        if replicate == 1 or not (self.design.replicate_objects or flawed):
            return self
        if not self.design.replicate_objects:
            return replace(self, experiments=tuple(replace(own, replicate=replicate) for own in self.experiments))
        base = base_of_replicate(self.design, self.base, replicate)
        parts = parts_of(base, self.split, _objects(self.design, base, replicate))
        return replace(self, base=base, experiments=_experiments(self.design, base, replicate, parts))


def generate(
    design: StudyDesign,
    base: Base,
    output_root: Path,
    doses: tuple[float, ...] | None = None,
    console: Console | None = None,
    replicates: tuple[int, ...] | None = None,
) -> RunManifest:
    """Write `dose_*/patched_{train,test}.npz` and `run_manifest.json` under `output_root`; return the manifest.

    Doses whose files are there, whole, and made by the same recipe are reused. Doses that an earlier call made
    stay in the manifest.

    Parameters
    ----------
    design, base
        The study, and its base from `load_base`.
    output_root
        Folder for the data; made if it is missing.
    doses
        Doses to make, photons per pattern, each one of the design's; None makes all.
    console
        Where progress is shown; None is silent.
    replicates
        Replicates to make, each one of the design's; None makes all.

    Raises
    ------
    InputError
        If a dose or replicate is not the study's, the split leaves a half empty, what would be written could not be
        read again (`check_simulation`), or `output_root` cannot take files or belongs to another study or to one with
        more replicates; nothing is written then.
    RunError
        If writing fails while it is under way; what was complete stays complete.
    """
    console = console or Console.silent()
    wanted = select_exposures(design.exposures, doses, replicates)
    dataset = base.dataset
    lit, *others = [experiment.illuminating for experiment in _experiments(design, base, 1, ())]
    split = split_halves(dataset.positions_px, lit, design.illumination_fraction, others)
    objects = _objects(design, base, 1)
    experiments = _experiments(design, base, 1, parts_of(base, split, objects))
    plan = _Plan(design, base, split, experiments, _recipe_digest(design, base, objects))
    for own, exposed in _by_objects(plan, wanted):
        for experiment in own.experiments:
            check_simulation(own.base, experiment, exposed)
    writable_folder(output_root, "--output-root")
    with lock(output_root / RUN_MANIFEST):
        return _generate(plan, wanted, output_root, console)


def _experiments(design: StudyDesign, base: Base, replicate: int, parts: tuple[Part, ...]) -> tuple[Experiment, ...]:
    """Return the study's own beam and detector with all parts, and each experiment with its test half."""
    seed, probe = design.seeds.simulation, base.dataset.illuminating
    return (
        Experiment(design, seed, replicate, probe, parts),
        *(Experiment(one, seed, replicate, probe, parts_of_experiment(parts, one.name)) for one in design.experiments),
    )


def _objects(design: StudyDesign, base: Base, replicate: int) -> MadeObjects | None:
    """Return the objects of a replicate; None where halves of the base's object are trained on and tested on."""
    obj = base.dataset.obj
    assert obj is not None  # load_base refuses a base without an object
    return None if design.objects is None else make_objects(design.objects, (obj.shape[0], obj.shape[1]), replicate)


def _by_objects(plan: _Plan, wanted: tuple[Exposure, ...]) -> Iterator[tuple[_Plan, tuple[float, ...]]]:
    """Yield a plan for all replicates with the same objects and flaws, and its doses."""
    for replicate in dict.fromkeys(exposure.replicate for exposure in wanted):
        own = plan.of_replicate(replicate)
        if own is not plan or replicate == wanted[0].replicate:
            doses = tuple(exposure.dose for exposure in wanted if exposure.replicate == replicate)
            yield own, doses


def _generate(plan: _Plan, wanted: tuple[Exposure, ...], output_root: Path, console: Console) -> RunManifest:
    design, split = plan.design, plan.split
    manifest_path = output_root / RUN_MANIFEST
    manifest = _new_manifest(plan)
    earlier = _earlier_manifest(manifest_path, manifest)
    sweep(output_root)
    console.say(
        f"split along y at row {split.line_px:.1f} px: {len(split.train)} train and {len(split.test)} test positions, "
        f"{len(split.left_out)} left out because their illumination crosses the line"
    )
    done = {exposure_of(entry): entry for entry in earlier["datasets"]} if earlier else {}
    for exposure in wanted:
        if exposure in done and _is_reusable(done[exposure], plan, output_root):
            console.say(f"{exposure}: reused, files are whole and made by the same recipe")
            continue
        try:
            done[exposure] = _make_exposure(plan.of_replicate(exposure.replicate), exposure, output_root, console)
            manifest["datasets"] = [done[known] for known in design.exposures if known in done]
            write_manifest(manifest_path, manifest)
        except OSError as error:
            raise RunError(f"writing {exposure} under {output_root} failed: {error.strerror or error}") from error
    manifest["datasets"] = [done[known] for known in design.exposures if known in done]
    if earlier is None or not same_but_time(earlier, manifest):
        write_manifest(manifest_path, manifest)
    return manifest


def _recipe_digest(design: StudyDesign, base: Base, objects: MadeObjects | None) -> str:
    """Digest of all that decides the arrays of a dose, except the dose itself and the replicate."""
    parts: dict[str, Any] = {
        "base": base.sha256,
        "illumination_fraction": design.illumination_fraction,
        "seed": design.seeds.simulation,
        "tool": TOOL_LABEL,
    }
    if design.replicate_objects:
        parts["replicate_objects"] = True
    if objects is not None:
        parts["objects"] = objects.digests()
    for key, table in (("detector", design.detector), ("beam", design.beam)):
        if table is not None:
            parts[key] = table.as_dict()
    if design.experiments:
        parts["experiments"] = [experiment.as_dict() for experiment in design.experiments]
    return sha256_json(parts)


def _new_manifest(plan: _Plan) -> RunManifest:
    dataset, split = plan.base.dataset, plan.split
    assert dataset.obj is not None  # load_base refuses a base without an object
    return {
        **timed_head("run_manifest"),
        "study": plan.design.name,
        "design": plan.design.as_dict(),
        "design_digest": plan.design.digest(),
        "recipe_digest": plan.recipe_digest,
        "base": {
            "name": plan.base.name,
            "arrays_sha256": plan.base.sha256,
            "object_shape_px": list(dataset.obj.shape),
            "probe_shape_px": list(dataset.probe.shape),
            "n_positions": len(dataset.positions_px),
            "changes_on_reading": list(plan.base.changes),
        },
        "split": {
            "axis": "y",
            "line_px": split.line_px,
            "illumination_fraction": plan.design.illumination_fraction,
            "illuminated_rows_px": list(split.illuminated_rows),
            "n_positions": len(dataset.positions_px),
            "n_train": len(split.train),
            "n_test": len(split.test),
            "n_left_out": len(split.left_out),
        },
        "environment": environment(),
        "datasets": [],
    }


def _earlier_manifest(path: Path, new: RunManifest) -> RunManifest | None:
    """Return the manifest that stands in the output root, if it is of the same recipe."""
    if not path.exists():
        return None
    earlier = read_manifest(path, "run_manifest")
    if earlier["recipe_digest"] != new["recipe_digest"]:
        raise InputError(
            f"{path} is the record of study {earlier['study']} on base {earlier['base']['name']}, made by another "
            f"recipe (base, split, seed or version differ); choose another --output-root for study {new['study']}"
        )
    check_no_fewer_replicates(path, earlier["design"], new["design"].get("replicates", 1))
    return earlier


def _is_reusable(entry: DatasetEntry, plan: _Plan, output_root: Path) -> bool:
    same = entry["recipe_digest"] == plan.recipe_digest
    return same and all(file_is_whole(half["file"], output_root) for _, _, half in halves_of(entry))


def _make_exposure(plan: _Plan, exposure: Exposure, output_root: Path, console: Console) -> DatasetEntry:
    dose, replicate = exposure
    simulated = plan.simulated
    probes = [probe for own in plan.experiments for probe in scaled_probes(own.illuminating, own.parts, dose)]
    folder = dose_folder(dose, replicate)
    (output_root / folder).mkdir(exist_ok=True)
    paths = [phase_c_file(output_root, dose, part.half, replicate, part.test_half) for _, part in simulated]
    n_patterns = sum(len(part.positions_px) for _, part in simulated)
    with console.progress(f"simulate {exposure}", n_patterns, "pattern") as progress, ExitStack() as stack:
        # all appear when all are complete, or none
        archives = [stack.enter_context(NpzWriter(path)) for path in paths]
        made = [
            _make_part(plan, experiment, part, probe, exposure, archive, progress)
            for (experiment, part), probe, archive in zip(simulated, probes, archives, strict=True)
        ]
    halves: list[HalfEntry] = [
        {"file": file_record(path, output_root), **half} for path, half in zip(paths, made, strict=True)
    ]
    further: _Further = {"further_tests": halves[2:]} if len(halves) > 2 else {}
    entry: DatasetEntry = {
        **exposure.as_dict(),
        "folder": folder,
        "recipe_digest": plan.recipe_digest,
        "train": halves[0],
        "test": halves[1],
        **further,
    }
    numbers = [f"{half['n_patterns']} {part.label}" for (_, part), half in zip(simulated, halves, strict=True)]
    measured = [f"{half['photons_per_pattern_measured']:.6g}" for half in halves]
    console.say(f"{exposure}: {_joined(numbers)} patterns, {_joined(measured)} photons per pattern measured")
    return entry


class _Further(TypedDict, total=False):
    further_tests: list[HalfEntry]


def _joined(texts: list[str]) -> str:
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


class _HalfWithoutFile(TypedDict):
    arrays_sha256: str
    n_patterns: int
    photons_per_pattern_requested: float
    photons_per_pattern_expected: float
    photons_per_pattern_measured: float
    max_count: int
    seed: Stream
    objects: NotRequired[list[SimulatedObject]]
    experiment: NotRequired[str]


def _make_part(
    plan: _Plan,
    experiment: Experiment,
    part: Part,
    probe: npt.NDArray[np.complexfloating],
    exposure: Exposure,
    archive: NpzWriter,
    progress: Progress,
) -> _HalfWithoutFile:
    dose, n = exposure.dose, len(part.positions_px)
    window = (probe.shape[-2], probe.shape[-1])
    shape = (n, *window)
    seed, key = plan.design.seeds.simulation, simulation_key(*exposure, part.half, part.object_name)
    tally, detector = _Tally(), experiment.detector(part, dose)
    counts = simulate_counts(part.obj, probe, part.positions_px, stream(seed, *key), detector=detector)
    archive.add_blocks("diffraction", shape, np.float32, _amplitudes(counts, tally, progress))
    archive.add_blocks("Y", shape, np.complex64, iterate_patches(part.obj, part.positions_px, window))
    archive.add("objectGuess", part.obj)
    archive.add("probeGuess", probe)
    given_px = experiment.given_px(part)
    archive.add("ycoords", given_px[:, 0])
    archive.add("xcoords", given_px[:, 1])
    archive.add("scan_index", part.scan_index)
    for name, array in experiment.arrays(part, detector).items():
        archive.add(name, array)
    digests = dict(archive.digests)
    measured = tally.photons / n
    metadata = _metadata(plan, experiment, part, dose, measured, {"root": seed, "key": key})
    metadata = experiment.record(metadata, detector)
    for reason in pattern_problems(tally.statistics(n), metadata):
        raise RunError(f"{exposure}: the {part.label} half would not be read again: diffraction {reason}")
    archive.add("_metadata", encode_metadata(metadata))
    half: _HalfWithoutFile = {
        "arrays_sha256": combine_digests(digests),
        "n_patterns": n,
        "photons_per_pattern_requested": dose,
        "photons_per_pattern_expected": mean_photons(part.obj, probe, part.positions_px, detector),
        "photons_per_pattern_measured": measured,
        "max_count": tally.max_count,
        "seed": {"root": seed, "key": key},
    }
    if part.objects:
        half["objects"] = part.records
    if part.experiment is not None:
        half["experiment"] = part.experiment
    return half


@dataclass
class _Tally:
    """What is known of counts that were drawn: their sum, the largest, their mean pattern, and if all are squares."""

    photons: int = 0
    max_count: int = 0
    squares: int = 0
    all_squares: bool = True
    total: npt.NDArray[np.float64] | None = None

    def add(self, counts: npt.NDArray[np.integer[Any]], amplitude: npt.NDArray[np.float32]) -> None:
        """Take a block (k, H, W) of counts and its amplitudes."""
        self.photons += int(counts.sum(dtype=np.int64))
        self.max_count = max(self.max_count, int(counts.max()))
        if self.all_squares:
            self.all_squares = bool((amplitude == np.rint(amplitude)).all())
            self.squares += int(np.count_nonzero(amplitude > 1.5))
        pattern = counts.sum(axis=0, dtype=np.float64)
        self.total = pattern if self.total is None else self.total + pattern

    def statistics(self, n: int) -> PatternStatistics:
        """Return what a reader will find in the n patterns."""
        assert self.total is not None  # a half has positions
        return PatternStatistics(
            scale_known=True,
            not_finite=0,
            negative=0,
            not_whole=0,
            largest_deviation=0.0,
            photons_per_pattern=self.photons / n,
            all_whole=self.all_squares,
            above_one=self.squares if self.all_squares else 0,
            largest=float(np.sqrt(self.max_count)),
            mean_intensity=self.total / n,
        )


def _amplitudes(
    blocks: Iterator[npt.NDArray[np.integer[Any]]], tally: _Tally, progress: Progress
) -> Iterator[npt.NDArray[np.float32]]:
    for counts in blocks:
        amplitude = np.sqrt(counts, dtype=np.float32)
        tally.add(counts, amplitude)
        yield amplitude
        progress.update(len(counts))


def _metadata(
    plan: _Plan, experiment: Experiment, part: Part, dose: float, measured: float, seed: Stream
) -> DatasetMetadata:
    split = plan.split
    detail = {"axis": "y", "line_px": split.line_px, "half": part.half, "n_left_out": len(split.left_out)}
    record = with_transformation(without_detector(plan.base.dataset.metadata), "split", detail)
    if part.objects:
        record = with_transformation(record, "objects of the study", {"objects": part.records})
    how = {"noise": "Poisson", "amplitude": "sqrt(counts)", **experiment.flaws}
    return with_transformation(record, "simulate", how) | {
        "role": "simulation",
        "photons_per_pattern_requested": dose,
        "photons_per_pattern_measured": measured,
        "intensity_scale": 1.0,
        "seed": seed,
        "split": part.half,
        "source": {"name": plan.base.name, "sha256": plan.base.sha256, "of": "arrays"},
    }

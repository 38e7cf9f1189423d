"""Methods judged on a measurement, of which no truth is known.

A method reconstructs the scan without some held-out patterns, and two random halves of it, each by itself. How well the
first explains patterns it has not seen, and up to which frequency the halves agree, needs no truth (van Heel & Schatz,
J. Struct. Biol. 151, 250, 2005: half a bit is the threshold for halves of one dataset).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.assessment.half_scans import HalfScan, half_scan_agreement
from ptyproof.assessment.own_training import OwnNetwork, OwnTraining
from ptyproof.assessment.plots import draw_half_scans, draw_object
from ptyproof.console import Console, Progress
from ptyproof.errors import DataError, InputError
from ptyproof.io.atomic import sweep, writable_folder
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.file_record import file_record
from ptyproof.io.hashing import sha256_file, sha256_json
from ptyproof.io.knowledge import KNOWLEDGE, UNCERTAIN_POSITIONS, Knowledge, Tell
from ptyproof.io.metadata import file_name
from ptyproof.jobs.ends import reason_of
from ptyproof.methods.reconstruction_input import ReconstructionInput, read_reconstruction_input, subset
from ptyproof.methods.registry import Registered
from ptyproof.metrics.against_truth import MetricValue, undefined
from ptyproof.metrics.data_fit import data_fit_metrics
from ptyproof.metrics.definitions import metric_definitions
from ptyproof.metrics.protocol import Recipe
from ptyproof.physics.frc import RingCorrelation
from ptyproof.provenance.redaction import redaction
from ptyproof.reconstruction.method import POSITIONS, Budget, PositionKnowledge, run_method
from ptyproof.records.archive import Origin, ReconstructionArchive, positions_record, read_archive, write_archive
from ptyproof.records.manifest import timed_head, write_manifest
from ptyproof.study.reconstruction import ProbeKnowledge
from ptyproof.study.seeds import stream
from ptyproof.training.bundle import read_bundle
from ptyproof.training.device import RunOptions, compute_environment, configured

if TYPE_CHECKING:
    from ptyproof_schemas.types.assessment import Assessment, Bundle, Networks, Seconds, Training
    from ptyproof_schemas.types.assessment import Method as MethodRecord

Part = Literal["fit", "half_a", "half_b"]

ASSESSMENT = "assessment.json"
PARTS: tuple[Part, ...] = ("fit", "half_a", "half_b")
_MIN_POSITIONS = 8
_Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AssessmentPlan:
    """How methods are judged on a measurement.

    Parameters
    ----------
    probe
        `estimated` refines the dataset's probe, `true` holds it fixed.
    held_out_fraction
        Part of the patterns that no method sees, of which the others judge it; in (0, 0.5].
    seed
        Decides which patterns are held out, which half is which, and the methods' random numbers.
    batch_size
        Patterns of an update of iterative methods.
    recipe
        Crop, registration and thresholds.
    positions
        `estimated` lets methods that can refine the dataset's positions, `given` takes them as they are.
    tells
        What methods are told of beam and detector, as far as the dataset knows it and they use it. All that it knows
        judges each of them.
    """

    probe: ProbeKnowledge = "estimated"
    held_out_fraction: float = 0.1
    seed: int = 654
    batch_size: int = 64
    recipe: Recipe = field(default_factory=Recipe)
    positions: PositionKnowledge = "given"
    tells: tuple[Knowledge, ...] = KNOWLEDGE

    def __post_init__(self) -> None:
        if self.probe not in ("true", "estimated"):
            raise InputError(f"--probe must be true or estimated, got {self.probe!r}")
        if self.positions not in POSITIONS:
            raise InputError(f"--positions must be given or estimated, got {self.positions!r}")
        if not 0 < self.held_out_fraction <= 0.5:
            raise InputError(f"--held-out must be a fraction in (0, 0.5], got {self.held_out_fraction:g}")

    def parts(self, n: int) -> tuple[dict[Part, _Index], _Index]:
        """Return the positions of each reconstruction, and those that are held out: indices (m,) int64, ascending."""
        order = stream(self.seed, "assessment", "held out").permutation(n)
        n_held_out = max(1, round(self.held_out_fraction * n))
        halves = stream(self.seed, "assessment", "halves").permutation(n)
        chosen: dict[Part, _Index] = {"fit": order[n_held_out:], "half_a": halves[: n // 2], "half_b": halves[n // 2 :]}
        return {name: np.sort(index) for name, index in chosen.items()}, np.sort(order[:n_held_out])


@dataclass(frozen=True)
class Task:
    """A method to judge, and its number of epochs (None: no iterations, or the method's own number)."""

    method: Registered
    epochs: int | None


def assess(
    path: Path,
    out: Path,
    tasks: Sequence[Task],
    plan: AssessmentPlan,
    options: RunOptions,
    network: Path | OwnTraining | None = None,
    console: Console | None = None,
) -> Assessment:
    """Judge methods on a measurement; write reconstructions, pictures and `assessment.json` into `out`.

    Parameters
    ----------
    path
        DATA-001 file with patterns; an object in it is not read.
    out
        Folder for what is written.
    tasks
        The methods.
    plan, options
        How they are judged, and run.
    network
        For methods that need one: the bundle of a trained network, or how a network is trained for each reconstruction,
        on the patterns that the reconstruction is made of.
    console
        Where progress is shown; None is silent.

    Returns
    -------
    The record that was written. A method that fails is in it with its error, and the others go on.

    Raises
    ------
    DataError
        If the file or the bundle is damaged, or the file has too few patterns to divide, or a part has no photons.
    InputError
        If a method needs a network and none is given, or `out` takes no files.
    """
    console = console or Console.silent()
    for task in tasks:
        if task.method.unavailable is not None:
            raise InputError(f"method {task.method.name} cannot run here: {task.method.unavailable}")
        if task.method.needs_training and network is None:
            raise InputError(
                f"method {task.method.name} needs a network: --train trains one on the patterns of each "
                "reconstruction, --bundle FILE uses a trained one"
            )
    bundle = _bundle_record(network) if isinstance(network, Path) else None
    loaded = read_dataset(path, without_truth=True, require=("diffraction",))
    loaded.tell(console.say)
    dataset = loaded.dataset
    given = read_reconstruction_input(path, dataset.metadata["split"], path.parent)
    if len(dataset) < _MIN_POSITIONS:
        raise DataError(path, f"has {len(dataset)} patterns, but at least {_MIN_POSITIONS} are needed", "diffraction")
    _check_photons(path, given, plan)
    writable_folder(out, "--out")
    sweep(out)
    judge = _Judge(dataset, given, out, plan, options, network, console)
    methods = [judge.judged(task) for task in tasks]
    record: Assessment = {
        **timed_head("assessment"),
        "dataset": {
            "sha256": given.record["sha256"],
            "size_bytes": given.record["size_bytes"],
            "n_patterns": given.record["n_patterns"],
            "scan_sha256": given.record["scan_sha256"],
            "name": file_name(path),
        },
        "plan": {
            "probe": plan.probe,
            "held_out_fraction": plan.held_out_fraction,
            "seed": plan.seed,
            "batch_size": plan.batch_size,
            "recipe": plan.recipe.as_dict(),
            "positions": plan.positions,
        },
        "n_patterns": {
            "fit": len(judge.index["fit"]),
            "half_a": len(judge.index["half_a"]),
            "half_b": len(judge.index["half_b"]),
            "held_out": len(judge.held_out),
        },
        "environment": compute_environment(options),
        "bundle": bundle,
        "training": judge.training(),
        "methods": methods,
    }
    write_manifest(out / ASSESSMENT, record)
    return record


class _Judge:
    """Judges one method after the other on one dataset."""

    def __init__(
        self,
        dataset: Dataset,
        given: ReconstructionInput,
        out: Path,
        plan: AssessmentPlan,
        options: RunOptions,
        network: Path | OwnTraining | None,
        console: Console,
    ) -> None:
        self.dataset = dataset
        self.out = out
        self.plan = plan
        self.options = options
        self.network = network
        self.console = console
        self.own: dict[Part, OwnNetwork] = {}
        self.index, self.held_out = plan.parts(len(dataset))
        self.parts = {name: subset(given, index) for name, index in self.index.items()}

    def judged(self, task: Task) -> MethodRecord:
        """Return the record of a method."""
        name = task.method.name
        record: MethodRecord = {
            "method": name,
            "provider": task.method.provider.as_dict(),
            "epochs": task.epochs,
            "options": dict(task.method.options),
            "status": "success",
            "error": None,
            "remedies": [],
            "seconds": None,
            "reconstructions": None,
            "measures": [],
            "figures": [],
        }
        told = self._told(task, self.parts["fit"]).record
        if "told" in told:
            record["told"], record["not_told"] = told["told"], told["not_told"]
        try:
            self._attempt(task, record)
        except Exception as error:  # noqa: BLE001 - whatever ends a method is recorded, and the others go on
            reason = redaction(self.out).clean(reason_of(error))
            self.console.say(f"{name}: FAILED: {reason}")
            return {**record, "status": "failed", "error": reason}
        return record

    def _attempt(self, task: Task, record: MethodRecord) -> None:
        """Put into a record what a method has found, once it has found everything."""
        name = task.method.name
        archives, seconds, remedies = self._reconstructed(task)
        fit = archives["fit"].positions_px
        if fit is not None:
            record["positions"] = positions_record(self.parts["fit"].positions_px, fit)
        metrics, curves = self._metrics(archives)
        figures = [
            draw_object(self.out / "figures" / f"object_{name}.png", archives["fit"], name, self.plan.recipe),
            draw_half_scans(self.out / "figures" / f"half_scans_{name}.png", curves, name, self.plan.recipe),
        ]
        files = {part: file_record(self._path(name, part), self.out) for part in PARTS}
        drawn = [file_record(path, self.out) for path in figures]
        record["seconds"] = seconds
        record["remedies"] = remedies
        record["reconstructions"] = {"fit": files["fit"], "half_a": files["half_a"], "half_b": files["half_b"]}
        record["measures"] = [found.as_dict() for found in metrics]
        record["figures"] = drawn

    def training(self) -> Training | None:
        """Return the record of the networks that were trained, or None where none was."""
        if not isinstance(self.network, OwnTraining):
            return None
        networks: Networks = {}
        for part in self.own:
            networks[part] = self.own[part].record
        return {**self.network.as_dict(), "networks": networks}

    def _bundle(self, task: Task, part: Part, given: ReconstructionInput) -> Path | None:
        """Return the network of a part for a method that needs one, trained when the first of them does."""
        if not task.method.needs_training:
            return None
        if not isinstance(self.network, OwnTraining):
            return self.network
        if part not in self.own:
            from ptyproof.assessment.own_network import train_own  # Lightning takes seconds to import

            self.own[part] = train_own(self.network, given, part, self.out, self.options, self.console)
        return self.own[part].bundle_path

    def _path(self, method: str, part: str) -> Path:
        return self.out / method / f"{part}.npz"

    def _reconstructed(self, task: Task) -> tuple[dict[Part, ReconstructionArchive], Seconds, list[str]]:
        archives: dict[Part, ReconstructionArchive] = {}
        seconds: Seconds = {"fit": 0.0, "half_a": 0.0, "half_b": 0.0}
        remedies: set[str] = set()
        for part, whole in self.parts.items():
            bundle_path = self._bundle(task, part, whole)
            given = self._told(task, whole)
            found, seconds[part] = self._run(task, part, given, bundle_path)
            remedies.update(found.remedies)
            path = self._path(task.method.name, part)
            path.parent.mkdir(parents=True, exist_ok=True)
            record = {
                "probe": self.plan.probe,
                "epochs": task.epochs,
                "options": dict(task.method.options),
                "part": part,
                "seed": self.plan.seed,
            }
            if UNCERTAIN_POSITIONS in given.telling:
                record["positions"] = "estimated"
            scan_sha256 = given.record["scan_sha256"]
            bundle = None if bundle_path is None else sha256_file(bundle_path)
            made_of = {"method": task.method.name, "scan_sha256": scan_sha256, "bundle_sha256": bundle, **record}
            chosen = {} if found.tuning is None else {"chosen": dict(found.tuning.chosen.options)}
            origin = Origin(task.method.name, record | chosen, scan_sha256, bundle, sha256_json(made_of))
            write_archive(path, found, given, origin)
            archives[part] = read_archive(path)
        return archives, seconds, sorted(remedies)

    def _told(self, task: Task, given: ReconstructionInput) -> ReconstructionInput:
        """Return the dataset as a method is told of it: what the plan tells, also of positions."""
        tells: tuple[Tell, ...] = self.plan.tells
        if self.plan.positions == "estimated":
            tells = (*tells, UNCERTAIN_POSITIONS)
        return given.to_be_told(tells, task.method.method.needs.may_be_told)

    def _run(self, task: Task, part: str, given: ReconstructionInput, bundle_path: Path | None) -> tuple[Any, float]:
        scan = given.scan(self.plan.probe == "estimated", 0.0, self.plan.batch_size, bundle_path)
        label = f"{task.method.name}, {part.replace('_', ' ')}, {len(scan)} patterns"
        rng = stream(self.plan.seed, "assessment", task.method.name, part)
        with (
            configured(self.options, self.plan.seed),
            self.console.progress(label, task.epochs or 1, "epoch") as progress,
        ):
            began = clock.seconds()
            budget = Budget(task.epochs, on_epoch=lambda _: _advance(progress))
            found = run_method(task.method.method, scan, budget, rng)
            seconds = clock.seconds() - began
        self.console.say(f"{label}: {seconds:.1f} s")
        return found, seconds

    def _metrics(
        self, archives: Mapping[Part, ReconstructionArchive]
    ) -> tuple[list[MetricValue], Mapping[str, RingCorrelation]]:
        recipe, fit = self.plan.recipe, archives["fit"]
        made_of = self.index["fit"]
        metrics = data_fit_metrics(fit, self.dataset, recipe, made_of, made_of=made_of)
        metrics += data_fit_metrics(fit, self.dataset, recipe, self.held_out, "held_out_", made_of)
        illumination = np.minimum(archives["half_a"].illumination, archives["half_b"].illumination)
        if not illumination.any():
            return metrics + undefined(
                recipe, _half_scan_names(recipe), "the two half-scans illuminate no pixel in common"
            ), {}
        first, second = (HalfScan(archives[part], self.index[part]) for part in ("half_a", "half_b"))
        agreement = half_scan_agreement(first, second, self.dataset, recipe)
        metrics += [found for name, found in agreement.metrics.items() if name.startswith("half_scan_")]
        return metrics, agreement.curves


def _check_photons(path: Path, given: ReconstructionInput, plan: AssessmentPlan) -> None:
    """Refuse a scan of which a part, all of it, is dark: no method can reconstruct that one."""
    lit: npt.NDArray[np.bool_] = given.amplitude.max(axis=(1, 2)) > 0
    for part, index in plan.parts(len(lit))[0].items():
        if not lit[index].any():
            raise DataError(
                path,
                f"has photons in {np.count_nonzero(lit)} of {len(lit)} patterns, but in none of the {len(index)} of "
                f"part {part}; each of {', '.join(PARTS)} needs some: was the beam lost?",
                "diffraction",
            )


def _bundle_record(path: Path) -> Bundle:
    read_bundle(path)  # a damaged one is found before anything is written
    return {"name": file_name(path), "sha256": sha256_file(path), "size_bytes": path.stat().st_size}


def _advance(progress: Progress) -> None:
    progress.update(1)


def _half_scan_names(recipe: Recipe) -> list[str]:
    return [metric for metric in metric_definitions(recipe) if metric.startswith("half_scan_")]


def describe(record: Mapping[str, Any]) -> list[str]:
    """Return a line for each method: the answer first."""
    lines = []
    for entry in record["methods"]:
        if entry["status"] != "success":
            lines.append(f"{entry['method']}: FAILED: {entry['error']}")
            continue
        metrics = {found["metric"]: found for found in entry["measures"]}
        values = {name: found["value"] for name, found in metrics.items()}
        parts = [f"R-factor {_number(values['r_factor'])}, held out {_number(values['held_out_r_factor'])}"]
        parts.append(
            f"Poisson deviance {_number(values['poisson_deviance'])} nats/px, held out "
            f"{_number(values['held_out_poisson_deviance'])}"
        )
        agreement = metrics["half_scan_phase_frc_halfbit_px"]
        unknown = f"half-scans do not agree (phase, 1/2 bit): {agreement['reason']}"
        agreed = f"half-scans agree to {_number(agreement['value'])} px (phase, 1/2 bit)"
        parts.append(unknown if agreement["value"] is None else agreed)
        lines.append(f"{entry['method']}: {'; '.join(parts)}")
    return lines


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.4g}"

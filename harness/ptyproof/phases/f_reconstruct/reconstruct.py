"""Phase F: reconstruct every cell of a study by every method, and record what became of it.

The way of the data: enumeration (pure) -> for each job: patterns, probe and positions, never the truth -> the method,
within its budget -> its result, checked -> archive -> the reconstruction manifest. Views that read the same data with a
method that needs no training have one reconstruction, which is made once and recorded for each.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from ptyproof import clock
from ptyproof.console import Console, Progress
from ptyproof.io.atomic import atomic_path
from ptyproof.io.file_record import file_is_whole, file_record
from ptyproof.io.hashing import sha256_json
from ptyproof.io.locking import lock
from ptyproof.jobs import process as job_process
from ptyproof.jobs import state as job_state
from ptyproof.jobs.attempt import JobPlace
from ptyproof.jobs.ends import NOT_AGAIN, stands
from ptyproof.jobs.process import Died, JobProcesses
from ptyproof.methods.blind import BlindDataset
from ptyproof.methods.reconstruction_jobs import (
    FoundReconstructions,
    ReconstructionFilters,
    ReconstructionJob,
    build_reconstruction_jobs,
)
from ptyproof.methods.registry import Registry, registry
from ptyproof.phases.f_reconstruct.inputs import Inputs
from ptyproof.provenance.environment import cpu_name, environment
from ptyproof.reconstruction.method import Budget, Reconstruction, run_method
from ptyproof.records.archive import Origin, arrays_digest, write_archive
from ptyproof.records.cell_ledger import NOT_ENDED, Record
from ptyproof.records.manifest import TOOL_LABEL
from ptyproof.records.reconstruction_ledger import RESULT_KEYS, Call, ReconstructionLedger
from ptyproof.study.layout import dose_folder
from ptyproof.study.seeds import stream
from ptyproof.training.device import RunOptions, compute_environment, configured

FORMATS = ("npz", "ptychodus")
DEFAULT_EPOCHS = 100
_NOWHERE = Registry({}, ())
SCOPE = (
    "wall clock from the scan in memory to object and probe in memory; reading and writing files, importing libraries "
    "and the training of a network are not counted"
)


@dataclass(frozen=True, eq=False)
class ReconstructedJob:
    """A job and its entry in the manifest; `reused` tells that an earlier call had reconstructed it."""

    job: ReconstructionJob
    entry: Record
    reused: bool = False

    @property
    def status(self) -> str:
        """`success`, `failed` or `lost`."""
        return str(self.entry["result"]["status"])

    @property
    def error(self) -> str | None:
        """Why the job failed, in one sentence; None where it did not."""
        error: str | None = self.entry["result"]["error"]
        return f"{error} ({NOT_AGAIN})" if self.reused and error is not None else error


@dataclass(frozen=True, eq=False)
class ReconstructionPhase:
    """Phase F of a study: where its data and artifacts lie, its methods, and how it is run.

    Parameters
    ----------
    ledger
        The manifest that records it.
    registry
        The methods that are known.
    options
        Determinism and threads; methods compute on the CPU.
    budget
        Instead of the study's, for every method that iterates; None keeps the study's.
    form
        `npz`, or `ptychodus` for an HDF5 product beside the archive.
    redo
        Reconstruct anew what an earlier call has reconstructed.
    processes
        Let each job have a process of its own, within these limits; None reconstructs in this one. A method that was
        registered by a hook is known to this process alone, and always runs in it.
    retry
        `failed` runs again what failed in an earlier call. What was lost is always run again.
    """

    ledger: ReconstructionLedger
    registry: Registry
    options: RunOptions = field(default_factory=lambda: RunOptions(accelerator="cpu"))
    budget: Budget | None = None
    form: str = "npz"
    redo: bool = False
    processes: JobProcesses | None = None
    retry: frozenset[str] = frozenset()

    @cached_property
    def environment(self) -> Record:
        """What the bits of a reconstruction depend on."""
        compute = compute_environment(self.options)
        versions = environment(("numpy", "scipy", "torch", "torchvision", "ptychi"))
        return versions | {"cpu": cpu_name(), "threads": compute["threads"], "device": compute["device"]}

    @cached_property
    def inputs(self) -> Inputs:
        """The datasets and bundles."""
        return Inputs(self.ledger)

    def enumerate(
        self,
        filters: ReconstructionFilters | None = None,
        allow_missing_phase_d: bool = False,
        to_be_trained: bool = False,
    ) -> FoundReconstructions:
        """Return the jobs and skips of the study with the data that are there; see `build_reconstruction_jobs`."""
        ledger = self.ledger
        return build_reconstruction_jobs(
            ledger.design,
            self.registry,
            ledger.phase_c_root,
            ledger.phase_d_root,
            ledger.artifact_root,
            None if to_be_trained else self.inputs.trainings(),
            filters,
            allow_missing_phase_d,
            to_be_trained,
        )

    def open_call(self, found: FoundReconstructions, call: Call) -> Record:
        """Record what a call asks for; return the manifest."""
        return self.ledger.open_call(found, call, {job.key: self.plan(job) for job in found.jobs})

    def budget_of(self, method: str) -> Budget:
        """Return what a method may spend."""
        epochs = self.ledger.design.reconstruction.epochs_of(method)
        if self.registry[method].method.needs.iterates or epochs is not None:
            return self.budget or Budget(epochs or DEFAULT_EPOCHS)
        return Budget()

    def plan(self, job: ReconstructionJob) -> Record:
        """Return what an entry says of how its job is done."""
        design = self.ledger.design.reconstruction
        method = self.registry[job.cell.method]
        estimated = design.probe_knowledge == "estimated" and method.method.needs.probe == "either"
        key = ["phase_f", dose_folder(job.cell.dose), job.cell.split, job.cell.method]
        return {
            "provider": method.provider.as_dict(),
            "needs_training": method.needs_training,
            "probe": "estimated" if estimated else "true",
            "budget": self.budget_of(job.cell.method).as_dict(),
            "seed": {"root": design.seed, "key": key},
        }

    def run_job(self, job: ReconstructionJob, console: Console | None = None) -> ReconstructedJob:
        """Reconstruct a job, unless the same result is there; record how it ended, whatever it was.

        Two processes that are given the same work do it once. A failure of an earlier call stands, unless the job would
        be done in another way, or `retry` asks for it.
        """
        console = console or Console.silent()
        if self.processes is None or job.cell.method not in self._known_anywhere:
            return ReconstructedJob(job, *self.run_here(job, None, console, lambda _: None))
        here = replace(self, registry=_NOWHERE, options=self.options.pinned(), processes=None)
        work = partial(_run_with_registry, here, job, self.processes.memory_bytes)
        ended = job_process.run(work, self.processes, console)
        if isinstance(ended, Died):
            unknown: Record = {"dataset": None, "bundle": None, "environment": None, "remedies": []}
            return ReconstructedJob(job, self._place(job).record_death(ended, unknown, console))
        return ReconstructedJob(job, *ended)

    def run_here(
        self, job: ReconstructionJob, memory_bytes: int | None, console: Console, began: Callable[[str], None]
    ) -> tuple[Record, bool]:
        """Do what `run_job` says in this process; return the job's entry, and whether an earlier call had made it.

        `began` is called with the time of the start as soon as no other process runs the job.
        """
        plan = self.plan(job)
        attempt: Record = {"dataset": None, "bundle": None, "environment": self.environment, "remedies": []}

        def work(started: str) -> tuple[Record, bool]:
            return self._run_job(job, plan, attempt, started, console)

        def standing(earlier: Record) -> bool:
            again = self.redo or "failed" in self.retry
            return not again and stands(earlier, plan | {"environment": self.environment}, self.ledger.artifact_root)

        return self._place(job).attempt(work, standing, attempt, memory_bytes, console, began)

    def state(self, job: ReconstructionJob) -> str | None:
        """Return where a job stands, one of `job_state.STATES`; None where no call has selected it yet."""
        return self._place(job).state()

    def _place(self, job: ReconstructionJob) -> JobPlace:
        ledger = self.ledger
        return JobPlace(
            ledger,
            job.key,
            job.path,
            state_path(job),
            lambda text: ledger.portable(text, job),
            lambda changes: ledger.record(job, self.plan(job), **changes),
        )

    @cached_property
    def _known_anywhere(self) -> frozenset[str]:
        """Names of the methods that another process finds, too: those of ptyproof and of entry points."""
        return frozenset(registry(self.ledger.design).methods) if self.processes is not None else frozenset()

    def _run_job(
        self, job: ReconstructionJob, plan: Record, attempt: Record, started: str, console: Console
    ) -> tuple[Record, bool]:
        root = self.ledger.artifact_root
        dataset = self.inputs.dataset(job)
        attempt["dataset"] = dataset.record
        if plan["needs_training"]:
            attempt["bundle"] = self.inputs.bundle(job)
        recipe = self._recipe(job, plan, attempt)
        with lock(root / f"{recipe}.recipe"):
            earlier = self.ledger.entry_of(job.key)
            if earlier is not None and not self.redo and self._is_same(earlier, recipe):
                console.say(f"{job.key}: reused, the archive is whole and made by the same recipe on the same machine")
                return self._with_product(job, plan, earlier, dataset), True
            self.ledger.record(job, plan, result=self.ledger.lost_result(NOT_ENDED) | {"started": started}, **attempt)
            twin = None if self.redo else self._twin(job, recipe)
            if twin is not None:
                return self._take_over(job, plan, twin, dataset, started, console), False
            found, total_s = self._reconstruct(job, plan, attempt, dataset, console)
            attempt["remedies"] = list(found.remedies)
            return self._finish(job, plan, attempt, dataset, found, total_s, recipe, started), False

    def _recipe(self, job: ReconstructionJob, plan: Record, attempt: Record) -> str:
        """Return the digest of all that decides a reconstruction on one kind of machine; views are no part of it."""
        design, dataset, bundle = self.ledger.design, attempt["dataset"], attempt["bundle"]
        return sha256_json(
            {
                "method": job.cell.method,
                "plan": plan,
                "scan_sha256": dataset["scan_sha256"],
                "split": job.cell.split,
                "bundle_sha256": None if bundle is None else bundle["sha256"],
                "batch_size": design.reconstruction.batch_size,
                "probe_defocus_rad": design.reconstruction.probe_defocus_rad if plan["probe"] == "estimated" else None,
                "start_iterations": design.training.network.start_iterations,
                "grouped": job.cell.gridsize > 1 if self.registry[job.cell.method].method.needs.grouping else None,
                "tool": TOOL_LABEL,
            }
        )

    def _is_same(self, entry: Record, recipe: str) -> bool:
        result = entry["result"]
        if result["status"] != "success" or result["recipe_sha256"] != recipe:
            return False
        return entry["environment"] == self.environment and file_is_whole(
            result["reconstruction"], self.ledger.artifact_root
        )

    def _twin(self, job: ReconstructionJob, recipe: str) -> Record | None:
        """Return the entry of another cell that has the same reconstruction."""
        manifest = self.ledger.read()
        entries: list[Record] = [] if manifest is None else manifest["jobs"]
        return next(
            (
                entry
                for entry in entries
                if entry["job"] != job.key and entry["result"]["reused_from"] is None and self._is_same(entry, recipe)
            ),
            None,
        )

    def _take_over(
        self,
        job: ReconstructionJob,
        plan: Record,
        twin: Record,
        dataset: BlindDataset,
        started: str,
        console: Console,
    ) -> Record:
        with atomic_path(job.path) as temporary:
            shutil.copyfile(self.ledger.artifact_root / twin["result"]["reconstruction"]["path"], temporary)
        result = twin["result"] | {
            "reconstruction": file_record(job.path, self.ledger.artifact_root),
            "product": self._product(job, dataset),
            "reused_from": twin["job"],
            "started": started,
            "finished": clock.stamp(),
        }
        console.say(f"{job.key}: the same data and method as {twin['job']}: its reconstruction and its time stand here")
        kept = {key: twin[key] for key in ("environment", "remedies")}
        return self.ledger.record(job, plan, result=result, dataset=dataset.record, bundle=None, **kept)

    def _reconstruct(
        self, job: ReconstructionJob, plan: Record, attempt: Record, dataset: BlindDataset, console: Console
    ) -> tuple[Reconstruction, float]:
        design = self.ledger.design.reconstruction
        bundle = attempt["bundle"]
        path = None if bundle is None else self.ledger.artifact_root / bundle["path"]
        scan = dataset.scan(
            plan["probe"] == "estimated", design.probe_defocus_rad, design.batch_size, path, job.cell.gridsize > 1
        )
        rng = stream(plan["seed"]["root"], *plan["seed"]["key"])
        limits = plan["budget"]
        with (
            configured(self.options, design.seed),
            console.progress(job.key, limits["epochs"] or 1, "epoch") as progress,
        ):
            budget = Budget(limits["epochs"], limits["seconds"], lambda _: _advance(progress))
            began = clock.seconds()
            found = run_method(self.registry[job.cell.method].method, scan, budget, rng)
            total_s = clock.seconds() - began
        return found, sum(found.steps_s.values()) if found.steps_s else total_s

    def _finish(
        self,
        job: ReconstructionJob,
        plan: Record,
        attempt: Record,
        dataset: BlindDataset,
        found: Reconstruction,
        total_s: float,
        recipe: str,
        started: str,
    ) -> Record:
        bundle = attempt["bundle"]
        origin = Origin(
            method=job.cell.method,
            plan=plan,
            scan_sha256=dataset.record["scan_sha256"],
            bundle_sha256=None if bundle is None else bundle["sha256"],
            recipe_sha256=recipe,
        )
        write_archive(job.path, found, dataset, origin)
        values = {
            "status": "success",
            "error": None,
            "reconstruction": file_record(job.path, self.ledger.artifact_root),
            "product": self._product(job, dataset),
            "arrays_sha256": arrays_digest(found.obj, found.probe),
            "n_parts": dataset.n_parts,
            "iterations": len(found.losses) if found.stopped_by is not None or found.losses else None,
            "stopped_by": found.stopped_by,
            "final_loss": found.losses[-1] if found.losses else None,
            "timing": {
                "scope": SCOPE,
                "total_s": total_s,
                "steps": [{"step": step, "seconds": seconds} for step, seconds in found.steps_s.items()],
            },
            "reused_from": None,
            "recipe_sha256": recipe,
            "started": started,
            "finished": clock.stamp(),
        }
        return self.ledger.record(job, plan, result={key: values[key] for key in RESULT_KEYS}, **attempt)

    def _product(self, job: ReconstructionJob, dataset: BlindDataset) -> Record | None:
        if self.form != "ptychodus":
            return None
        from ptyproof.records.ptychodus_product import write_product

        write_product(job.product_path, job.path, dataset, job.key)
        return file_record(job.product_path, self.ledger.artifact_root)

    def _with_product(self, job: ReconstructionJob, plan: Record, entry: Record, dataset: BlindDataset) -> Record:
        """Return the entry of a job that is reused, with the product that this call asks for."""
        result, root = entry["result"], self.ledger.artifact_root
        if self.form != "ptychodus" or (result["product"] is not None and file_is_whole(result["product"], root)):
            return entry
        with self.ledger.changing() as book:
            changed = book.jobs[job.key]
            changed["result"] = result | {"product": self._product(job, dataset)}
        return changed


def _advance(progress: Progress) -> None:
    progress.update(1)


def state_path(job: ReconstructionJob) -> Path:
    """Return where a process says that it runs a job; several jobs share a folder."""
    return job.path.with_name(f"{job.path.stem}.{job_state.STATE_FILE}")


def _run_with_registry(
    phase: ReconstructionPhase,
    job: ReconstructionJob,
    memory_bytes: int | None,
    console: Console,
    began: Callable[[str], None],
) -> tuple[Record, bool]:
    """Run a job in a process that was handed no methods, which cannot be pickled; it finds its own."""
    return replace(phase, registry=registry(phase.ledger.design)).run_here(job, memory_bytes, console, began)

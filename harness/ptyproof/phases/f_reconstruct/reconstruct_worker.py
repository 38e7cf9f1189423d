"""A reconstruction in this process: data, method, archive, and its end in the manifest."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from ptyproof import clock
from ptyproof.console import Progress
from ptyproof.io.atomic import atomic_path
from ptyproof.io.file_record import file_is_whole, file_record
from ptyproof.io.hashing import sha256_json
from ptyproof.io.locking import lock
from ptyproof.jobs.attempt import Attempt, EndedJob
from ptyproof.methods.reconstruction_input import ReconstructionInput
from ptyproof.methods.reconstruction_jobs import Plan, ReconstructionJob
from ptyproof.phases.f_reconstruct.inputs import Inputs
from ptyproof.reconstruction.method import Budget, Method, Reconstruction, run_method
from ptyproof.reconstruction.snapshots import Snapshots, SnapshotTaker
from ptyproof.records.archive import Origin, arrays_digest, positions_record, write_archive
from ptyproof.records.cell_book import Record
from ptyproof.records.manifest import TOOL_LABEL
from ptyproof.study.seeds import stream
from ptyproof.training.device import RunOptions, configured
from ptyproof_schemas.types.common import File
from ptyproof_schemas.types.reconstruction_manifest import Success
from ptyproof_schemas.types.reconstruction_manifest import Tuning as TuningRecord

SCOPE = (
    "wall clock from the scan in memory to object and probe in memory; reading and writing files, importing libraries "
    "and the training of a network are not counted"
)
_Ended = EndedJob[ReconstructionJob]


class _Made(NamedTuple):
    """What a method has made, the seconds that it took, and the objects on the way."""

    found: Reconstruction
    total_s: float
    snapshots: Snapshots | None


@dataclass(frozen=True, eq=False)
class Reconstructing:
    """The work at a reconstruction.

    Parameters
    ----------
    attempt
        Where it is recorded.
    method
        What reconstructs.
    options
        Determinism and threads.
    form
        `npz`, or `ptychodus` for an HDF5 product beside the archive.
    """

    attempt: Attempt[ReconstructionJob]
    method: Method
    options: RunOptions
    form: str

    def run(self, inputs: Inputs) -> _Ended:
        """Make the archive, or take over one that has the same content; return how the job ended."""
        attempt, job, facts = self.attempt, self.attempt.job, self.attempt.facts
        tells = attempt.ledger.design.tells_in(job.view)
        dataset = inputs.dataset(job).to_be_told(tells, self.method.needs.may_be_told)
        facts["dataset"] = dataset.record
        if job.needs:
            facts["bundle"] = inputs.bundle(job)
        recipe = self._recipe()
        with lock(attempt.ledger.artifact_root / f"{recipe}.recipe"):
            earlier = attempt.earlier(recipe)
            if earlier is not None and earlier["bundle"] == facts["bundle"] and self._is_whole(earlier):
                return self._with_product(attempt.reuse(earlier, "archive"), dataset)
            attempt.begin()
            twin = None if attempt.redo else self._twin(recipe)
            if twin is not None:
                return self._take_over(twin, dataset)
            made = self._reconstruct(dataset)
            facts["remedies"] = list(made.found.remedies)
            return self._finish(dataset, made, recipe)

    def _recipe(self) -> str:
        """Return the digest of all that decides a reconstruction on one kind of machine; views are no part of it."""
        job, design, facts = self.attempt.job, self.attempt.ledger.design, self.attempt.facts
        own = design.reconstruction
        return sha256_json(
            {
                "method": job.cell.method,
                "plan": job.plan,
                "scan_sha256": facts["dataset"]["scan_sha256"],
                "split": job.cell.split,
                "bundle_sha256": _sha256_of(facts["bundle"]),
                "batch_size": own.batch_size,
                "probe_defocus_rad": own.probe_defocus_rad if job.plan["probe"] == "estimated" else None,
                "start_iterations": design.training.network.start_iterations,
                "grouped": job.gridsize > 1 if self.method.needs.grouping else None,
                "tool": TOOL_LABEL,
            }
        )

    def _is_whole(self, entry: Record) -> bool:
        return file_is_whole(entry["result"]["reconstruction"], self.attempt.ledger.artifact_root)

    def _twin(self, recipe: str) -> Record | None:
        """Return the entry of another cell that has the same reconstruction."""
        for entry in self.attempt.record.entries_near():
            is_original = entry["job"] != self.attempt.job.key and entry["result"]["reused_from"] is None
            if is_original and self.attempt.is_same(entry, recipe) and self._is_whole(entry):
                return entry
        return None

    def _take_over(self, twin: Record, dataset: ReconstructionInput) -> _Ended:
        attempt, job, root = self.attempt, self.attempt.job, self.attempt.ledger.artifact_root
        with atomic_path(job.path) as temporary:
            shutil.copyfile(root / twin["result"]["reconstruction"]["path"], temporary)
        result = twin["result"] | {
            "reconstruction": file_record(job.path, root),
            "product": self._product(dataset),
            "reused_from": twin["job"],
            "started": attempt.started,
            "finished": clock.stamp(),
        }
        attempt.console.say(
            f"{job.key}: the same data and method as {twin['job']}: its reconstruction and its time stand here"
        )
        return attempt.succeed(result, environment=twin["environment"], remedies=twin["remedies"])

    def _reconstruct(self, dataset: ReconstructionInput) -> _Made:
        """Return the reconstruction, the seconds that it took, and its snapshots."""
        attempt, job, plan = self.attempt, self.attempt.job, self.attempt.job.plan
        design, bundle = attempt.ledger.design.reconstruction, attempt.facts["bundle"]
        path = None if bundle is None else attempt.ledger.artifact_root / bundle["path"]
        scan = dataset.scan(
            plan["probe"] == "estimated",
            design.probe_defocus_rad,
            design.batch_size,
            path,
            job.gridsize > 1,
        )
        rng = stream(plan["seed"]["root"], *plan["seed"]["key"])
        limits = plan["budget"]
        with (
            configured(self.options, design.seed),
            attempt.console.progress(job.key, limits["epochs"] or 1, "epoch") as progress,
        ):
            taker = SnapshotTaker(scan, None if limits["seconds"] is not None else limits["epochs"])
            budget = Budget(limits["epochs"], limits["seconds"], lambda _: _advance(progress), taker)
            began = clock.seconds()
            found = run_method(self.method, scan, budget, rng)
            total_s = clock.seconds() - began
        return _Made(found, sum(found.steps_s.values()) if found.steps_s else total_s, taker.taken())

    def _finish(self, dataset: ReconstructionInput, made: _Made, recipe: str) -> _Ended:
        job, found = self.attempt.job, made.found
        origin = Origin(
            method=job.cell.method,
            plan=_as_used(job.plan, found),
            scan_sha256=dataset.record["scan_sha256"],
            bundle_sha256=_sha256_of(self.attempt.facts["bundle"]),
            recipe_sha256=recipe,
        )
        write_archive(job.path, found, dataset, origin, made.snapshots)
        result: Success = {
            "status": "success",
            "error": None,
            "reconstruction": file_record(job.path, self.attempt.ledger.artifact_root),
            "product": self._product(dataset),
            "arrays_sha256": arrays_digest(found),
            "n_parts": dataset.n_components,
            "iterations": len(found.losses) if found.stopped_by is not None or found.losses else None,
            "stopped_by": found.stopped_by,
            "final_loss": found.losses[-1] if found.losses else None,
            "timing": {
                "scope": SCOPE,
                "total_s": made.total_s,
                "steps": [{"step": step, "seconds": seconds} for step, seconds in found.steps_s.items()],
            },
            "reused_from": None,
            "recipe_sha256": recipe,
            "started": self.attempt.started,
            "finished": clock.stamp(),
        }
        if found.gauge is not None:
            result["gauge"] = found.gauge
        if found.positions_px is not None:
            result["positions"] = positions_record(dataset.positions_px, found.positions_px)
        if found.tuning is not None:
            result["tuning"] = cast("TuningRecord", found.tuning.as_dict())
        return self.attempt.succeed(result)

    def _product(self, dataset: ReconstructionInput) -> File | None:
        if self.form != "ptychodus":
            return None
        from ptyproof.records.ptychodus_product import write_product

        job = self.attempt.job
        write_product(job.product_path, job.path, dataset, job.key)
        return file_record(job.product_path, self.attempt.ledger.artifact_root)

    def _with_product(self, done: _Ended, dataset: ReconstructionInput) -> _Ended:
        """Return a job that is reused, with the product that this call asks for."""
        result, ledger = done.entry["result"], self.attempt.ledger
        has_one = result["product"] is not None and file_is_whole(result["product"], ledger.artifact_root)
        if self.form != "ptychodus" or has_one:
            return done
        changed = done.entry | {"result": result | {"product": self._product(dataset)}}
        return EndedJob(done.job, self.attempt.record.put(changed), reused=True)


def _as_used(plan: Plan, found: Reconstruction) -> dict[str, Any]:
    """Return the plan, and the options that were chosen if it has some to be tried."""
    return dict(plan) if found.tuning is None else {**plan, "chosen": dict(found.tuning.chosen.options)}


def _sha256_of(record: Record | None) -> str | None:
    return None if record is None else record["sha256"]


def _advance(progress: Progress) -> None:
    progress.update(1)

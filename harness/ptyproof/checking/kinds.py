"""Which checks a kind of manifest gets. A new kind is recognized by its schema; its checks are added here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ptyproof.checking.checks import (
    account,
    assessments,
    cells,
    certificates,
    claims,
    comparison_tables,
    comparisons,
    conformances,
    differences,
    experiments,
    generic,
    hub_index,
    hub_runs,
    layout,
    losses,
    paths,
    pictures,
    reconstructions,
    refined_positions,
    run_reports,
    scores,
    selection,
    skips,
    studies,
    times,
    trainings,
    tunings,
)
from ptyproof.checking.checks import cross_file as beside
from ptyproof.checking.checks import cross_file_results as beside_results
from ptyproof.checking.checks import metrics as measured
from ptyproof.checking.legacy import halves, processes, verifications
from ptyproof.checking.model import files, foreign
from ptyproof.checking.model.document import Document, Findings

Check = Callable[[Document], Findings]
_ALWAYS: tuple[Check, ...] = (generic.check, paths.check, files.check, files.claimed, times.order, beside.in_hub)


@dataclass(frozen=True)
class Kind:
    """What people call a kind, its checks beyond those of every kind, and the groups that these belong to."""

    title: str
    checks: tuple[Check, ...] = ()
    groups: tuple[str, ...] = ("paths", "times", "values")


_TRAINING_GROUPS = ("account", "files", "paths", "times", "values", "claims", "skips")
_CELLS = (cells.once, cells.possible, cells.consistent)
_LEGACY_TRAINING = (
    *_CELLS,
    cells.filtered,
    cells.accounted,
    account.skipped,
    files.shared,
    paths.of_cell,
    times.stamps,
    losses.history,
    losses.same_training,
    claims.dry_run,
    claims.successes,
    claims.failures,
    claims.nothing,
    claims.same_data,
    skips.outside,
    skips.reasons,
    skips.agree,
)
_LEGACY_RECONSTRUCTION = (
    *_CELLS,
    cells.filtered,
    account.reconstruction,
    account.ended,
    paths.of_cell,
    times.stamps,
    selection.reconstructed,
    claims.planned,
    claims.returncodes,
    claims.nothing,
    processes.dry,
    processes.other_work,
    skips.outside,
)
_LEGACY_COMPARISON = (
    *_CELLS,
    cells.filtered,
    account.jobs,
    account.ended,
    paths.of_cell,
    claims.planned,
    claims.returncodes,
    claims.nothing,
    processes.dry,
    processes.other_work,
)
_FILES = ("files", "paths")
_OF_E = "training manifest of Phase E"
_OF_F = "reconstruction manifest of Phase F"
_OF_G = "comparison manifest of Phase G"
_SUMMARY_OF_G = "metrics summary of Phase G"
_F_GROUPS = ("account", "files", "paths", "times", "values", "claims", "skips")

KINDS: dict[str, Kind] = {
    "training_manifest": Kind(
        _OF_E,
        (
            *_CELLS,
            cells.filtered,
            account.training,
            account.skipped,
            account.calls,
            files.shared,
            paths.of_cell,
            losses.epochs,
            losses.same_training,
            experiments.told_networks,
            scores.of_trainings,
            selection.check,
            selection.rejections,
            studies.check,
            claims.migrated,
            trainings.check,
            trainings.asked_for,
            trainings.reused,
            beside.trainings,
            layout.order,
            layout.calls,
            trainings.scored,
            claims.dry_run,
            claims.successes,
            claims.failures,
            claims.scores_agree,
            claims.nothing,
            claims.same_data,
            skips.outside,
            skips.agree,
        ),
        _TRAINING_GROUPS,
    ),
    "skip_summary": Kind(
        "skip summary of Phase E",
        (*_CELLS, account.skipped, selection.check, selection.rejections, skips.agree),
        ("account", "files", "paths", "times", "values", "skips"),
    ),
    "run_manifest": Kind(
        "run manifest of Phase C",
        (
            *_CELLS,
            account.split,
            studies.check,
            experiments.halves,
            scores.photons,
            claims.same_data,
            beside.datasets,
            layout.order,
            layout.datasets,
        ),
        ("account", "files", "paths", "times", "values", "claims"),
    ),
    "overlap_manifest": Kind(
        "overlap manifest of Phase D",
        (
            *_CELLS,
            account.overlap,
            selection.check,
            selection.rejections,
            studies.check,
            beside.views,
            layout.order,
            layout.views,
        ),
        ("account", "files", "paths", "times", "values", "skips"),
    ),
    "overlap_metrics": Kind("overlap metrics of Phase D", (cells.consistent, selection.check, beside.metrics)),
    "metrics_bundle": Kind("metrics bundle of Phase D", (cells.consistent, selection.check, beside.metrics)),
    "job_state": Kind("state of a job's process"),
    "job_result": Kind("entry of a job that its manifest does not have yet"),
    "model": Kind("record of a trained network", (cells.consistent, losses.model, beside.model), ("account", "values")),
    "foundation": Kind("record of a shared network"),
    "study_design": Kind("study design", (studies.of_itself,), ("values",)),
    "dataset_metadata": Kind("metadata of a dataset", (), ("values",)),
    "reconstruction_manifest": Kind(
        _OF_F,
        (
            *_CELLS,
            cells.filtered,
            account.reconstructed,
            account.calls,
            selection.check,
            selection.rejections,
            studies.check,
            reconstructions.successes,
            reconstructions.failures,
            reconstructions.reused,
            reconstructions.budgets,
            reconstructions.of_design,
            refined_positions.of_jobs,
            tunings.tunings,
            reconstructions.timings,
            reconstructions.same_data,
            reconstructions.same_result,
            reconstructions.patterns,
            reconstructions.places,
            experiments.told,
            trainings.asked_for,
            layout.order,
            layout.calls,
            beside_results.archives,
            beside_results.trainings,
            skips.outside,
            skips.selected,
        ),
        _TRAINING_GROUPS,
    ),
    "comparison_manifest": Kind(
        _OF_G,
        (
            *_CELLS,
            account.compared,
            selection.check,
            selection.rejections,
            studies.check,
            comparisons.ends,
            comparisons.protocols,
            experiments.told,
            comparisons.crops,
            comparisons.recipes,
            comparisons.figures,
            measured.check,
            reconstructions.same_data,
            reconstructions.places,
            layout.order,
            beside_results.reconstructions,
            beside_results.summaries,
        ),
        _TRAINING_GROUPS,
    ),
    "metrics_summary": Kind(
        _SUMMARY_OF_G,
        (
            cells.once,
            account.compared,
            comparisons.ends,
            comparisons.protocols,
            measured.rows,
            beside_results.summaries,
        ),
        ("account", "files", "paths", "values", "claims"),
    ),
    "comparison_table": Kind(
        "table of methods over replicates", (comparison_tables.check,), ("account", "values", "claims")
    ),
    "hub_difference": Kind(
        "difference of two hubs or manifests", (differences.check,), ("account", "values", "claims")
    ),
    "assessment": Kind(
        "assessment of methods on a measurement",
        (account.assessed, assessments.methods, assessments.networks, refined_positions.of_methods, measured.check),
        ("account", "files", "paths", "times", "values", "claims"),
    ),
    "conformance": Kind(
        "conformance of a method",
        (conformances.check,),
        ("account", "paths", "times", "values", "claims"),
    ),
    "certificate": Kind(
        "determinism certificate",
        (certificates.account, certificates.attempts),
        ("account", "paths", "times", "values", "claims"),
    ),
    "hub_index": Kind(
        "index of an artifact hub",
        (account.hub, hub_runs.check, run_reports.check, hub_index.check),
        ("account", "files", "paths", "times", "values", "claims", "hub"),
    ),
    "figures": Kind("pictures of a hub's report", (pictures.check,), ("account", *_FILES)),
    "legacy_run_manifest_c": Kind("run manifest of Phase C", _CELLS, ("account", "paths")),
    "legacy_spacing_metrics_d1": Kind(
        "spacing metrics of Phase D", (selection.spacing_d1, halves.of_bundle), ("account", "files", "values")
    ),
    "legacy_spacing_half_d1": Kind(
        "spacing metrics of one half, of Phase D",
        (selection.spacing_half_d1, halves.of_half),
        ("account", "files", "values"),
    ),
    "legacy_overlap_metrics_d2": Kind(
        "overlap metrics of Phase D", (selection.overlap_d2, halves.of_bundle), ("account", "files", "values")
    ),
    "legacy_overlap_half_d2": Kind(
        "overlap metrics of one half, of Phase D",
        (selection.overlap_half_d2, halves.of_half),
        ("account", "files", "values"),
    ),
    "legacy_training_manifest_e4": Kind(_OF_E, _LEGACY_TRAINING, _TRAINING_GROUPS),
    "legacy_training_manifest_e5": Kind(_OF_E, _LEGACY_TRAINING, _TRAINING_GROUPS),
    "legacy_training_manifest_e6": Kind(_OF_E, _LEGACY_TRAINING, _TRAINING_GROUPS),
    "legacy_training_manifest_e7": Kind(_OF_E, _LEGACY_TRAINING, _TRAINING_GROUPS),
    "legacy_skip_summary_e5": Kind(
        "skip summary of Phase E", (*_CELLS, account.skipped, skips.reasons), ("account", "times", "values", "skips")
    ),
    "legacy_reconstruction_manifest_f1": Kind(_OF_F, _LEGACY_RECONSTRUCTION, _F_GROUPS),
    "legacy_reconstruction_manifest_f2": Kind(_OF_F, _LEGACY_RECONSTRUCTION, _F_GROUPS),
    "legacy_reconstruction_manifest_f3": Kind(_OF_F, _LEGACY_RECONSTRUCTION, _F_GROUPS),
    "legacy_reconstruction_manifest_f4": Kind(_OF_F, _LEGACY_RECONSTRUCTION, _F_GROUPS),
    "legacy_reconstruction_skip_summary_f1": Kind(
        "skip summary of Phase F", (*_CELLS, account.skipped), ("account", "times", "values")
    ),
    "legacy_comparison_manifest_g1": Kind(_OF_G, _LEGACY_COMPARISON, ("account", *_FILES, "values", "claims")),
    "legacy_comparison_manifest_g2": Kind(_OF_G, _LEGACY_COMPARISON, ("account", *_FILES, "values", "claims")),
    "legacy_metrics_summary_g": Kind(
        _SUMMARY_OF_G, (*_CELLS, account.jobs, scores.check), ("account", "paths", "values", "claims")
    ),
    "legacy_hub_verification_g": Kind(
        "generated verification report of Phase G",
        (verifications.account, verifications.outcome),
        ("account", "paths", "values", "claims"),
    ),
    "legacy_verification_report_g": Kind(
        "verification report of Phase G", (scores.of_names, claims.verdicts), ("times", "values", "claims")
    ),
}


def kind_of(name: str) -> Kind:
    """Return a kind; one without checks of its own gets those of every kind."""
    return KINDS.get(name) or Kind(name.replace("_", " "), (studies.check,), ("account", *_FILES, "times", "values"))


def checks_of(name: str) -> tuple[Check, ...]:
    """Return the checks of a kind: those of every kind, and its own; of no known kind, those that need none."""
    if not name:
        return generic.anywhere, paths.check, files.check, foreign.agree
    return (*_ALWAYS, *kind_of(name).checks)


def groups_of(name: str) -> tuple[str, ...]:
    """Return the groups of checks that apply to a kind, in their order."""
    return ("json", "schema", *kind_of(name).groups)

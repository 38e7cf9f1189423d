"""The kind and generation of a file, from its content alone; a file of another kind is unknown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ptyproof.checking.model.document import listed, mapping
from ptyproof.io import schema_files

_DOSE_KEY = re.compile(r"dose_[0-9]")
_ROOTS = {"phase_c_root", "phase_d_root", "artifact_root"}
_OF_E = {"dry_run", "skipped_views", "skipped_count", "skip_summary_path"}
_OF_F = {"total_jobs", "filtered_jobs", "missing_jobs", "execution_results"}
_OF_D1 = {"min_spacing", "max_spacing", "mean_spacing", "median_spacing", "threshold", "n_positions", "n_accepted"}
_OF_D2 = {"metrics_version", "s_img", "n_images_total", "n_images_subsampled", "n_groups_actual", "n_unique_images"}
_OF_COMPARISON = {"phase_c_npz", "pinn_checkpoint", "baseline_checkpoint", "phase_f_manifest", "ms_ssim_sigma"}
_OF_VERIFICATION = {"validations", "all_valid", "n_checks"}
_OF_DESIGN = {"pattern_size_px", "doses_photons_per_pattern", "views", "neighbor_count", "min_acceptance_rate"}
_OF_METADATA = {"role", "intensity_scale", "transformations", "photons_per_pattern_requested", "source"}


@dataclass(frozen=True)
class Recognised:
    """Kind (the name of a schema), its major version, and the generation as people call it: `1`, `E6`."""

    kind: str
    major: int
    generation: str


def recognise(value: Any) -> Recognised | None:
    """Return what a value is, or None if it is of no known kind."""
    if not isinstance(value, dict) or not value:
        return None
    if "kind" in value or "schema_version" in value:
        return _current(value)
    keys = value.keys()
    if all(_DOSE_KEY.match(key) for key in keys) and any("train" in mapping(value, key) for key in keys):
        return Recognised("legacy_run_manifest_c", 1, "C")
    if len(_OF_DESIGN & keys) >= 3:
        return _newest("study_design")
    return _of_halves(value) or _of_phase_e(value) or _of_phase_f(value) or _of_phase_g(value)


def _current(value: dict[str, object]) -> Recognised | None:
    kind = value.get("kind")
    if kind is None and len(_OF_METADATA & value.keys()) >= 3:
        kind = "dataset_metadata"
    majors = [major for name, major in schema_files.kinds() if name == kind and name in schema_files.current_kinds()]
    if not majors:
        return None
    version = re.match(r"(\d{1,9})\.", str(value.get("schema_version")))
    said = int(version[1]) if version else max(majors)
    return Recognised(str(kind), said if said in majors else max(majors), str(said))


def _newest(kind: str) -> Recognised:
    major = schema_files.newest(kind)
    return Recognised(kind, major, str(major))


def _of_halves(value: dict[str, object]) -> Recognised | None:
    inner = mapping(value, "train").keys() | mapping(value, "test").keys()
    if len(_OF_D2 & inner) >= 3:
        return Recognised("legacy_overlap_metrics_d2", 1, "D2")
    if len(_OF_D1 & inner) >= 3:
        return Recognised("legacy_spacing_metrics_d1", 1, "D1")
    if len(_OF_D2 & value.keys()) >= 3:
        return Recognised("legacy_overlap_half_d2", 1, "D2")
    if len(_OF_D1 & value.keys()) >= 3:
        return Recognised("legacy_spacing_half_d1", 1, "D1")
    return None


def _of_phase_e(value: dict[str, object]) -> Recognised | None:
    keys = value.keys()
    if not _ROOTS & keys:
        if {"skipped_views", "skipped_count"} & keys and "skipped_jobs" not in keys and not {"jobs", "filters"} & keys:
            return Recognised("legacy_skip_summary_e5", 1, "E5-E7")
        return None
    jobs = [job for job in listed(value, "jobs") if isinstance(job, dict)]
    if _OF_F & keys or not (_OF_E & keys or any("train_data_path" in job for job in jobs)):
        return None
    results = [mapping(job, "result") for job in jobs]
    statuses = {result["status"] for result in results if isinstance(result.get("status"), str)}
    has_skips = bool(keys & (_OF_E - {"dry_run"}))
    if any("backend" in job for job in (*jobs, *results)):
        number = 7
    elif any(key.startswith("bundle_") for result in results for key in result):
        number = 6
    elif has_skips and statuses and "success" not in statuses:
        number = 6  # a failure has no bundle in any generation: the latest whose form it has
    else:
        number = 5 if has_skips else 4
    return Recognised(f"legacy_training_manifest_e{number}", 1, f"E{number}")


def _of_phase_f(value: dict[str, object]) -> Recognised | None:
    keys = value.keys()
    if "skipped_jobs" in keys and not _ROOTS & keys:
        return Recognised("legacy_reconstruction_skip_summary_f1", 1, "F1-F4")
    if not _ROOTS & keys or not _OF_F & keys:
        return None
    results = [result for result in listed(value, "execution_results") if isinstance(result, dict)]
    strategies = [result["selection_strategy"] for result in results if "selection_strategy" in result]
    if "unknown" in strategies:
        number = 4
    elif any("acceptance_rate" in result or "spacing_threshold" in result for result in results) or strategies:
        number = 3
    else:
        number = 2 if {"missing_jobs", "execution_results"} & keys else 1
    return Recognised(f"legacy_reconstruction_manifest_f{number}", 1, f"F{number}")


def _of_phase_g(value: dict[str, object]) -> Recognised | None:
    keys = value.keys()
    jobs = [job for job in listed(value, "jobs") if isinstance(job, dict)]
    if "aggregate_metrics" in keys or ("n_jobs" in keys and any("metrics" in job for job in jobs)):
        return Recognised("legacy_metrics_summary_g", 1, "G")
    if "n_jobs" in keys and ("filters" in keys or any(_OF_COMPARISON & job.keys() for job in jobs)):
        number = 2 if {"execution_results", "n_success", "n_failed"} & keys else 1
        return Recognised(f"legacy_comparison_manifest_g{number}", 1, f"G{number}")
    if len(_OF_VERIFICATION & keys) >= 2:
        return Recognised("legacy_hub_verification_g", 1, "G")
    if "n_valid" in keys or len({"focus", "test_results", "commits", "summary", "status"} & keys) >= 3:
        return Recognised("legacy_verification_report_g", 1, "G")
    return None

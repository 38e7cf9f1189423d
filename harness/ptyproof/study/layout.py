"""What the cells of a study are called and where its files lie: the one place that knows names of cells and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from ptyproof.errors import InputError

Half = Literal["train", "test"]

HALVES: tuple[Half, ...] = ("train", "test")
RUN_MANIFEST = "run_manifest.json"
OVERLAP_MANIFEST = "overlap_manifest.json"
TRAINING_MANIFEST = "training_manifest.json"
SKIP_SUMMARY = "skip_summary.json"
RECONSTRUCTION_MANIFEST = "reconstruction_manifest.json"
RECONSTRUCTIONS = "reconstructions"
COMPARISON_MANIFEST = "comparison_manifest.json"
COMPARISON_CSV = "comparison.csv"
COMPARISON_TABLES = "comparison.md"
COMPARISON_FIGURES = "comparison_figures"
FRC_CURVES = "frc_curves.csv"
METRICS_SUMMARY = "metrics_summary.json"
BUNDLE = "model.safetensors"
CHECKPOINT = "checkpoint.ckpt"
TRAINING_LOG = "train.log"
STATE_FILE = "job_state.json"
RESULT_FILE = "job_result.json"


def dose_folder(dose: float, replicate: int = 1) -> str:
    """Return the folder name of a dose: `dose_1000`, `dose_0.5`; that of its second replicate is `dose_1000_r2`.

    Different doses and replicates have different names.
    """
    return f"dose_{_number(dose)}" + (f"_r{replicate}" if replicate > 1 else "")


def cell_key(dose: float, view: str, gridsize: int, replicate: int = 1) -> str:
    """Return the name of a cell of the study's matrix; also its pytest id.

    `dose1000-dense-gs2`; that of its second replicate is `dose1000-dense-gs2-r2`.
    """
    return f"dose{_number(dose)}-{view}-gs{gridsize}" + (f"-r{replicate}" if replicate > 1 else "")


def replicate_of(record: Mapping[str, Any]) -> int:
    """Return the number of the replicate that a record of a manifest is about; records of the first one omit it."""
    return int(record.get("replicate", 1))


def cell_of(record: Mapping[str, Any]) -> str:
    """Return the name of the cell that a record of a manifest is about."""
    return cell_key(record["dose"], record["view"], record["gridsize"], replicate_of(record))


def name_of(record: Mapping[str, Any]) -> str:
    """Return the name of a cell: `dose1000-dense-gs2`, with half and method `dose1000-dense-gs2-test-lsqml`."""
    name = cell_of(record)
    return f"{name}-{record['split']}-{record['method']}" if "method" in record else name


def _number(dose: float) -> str:
    return str(int(dose)) if dose == int(dose) else repr(dose)


def phase_c_name(half: str, test_half: str | None = None) -> str:
    """Return the file name of a half in Phase C; each test object and each experiment has a test half of its name."""
    return f"patched_{half}.npz" if test_half is None or half == "train" else f"patched_{half}_{test_half}.npz"


def phase_c_file(root: Path, dose: float, half: str, replicate: int = 1, test_half: str | None = None) -> Path:
    """Return Phase C's archive of a dose and half; `test_half` is the object or experiment of a test half."""
    return root.joinpath(dose_folder(dose, replicate), phase_c_name(half, test_half))


def simulation_key(dose: float, replicate: int, half: str, test_object: str | None = None) -> list[str]:
    """Return the key of the random stream that gives a half its noise; that of an experiment is the study's own."""
    own = [] if test_object is None or half == "train" else [test_object]
    return ["phase_c", dose_folder(dose, replicate), half, *own]


def name_of_test_half(half: Mapping[str, Any]) -> str | None:
    """Return the object or experiment of a test half in a run manifest; None is the study's own test half."""
    return half["objects"][0]["name"] if half.get("objects") else half.get("experiment")


def halves_of(dataset: Mapping[str, Any]) -> Iterator[tuple[Half, str | None, Any]]:
    """Yield each half of an exposure in a run manifest, a test half with its object or experiment if it has one."""
    yield "train", None, dataset["train"]
    for half in (dataset["test"], *dataset.get("further_tests", ())):
        yield "test", name_of_test_half(half), half


def half_of(dataset: Mapping[str, Any], half: str, test_half: str | None) -> Any:
    """Return a half of an exposure in a run manifest; `test_half` is the object or experiment of a test half.

    Raises
    ------
    InputError
        If the exposure has no such half.
    """
    for name, own, found in halves_of(dataset):
        if name == half and (name == "train" or own == test_half):
            return found
    of = "" if test_half is None else f" of {test_half}"
    raise InputError(f"{RUN_MANIFEST} has no {half} half{of} of {dataset['folder']}; run `ptyproof generate` again")


def view_folder(root: Path, dose: float, view: str, replicate: int = 1) -> Path:
    """Return the folder of a view under Phase D's output root or artifact root."""
    return root.joinpath(dose_folder(dose, replicate), view)


def phase_d_file(root: Path, dose: float, view: str, half: str, replicate: int = 1) -> Path:
    """Return Phase D's archive of a view and half."""
    return root.joinpath(dose_folder(dose, replicate), view, f"{view}_{half}.npz")


def job_folder(artifact_root: Path, dose: float, view: str, gridsize: int, replicate: int = 1) -> Path:
    """Return the folder of a training's artifacts."""
    return artifact_root.joinpath(dose_folder(dose, replicate), view, f"gs{gridsize}")


def reconstruction_file(
    artifact_root: Path, dose: float, view: str, gridsize: int, split: str, method: str, replicate: int = 1
) -> Path:
    """Return the archive of a reconstruction."""
    folder = artifact_root.joinpath(RECONSTRUCTIONS, dose_folder(dose, replicate), view, f"gs{gridsize}", split)
    return folder / f"{method}.npz"

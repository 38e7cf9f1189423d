"""Options of a run: what is refused, which accelerator is taken, and what the process gets back."""

from __future__ import annotations

import os
import random
from contextlib import nullcontext
from typing import Any, cast

import numpy as np
import pytest
import torch

from ptyproof.errors import InputError
from ptyproof.training.device import RunOptions, compute_environment, configured, resolve_accelerator
from tests.helpers.messages import names, naming


def process_state() -> dict[str, Any]:
    """Everything that a job may change for its own time, as comparable values."""
    return {
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "filling": cast("Any", torch.utils.deterministic).fill_uninitialized_memory,
        "benchmark": torch.backends.cudnn.benchmark,
        "torch": torch.get_rng_state().tolist(),
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False)["state"]["key"].tolist(),  # noqa: NPY002
    }


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("accelerator", "tpu"),
        ("accelerator", "CPU"),
        ("accelerator", ""),
        ("logger", "tensorboard"),
        ("logger", ""),
        ("num_workers", -1),
        ("threads", 0),
        ("threads", -2),
    ],
)
def test_impossible_options_are_refused_by_name_and_value(option: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        RunOptions(**{option: value})
    assert names(str(caught.value), f"--{option.replace('_', '-')}", repr(value))


@pytest.mark.parametrize(
    "options",
    [{}, {"accelerator": "cpu"}, {"accelerator": "gpu"}, {"logger": "none", "num_workers": 3, "threads": 1}],
    ids=str,
)
def test_possible_options_are_kept(options: dict[str, Any]) -> None:
    made = RunOptions(**options)
    assert {name: getattr(made, name) for name in options} == options


def test_results_are_deterministic_unless_asked_otherwise() -> None:
    assert RunOptions().deterministic
    assert RunOptions().num_workers == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_is_refused_where_there_is_none() -> None:
    with pytest.raises(InputError, match=naming("torch", "GPU")):
        resolve_accelerator("gpu")
    with pytest.raises(InputError, match=naming("torch", "GPU")):
        compute_environment(RunOptions(accelerator="gpu"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_taken_where_there_is_one() -> None:
    assert resolve_accelerator("gpu") == resolve_accelerator("auto") == "gpu"
    assert compute_environment(RunOptions(accelerator="auto"))["device"] == torch.cuda.get_device_name()


def test_the_processor_is_taken_where_it_is_asked_for_or_all_there_is() -> None:
    assert resolve_accelerator("cpu") == "cpu"
    assert resolve_accelerator("auto") == ("gpu" if torch.cuda.is_available() else "cpu")


def test_the_environment_names_the_build_of_torch_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    # the metadata of an installed package may lack the build: those of 2.11.0+cu130 in an image said 2.11.0
    monkeypatch.setattr(torch, "__version__", "2.11.0+cu130")
    assert compute_environment(RunOptions(accelerator="cpu"))["torch"] == "2.11.0+cu130"


def test_the_environment_says_what_bits_depend_on() -> None:
    found = compute_environment(RunOptions(accelerator="cpu", threads=3, num_workers=2, deterministic=False))
    assert found["device"] == "cpu"
    assert (found["threads"], found["num_workers"], found["deterministic"]) == (3, 2, False)
    assert found["torch"] == torch.__version__
    assert np.__version__ in found.values()
    assert found["cpu"]
    assert compute_environment(RunOptions(accelerator="cpu"))["threads"] == torch.get_num_threads()


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_a_job_has_its_configuration_and_the_process_its_own_back(error: type[BaseException] | None) -> None:
    before = process_state()
    ended = nullcontext() if error is None else pytest.raises(error)
    with ended, configured(RunOptions(accelerator="cpu", threads=before["threads"] + 1), seed=5):
        assert torch.get_num_threads() == before["threads"] + 1
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(3), random.random(), np.random.random()  # noqa: NPY002
        torch.backends.cudnn.benchmark = not before["benchmark"]
        if error is not None:
            raise error
    assert process_state() == before


@pytest.mark.parametrize("warn_only", [False, True])
def test_a_strict_process_stays_strict_after_a_job_that_is_not(warn_only: bool) -> None:
    torch.use_deterministic_algorithms(True, warn_only=warn_only)
    try:
        before = process_state()
        with configured(RunOptions(accelerator="cpu", deterministic=False), seed=5):
            assert not torch.are_deterministic_algorithms_enabled()
        assert process_state() == before
        assert before["warn_only"] == warn_only
    finally:
        torch.use_deterministic_algorithms(False)


def test_the_seed_decides_what_a_job_draws() -> None:
    drawn = []
    for seed in (5, 5, 2**63 - 1):
        with configured(RunOptions(accelerator="cpu"), seed):
            drawn.append(torch.rand(4))
        torch.rand(3)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_a_job_without_a_number_of_threads_has_those_of_the_process() -> None:
    with configured(RunOptions(accelerator="cpu", threads=None), seed=0):
        inside = torch.get_num_threads()
    assert inside == torch.get_num_threads()


def test_a_setting_of_the_user_for_the_gpu_library_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with configured(RunOptions(accelerator="cpu"), seed=0):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"

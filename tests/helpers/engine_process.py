"""What an engine may change in its process, and which methods can run where packages are missing."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
from typing import Any

import numpy as np
import torch

_METHODS = """
import sys
from tests.helpers.blocked import Absent
sys.meta_path.insert(0, Absent(sys.argv[1:]))
from ptyproof.methods.registry import registry
from ptyproof.study.builtin import builtin_study
for entry in registry(builtin_study("fly64")).methods.values(): print(entry.name, entry.unavailable)
"""


def process_state() -> dict[str, Any]:
    """Return what an engine may change, as comparable values."""
    return {
        "dtype": torch.get_default_dtype(),
        "device": str(torch.get_default_device()),
        "torch": torch.get_rng_state().tolist(),
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False)["state"]["key"].tolist(),  # noqa: NPY002
        "handlers": list(logging.getLogger().handlers),
        "level": logging.getLogger().level,
        "disabled": logging.root.manager.disable,
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
    }


def reasons_without(*packages: str) -> dict[str, str]:
    """Return why each method cannot run in a process without some packages; `None` where it can."""
    command = [sys.executable, "-c", _METHODS, *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())

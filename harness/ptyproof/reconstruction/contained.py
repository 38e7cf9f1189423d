"""Runs engines of other packages, and restores the state of the process afterwards."""

from __future__ import annotations

import io
import logging
import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import numpy as np

# of a process that torchrun or the like has started: an engine would wait for the others
_LAUNCHED = ("GROUP_RANK", "ROLE_RANK", "LOCAL_WORLD_SIZE", "RANK", "WORLD_SIZE", "LOCAL_RANK")


@contextmanager
def contained() -> Iterator[None]:
    """Give back what an engine changes: torch's defaults, random states, logging; keep the engine quiet meanwhile."""
    import torch

    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - engines seed it
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    launched = {name: os.environ.pop(name) for name in _LAUNCHED if name in os.environ}
    logging.disable(logging.CRITICAL)
    try:
        with torch.random.fork_rng(devices=[]), redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.environ.update(launched)
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)
        torch.set_default_dtype(dtype)
        # the default that was never set is no device that could be set again
        torch.set_default_device(None if device == torch.device("cpu") else device)
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002

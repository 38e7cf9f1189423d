"""The GPUs of a process, each of which one job holds at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from queue import SimpleQueue

from ptyproof.provenance.environment import gpu_is_present


class FreeGpus:
    """The GPUs that no job holds.

    Parameters
    ----------
    gpus
        The GPUs, as CUDA_VISIBLE_DEVICES names them; None asks the system.
    """

    def __init__(self, gpus: Sequence[str] | None = None) -> None:
        self._free: SimpleQueue[str] = SimpleQueue()
        named = visible_gpus() if gpus is None else gpus
        self.n_gpus = len(named)
        for gpu in named:
            self._free.put(gpu)

    @contextmanager
    def one(self) -> Iterator[Mapping[str, str]]:
        """Hold a GPU, once one is free; yield the variables with which a job sees no other one: none without GPUs."""
        if not self.n_gpus:
            yield {}
            return
        gpu = self._free.get()
        try:
            yield {"CUDA_VISIBLE_DEVICES": gpu}
        finally:
            self._free.put(gpu)


def visible_gpus() -> tuple[str, ...]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; CUDA is not initialized."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(name.strip() for name in named.split(",") if name.strip())
    import torch

    return tuple(str(number) for number in range(torch.cuda.device_count())) if gpu_is_present() else ()

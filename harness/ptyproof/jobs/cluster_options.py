"""What `cluster.toml` says of an allocation of a batch system: size, limits, place, and how many are held."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ptyproof.errors import DataError
from ptyproof.jobs.local import ROOM_BYTES

MAX_FILE_BYTES = 2**20
_MEMORY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([KMGT])i?B")
_WALLTIME = re.compile(r"[0-9]{1,4}:[0-5][0-9]:[0-5][0-9]")


@dataclass(frozen=True)
class ClusterOptions:
    """An allocation, and how many of them.

    Parameters
    ----------
    memory
        Of an allocation: `16 GiB`.
    cores
        Of an allocation.
    gpus
        Of an allocation; a job that uses a GPU holds one.
    queue, account
        As the batch system names them: a partition, a project.
    walltime
        After which the batch system ends an allocation: hours:minutes:seconds, `02:00:00`.
    minimum, maximum
        Allocations that are held at least, and at most. The file may have `jobs` in place of both.
    prologue
        Lines of the shell that run before the worker starts: `module load cuda`.
    directives
        Further lines for the head of the batch script, without their mark: `--constraint=a100`.
    interface
        Network interface of scheduler and workers: `ib0`.
    python
        Interpreter on the nodes; None is this one.
    local_directory, log_directory
        Folders for the scratch files of a worker, and for the output of allocations.
    scheduler_port
        Of the scheduler on this machine; 0 is any free one.
    disk
        Of an allocation of HTCondor.
    tls
        Scheduler and workers talk encrypted and know each other by a certificate of this run. Without it, all users of
        the network can give work to the scheduler.
    """

    memory: str
    cores: int = 1
    gpus: int = 0
    queue: str | None = None
    account: str | None = None
    walltime: str | None = None
    minimum: int = 1
    maximum: int = 1
    prologue: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()
    interface: str | None = None
    python: str | None = None
    local_directory: str | None = None
    log_directory: str | None = None
    scheduler_port: int = 0
    disk: str = "2 GiB"
    tls: bool = True

    def slots(self, threads: int = 1) -> int:
        """Return how many jobs of so many threads run at once in an allocation: as the cores and the memory hold."""
        return max(1, self.gpus, min(self.cores // threads, n_bytes(self.memory) // ROOM_BYTES))


def cluster_options(path: Path, table: Mapping[str, Any]) -> ClusterOptions:
    """Return the options that the table of a file has.

    Raises
    ------
    DataError
        If a key is unknown or missing, or a value is impossible; names the file, the key and what is allowed.
    """
    given = dict(table)
    if "jobs" in given:
        if {"minimum", "maximum"} & given.keys():
            raise DataError(path, "must have jobs, or minimum and maximum, not both", "jobs")
        given["minimum"] = given["maximum"] = given.pop("jobs")
    elif "maximum" in given:
        given.setdefault("minimum", 0)
    known = {field.name: str(field.type) for field in fields(ClusterOptions)}
    for key in given:
        if key not in known:
            raise DataError(path, f"is no key; the keys are {', '.join(sorted({*known, 'jobs'}))}", key)
        given[key] = _value(path, key, known[key], given[key])
    if "memory" not in given:
        raise DataError(path, "is missing; it is the memory of an allocation, as in 16 GiB", "memory")
    options = ClusterOptions(**given)
    if not options.minimum <= options.maximum:
        raise DataError(path, f"must be >= minimum {options.minimum}, got {options.maximum}", "maximum")
    return options


def n_bytes(memory: str) -> int:
    """Return the bytes of `16 GiB`; the units of `16 GB` are powers of 1000."""
    found = _MEMORY.fullmatch(memory)
    assert found is not None  # it was checked
    base: int = 1024 if memory.endswith("iB") else 1000
    return int(float(found[1]) * base ** (1 + "KMGT".index(found[2])))


def _value(path: Path, key: str, kind: str, value: Any) -> Any:
    """Return a value of the file as the options have it."""
    if kind == "int":
        least = {"minimum": 0, "gpus": 0, "scheduler_port": 0}.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 65535:
            raise DataError(path, f"must be a whole number from {least} to 65535, got {value!r}", key)
    elif kind == "bool":
        if not isinstance(value, bool):
            raise DataError(path, f"must be true or false, got {value!r}", key)
    elif kind.startswith("tuple"):
        if not isinstance(value, list) or not all(map(_is_line, value)):
            raise DataError(path, f"must be a list of texts of one line each, got {value!r}", key)
        return tuple(value)
    elif not _is_line(value):
        raise DataError(path, f"must be a text of one line, got {value!r}", key)
    elif key in {"memory", "disk"} and _MEMORY.fullmatch(value) is None:
        raise DataError(path, f"must be a size as in 16 GiB, got {value!r}", key)
    elif key == "walltime" and _WALLTIME.fullmatch(value) is None:
        raise DataError(path, f"must be hours:minutes:seconds, as in 02:00:00, got {value!r}", key)
    return value


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()

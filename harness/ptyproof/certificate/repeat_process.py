"""A training in a process of its own that writes its digests.

Usage: `python -m ptyproof.certificate.repeat_process ORDER.json`.

The order is a file, so that the process shares nothing with the one that gave it: no memory, no random generator, no
threads, and another seed of Python's hashes. It ends when its parent has gone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.exit_statuses import sentence_of
from ptyproof.io.hashing import sha256_file
from ptyproof.io.strict_json import read_json, write_json
from ptyproof.study.training import training_from_dict
from ptyproof.training.device import RunOptions, compute_environment
from ptyproof.training.digests import DigestLog
from ptyproof.training.runner import TrainingTask, train
from ptyproof.training.scan import read_scan

ORDER, DIGESTS, RESULT = "order.json", "digests.jsonl", "result.json"


@dataclass(frozen=True)
class Order:
    """What a process trains.

    Parameters
    ----------
    task, data_path
        The training and its archive.
    options
        Accelerator, determinism, workers, threads.
    folder
        Where everything goes; a checkpoint in it is resumed from.
    last_epoch
        Epoch after which it ends; None for the study's last.
    killed_in_epoch
        Epoch at whose beginning the process is killed; None for none.
    """

    task: TrainingTask
    data_path: Path
    options: RunOptions
    folder: Path
    last_epoch: int | None = None
    killed_in_epoch: int | None = None

    def write(self) -> Path:
        """Write the order into its folder; return its path."""
        write_json(self.folder / ORDER, asdict(self) | {"data_path": str(self.data_path), "folder": str(self.folder)})
        return self.folder / ORDER


def read_order(path: Path) -> Order:
    """Return the order that a file holds."""
    found: dict[str, Any] = read_json(path)
    task: Mapping[str, Any] = found["task"]
    return Order(
        **found
        | {
            "task": TrainingTask(**{**task, "training": training_from_dict(task["training"])}),
            "options": RunOptions(**found["options"]),
            "data_path": Path(found["data_path"]),
            "folder": Path(found["folder"]),
        }
    )


def carry_out(order: Order, console: Console) -> dict[str, Any]:
    """Train what an order says; return what the certificate says of it."""
    scan = read_scan(order.data_path, order.task.tells)
    watcher = DigestLog(order.folder / DIGESTS, order.last_epoch, order.killed_in_epoch)
    trained = train(order.task, scan, order.folder, order.options, console, [watcher])
    return {
        "recipe_sha256": order.task.recipe_sha256(scan),
        "environment": compute_environment(order.options),
        "bundle_sha256": sha256_file(trained.bundle_path),
        "resumed_from_epoch": trained.resumed_from_epoch,
    }


def main(path: Path, ends_with_parent: bool = True) -> int:
    """Carry out the order of a file and leave the result beside it; return the exit status.

    With `ends_with_parent`, the process ends when its standard input does.
    """
    if ends_with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    order = read_order(path)
    try:
        result = carry_out(order, Console(None, Console.for_terminal().bars))
    except Exception as error:  # noqa: BLE001 - whatever it is, it stands in the certificate
        sentence, status = sentence_of(error) or (f"{type(error).__name__}: {error}", 1)
        write_json(order.folder / RESULT, {"error": " ".join(sentence.split())})
        return status
    write_json(order.folder / RESULT, result | {"error": None})
    return 0


def _end_with_parent() -> None:
    """Wait for the end of standard input, which comes when the parent process has gone."""
    os.read(0, 1)  # nothing is ever written to it; `sys.stdin` would be locked at the end of the process
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""How jobs end: the reason of a failure, a lost job, and an earlier failure that stands."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.errors import InputError, PtyproofError
from ptyproof.io.file_record import file_is_whole
from ptyproof.jobs.memory import is_out_of_memory
from ptyproof.jobs.state import describe
from ptyproof.records.cell_book import Record

if TYPE_CHECKING:
    from ptyproof_schemas.types.job_state import JobState

RETRY = ("failed",)
_OWN = Path(__file__).resolve().parents[1]
_N_FRAMES = 12
NOT_AGAIN = (
    "failed in an earlier call, and is not run again unless --retry failed (pytest: --ptyproof-retry) asks for it"
)


def checked_retry(values: tuple[str, ...]) -> frozenset[str]:
    """Return the ends to run again, as a set.

    Raises
    ------
    InputError
        If it is not in `RETRY`: lost jobs always run again, and successes need --retrain or --redo.
    """
    for value in values:
        if value not in RETRY:
            raise InputError(f"--retry must be {' or '.join(RETRY)}, got {value!r}")
    return frozenset(values)


def stands(entry: Record, attempt: Mapping[str, Any], root: Path) -> bool:
    """Tell whether a recorded failure applies to this attempt: same recipe and environment, same files.

    Parameters
    ----------
    entry
        The job's entry in the manifest.
    attempt
        The entry that the attempt would begin with. Keys whose value is None or an empty list, and keys that the
        failure does not have, are not compared.
    root
        Folder of the manifest.
    """
    if entry["result"]["status"] != "failed":
        return False
    known = {key: value for key, value in attempt.items() if value not in (None, []) and entry.get(key) is not None}
    if any(entry[key] != value for key, value in known.items()):
        return False
    datasets = entry["datasets"].values() if entry.get("datasets") else [entry.get("dataset")]
    return all(record is None or file_is_whole(record, root) for record in datasets)


def reason_of(error: BaseException) -> str:
    """Return why a job failed, one line."""
    text = str(error)
    if is_out_of_memory(error):
        text = f"out of memory: {text}" if text else "out of memory"
    elif not isinstance(error, PtyproofError):
        text = f"{type(error).__name__}: {text}"
    return " ".join(text.split())


def frames_of(error: BaseException) -> list[str]:
    """Return where an error was raised, a line for each frame, the innermost last.

    Frames of ptyproof are left out, and so are errors that ptyproof raises with a reason for its users.
    """
    if isinstance(error, PtyproofError) or is_out_of_memory(error):
        return []
    frames = traceback.extract_tb(error.__traceback__)
    return [
        f"at {frame.filename}:{frame.lineno}, in {frame.name}: {frame.line}"
        for frame in frames
        if _OWN not in Path(frame.filename).parents
    ][-_N_FRAMES:]


def lost_line(key: str, earlier: Record | None, left: JobState | None) -> str | None:
    """Return a remark on a job whose last process died without recording an end; None without such a process.

    `left` is the state that the process had left behind.
    """
    if earlier is None or earlier["result"]["status"] != "lost" or earlier["result"]["started"] is None:
        return None
    who = "it was interrupted" if left is None else f"its process has died ({describe(left)})"
    return f"{key}: was lost: started {earlier['result']['started']}, and {who}; it is run again"

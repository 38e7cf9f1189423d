"""How many jobs ran at once, by the times that manifests have of them: what seconds of a job depend on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def jobs_at_once(manifests: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the largest number of jobs that ran at one moment; None if no job has both times.

    Times have whole seconds. A job that begins in the second in which another one ends is taken for the next one.
    """
    moments: list[tuple[str, int]] = []
    for manifest in manifests:
        for job in manifest.get("jobs", ()):
            started, finished = (job["result"].get(key) for key in ("started", "finished"))
            if started is not None and finished is not None and job["result"].get("reused_from") is None:
                moments += [(started, 1), (finished, -1)]
    running, most = 0, 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most if moments else None

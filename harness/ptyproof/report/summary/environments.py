"""The environments and the revisions of the code that runs and trainings used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ptyproof.markdown import code, table, text
from ptyproof.provenance.revision import digest_of_files

_REVISION = {
    "commit": "commit",
    "uncommitted_sha256": "uncommitted changes",
    "code_sha256": "code",
    "tests_sha256": "tests",
}


def environments(training: Mapping[str, Any] | None, runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each environment with the runs and jobs that used it, and the table of the runs' revisions."""
    used: dict[str, list[str]] = {}
    known = [(run["id"], run["environment"]) for run in runs]
    known += [(job["job"], job["environment"]) for job in (training["jobs"] if training else ())]
    for name, environment in known:
        if environment is not None:
            used.setdefault(", ".join(f"{key} {environment[key]}" for key in environment), []).append(name)
    yield from (f"- {', '.join(names)}: {text(environment)}" for environment, names in used.items())
    yield ""
    rows = [[run["id"], *(_short(run["revision"][key]) for key in _REVISION)] for run in runs]
    yield from table(["run", *_REVISION.values()], rows)


def _short(digest: str | None) -> str | None:
    if digest is not None and digest_of_files(digest) is None:
        return "no file"
    return None if digest is None else code(digest[:16])

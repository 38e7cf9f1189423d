"""What a reader must know before anything else: runs without an end, blocked runs, damaged files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ptyproof.hub.blocked import first_error
from ptyproof.hub.layout import CERTIFICATE
from ptyproof.markdown import bold, code, text
from ptyproof.report.manifests import Manifests
from ptyproof.report.summary.files import file_link
from ptyproof.report.summary.runs import INCOMPLETE, UNDER_WAY, state_of


def banners(
    hub: Path, manifests: Manifests, runs: Sequence[Mapping[str, Any]], blocked: Sequence[Path]
) -> Iterator[str]:
    """Yield a paragraph for each fact that limits what the rest of the page means."""
    for run in runs:
        state = state_of(run)
        if state == INCOMPLETE:
            yield (
                f"**INCOMPLETE: {run['id']} started {run['started']} and has no recorded end.** This page shows what "
                f"was recorded before it stopped. Its command: {code(run['command'])}\n"
            )
        elif state == UNDER_WAY:
            yield f"**{run['id']} was still running when this page was written.**\n"
        error = run["revision"].get("git_error")
        if error is not None:
            yield f"**{run['id']}: git did not report the uncommitted changes.** Git: {text(error)}\n"
    for path in blocked:
        record = file_link(path.relative_to(hub).as_posix())
        yield f"**BLOCKED: an error stopped a run, see {record}.** {text(first_error(path))}\n"
    yield from () if manifests.certificate is None else _not_reproduced(manifests.certificate)
    for name, reason in manifests.damaged.items():
        yield f"**DAMAGED: {code(name)}** {text(reason)}\n"


def _not_reproduced(certificate: Mapping[str, Any]) -> Iterator[str]:
    from ptyproof.certificate.attempts import REPRODUCED, describe  # few recorded runs have a certificate

    for attempt in certificate["attempts"]:
        if attempt["status"] != REPRODUCED:
            yield f"{bold(f'{describe(attempt)}.')} See {file_link(CERTIFICATE)}.\n"

"""The certificate: which trainings gave identical bits a second time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ptyproof.hub.layout import CERTIFICATE
from ptyproof.markdown import text
from ptyproof.report.summary.files import file_link


def determinism(certificate: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the account of a certificate, a line for each attempt, and what the certificate does not cover."""
    if certificate is None:
        return
    from ptyproof.certificate.attempts import describe, machines  # few recorded runs have a certificate

    account, scope = certificate["account"], certificate["scope"]
    yield (
        f"{account['n_attempts']} attempts to train a job twice with identical bits: {account['n_reproduced']} "
        f"reproduced, {account['n_diverged']} diverged, {account['n_failed']} failed: {file_link(CERTIFICATE)}.\n"
    )
    for attempt in certificate["attempts"]:
        yield f"- {text('; '.join(filter(None, (describe(attempt), machines(attempt)))))}"
    yield f"\n{text(scope['says'])} It does not cover:\n"
    yield from (f"- {text(sentence)}" for sentence in scope["does_not_say"])

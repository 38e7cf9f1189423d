"""The determinism certificate of a hub: it is of the hub's study, adds up, and found no divergence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptyproof.evidence.checking import certificates
from ptyproof.evidence.checking.document import Document
from ptyproof.evidence.hub_layout import CERTIFICATE, TRAINING
from ptyproof.evidence.verify.problem import Problem, Problems, short


def certificate_problems(manifests: Mapping[str, Any]) -> Problems:
    """Yield what is wrong with the certificate: a divergence that it found is, too, since nobody is to overlook it."""
    certificate = manifests[CERTIFICATE]
    doc = Document(dict(certificate), CERTIFICATE, "certificate", "1")
    for check in (certificates.account, certificates.attempts):
        for finding in check(doc):
            if finding.severity == "error":
                yield Problem(CERTIFICATE, finding.json_path, finding.message)
    if TRAINING not in manifests:
        return
    training = manifests[TRAINING]
    if certificate["design_digest"] != training["design_digest"]:
        sentence = f"{short(certificate['design_digest'])} is not that of {TRAINING}: one is of another hub"
        yield Problem(CERTIFICATE, "$.design_digest", sentence)

"""Whether a file belongs to the study that it names: design, digest of the design, and what it names of both."""

from __future__ import annotations

from ptyproof.checking.model.document import Document, Findings, mapping, text
from ptyproof.errors import DesignError
from ptyproof.io.hashing import sha256_json


def check(doc: Document) -> Findings:
    """Yield a design that is impossible, is not the one of the digest, or has another name."""
    design, digest = mapping(doc.root, "design"), text(doc.root, "design_digest")
    if not design or doc.is_cut("$.design"):
        return
    name, study = text(design, "name"), text(doc.root, "study")
    if name is not None and study is not None and name != study:
        yield doc.finding("PM209", "$.study", f"study is {study}, but the design's name is {name}")
    if digest is None or _digest(design) == digest:
        return
    # slow: a design is read with the names of the built-in objects and probes
    from ptyproof.study.design import design_from_dict

    try:
        real = design_from_dict(design).digest()
    except (DesignError, TypeError, ValueError, OverflowError) as error:
        yield doc.finding("PM104", "$.design", f"the design is impossible: {str(error)[:300]}")
        return
    if real != digest:
        said = f"{digest[:16]}... differs from the digest of the design, {real[:16]}...: one of the two was changed"
        yield doc.finding("PM209", "$.design_digest", said)


def of_itself(doc: Document) -> Findings:
    """Yield what is impossible in a file that is a design."""
    from ptyproof.study.design import design_from_dict

    try:
        design_from_dict(doc.root)
    except (DesignError, TypeError, ValueError, OverflowError) as error:
        yield doc.finding("PM104", "$", f"the design is impossible: {str(error)[:300]}")


def _digest(design: object) -> str | None:
    try:
        return sha256_json(design)
    except ValueError:  # NaN
        return None

"""A file of a layout that is not known, described so that its owner sees what it lacks for DATA-001."""

from __future__ import annotations

import numpy as np

from ptyproof.errors import DataError
from ptyproof.io.npz import Member, NpzArchive

_MAX_POSITIONS = 1 << 20


def described(archive: NpzArchive) -> str:
    """Return the arrays of an archive in words; of what may be scan positions, how far they reach."""
    return ", ".join(_array(archive, member) for member in archive.members.values())


def advice(archive: NpzArchive) -> str:
    """Return advice on the arrays: which arrays of the contract to make, and in which unit."""
    complex_ones = [member for member in archive.members.values() if member.dtype.kind == "c"]
    probe = "" if complex_ones else "; no array is complex, so it has no probe, which is needed"
    return (
        "save the patterns as diff3d (n, H, W), the probe as probeGuess (H, W), and the positions as xcoords and "
        f"ycoords (n,) in pixels of the object's grid, meters / pixel size, with numpy.savez{probe}"
    )


def _array(archive: NpzArchive, member: Member) -> str:
    text = f"{member.name} {member.shape} {member.dtype}"
    rows, last = member.shape[:-1], member.shape[-1:]
    if last != (2,) or member.dtype.kind not in "fiu" or not 1 < np.prod(rows) <= _MAX_POSITIONS:
        return text
    try:
        points = archive.read(member.name).reshape(-1, 2).astype(np.float64)
    except DataError:
        return text
    if not np.isfinite(points).all():
        return text
    spread = points.max(axis=0) - points.min(axis=0)
    small = ", less than one pixel: meters?" if max(spread) < 1 else ""
    return f"{text} (spans {spread[0]:.3g} x {spread[1]:.3g}{small})"

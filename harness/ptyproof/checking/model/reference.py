"""A path in a manifest: where it stands, what it is relative to, and what its file held when it was recorded."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field


@dataclass(eq=False)  # not frozen: there are thousands, and freezing them takes longer than all the rest
class Reference:
    """A path in a manifest.

    Parameters
    ----------
    json_path, path
        Where it stands, and what it is.
    base
        The folder it is relative to, relative to the manifest's folder; None where that is not known, as in earlier
        generations, whose paths are relative to a folder of their own.
    role
        `artifact`: must be there, below the manifest's folder; `data`: may be gone, and may lie elsewhere in the hub;
        `record`: must be there, and may lie elsewhere in the hub; `folder`: a folder, which may lie elsewhere;
        `text`: of a kind that is not known, and a path by its key;
        `indexed`: in the index of the hub that it lies in, whose own checks look at its files.
    sha256, size_bytes
        What the file held when it was recorded; None where that is not recorded.
    digest_path, size_path
        Where these stand.
    name
        The path relative to the manifest's folder, or None where that is not known.
    """

    json_path: str
    path: str
    base: str | None
    role: str
    sha256: str | None = None
    size_bytes: int | None = None
    digest_path: str = ""
    size_path: str = ""
    name: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.base is not None:
            alone = self.base == "." or self.path.startswith("/")
            self.name = posixpath.normpath(self.path if alone else f"{self.base}/{self.path}")

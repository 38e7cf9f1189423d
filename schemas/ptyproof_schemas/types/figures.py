"""Records of kind figures as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, TypedDict

from ptyproof_schemas.types.common import Tool


class Source(TypedDict):
    """A file that a picture was made from."""

    path: str
    sha256: str


class Picture(TypedDict):
    """A picture of a cell."""

    file: str
    cell: str
    subject: Literal["training", "scan", "diffraction", "reconstruction"]
    sha256: str
    caption: str
    alt: str
    sources: list[Source]


class Figures(TypedDict):
    """The pictures of a hub's report, and the files that each was made from."""

    kind: Literal["figures"]
    schema_version: str
    tool: Tool
    drawing: int
    pictures: list[Picture]

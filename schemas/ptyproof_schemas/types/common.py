"""Records of kind common as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import TypedDict


class Tool(TypedDict):
    """The program that wrote the file."""

    name: str
    version: str


class File(TypedDict):
    """A file: where it lies and what it held when it was recorded."""

    path: str
    sha256: str
    size_bytes: int


class PairedRule(TypedDict):
    """When a method is ahead of another: its values, paired by replicate, differ by this rule."""

    version: str
    least_replicates: int
    least_relative: float
    bootstrap_from: int
    level: float
    resamples: int
    seed: int


class Stream(TypedDict):
    """Where random numbers come from: the root seed and the key of the stream under it."""

    root: int
    key: list[str]

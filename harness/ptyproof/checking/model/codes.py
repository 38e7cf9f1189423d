"""The codes of checks, from `codes.toml`: what a code means, why the check exists, and how to fix what it found."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from ptyproof.checking.model.findings import GROUPS


@dataclass(frozen=True)
class Code:
    """What a code means: one line, why it is checked, and how to fix it."""

    code: str
    severity: str
    title: str
    why: str
    fix: str

    @property
    def group(self) -> str:
        """The group of checks that the code belongs to; its first digit says it."""
        return GROUPS[int(self.code[2])]


@cache
def codes() -> Mapping[str, Code]:
    """Return every code by its name; the file is read when the first one is needed."""
    text = files("ptyproof.checking.model").joinpath("codes.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: Code(name, **entry) for name, entry in tomllib.loads(text).items()})

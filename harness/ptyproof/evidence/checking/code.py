"""What a code of a check is made of."""

from __future__ import annotations

from dataclasses import dataclass

from ptyproof.evidence.checking.findings import GROUPS


@dataclass(frozen=True)
class Code:
    """What a code means: one line, why it is checked, and how to mend it."""

    code: str
    severity: str
    title: str
    why: str
    mend: str

    @property
    def group(self) -> str:
        """The group of checks that the code belongs to; its first digit says it."""
        return GROUPS[int(self.code[2])]

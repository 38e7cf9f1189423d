"""What a check has to say: a finding, with a stable code, a place in the file, and one sentence."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

SEVERITIES = ("error", "warning", "info")
GROUPS = ("json", "schema", "account", "files", "paths", "times", "values", "claims", "skips", "hub")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_NUMBERS = re.compile(r"(\d+)")


def printable(text: str) -> str:
    """Return a text as one line that every terminal shows as it is: control and direction marks are escaped."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a manifest, or that a reader should know. Findings sort worst first.

    Parameters
    ----------
    file
        The file, as it was named.
    code
        Stable code of the check, `PM203`; `ptyproof.checking.model.codes.codes()` explains it.
    severity
        `error`, `warning` or `info`.
    json_path
        Where in the file, `$.jobs[0].result.final_loss`.
    message
        One sentence with the value and the rule.
    group
        What the check is about, one of `GROUPS`.
    cause
        One sentence on what this finding and others of the file have in common; empty where nothing is.
    """

    file: str
    code: str
    severity: str
    json_path: str
    message: str
    group: str
    cause: str = ""

    def __lt__(self, other: Finding) -> bool:
        return self.order() < other.order()

    def __str__(self) -> str:
        return printable(f"{self.file}: {self.severity} {self.code} at {self.json_path}: {self.message}")

    def as_dict(self) -> dict[str, str]:
        """Return the finding as JSON values."""
        return asdict(self)

    def order(self) -> tuple[object, ...]:
        """Return what findings are sorted by; sorting by it is much faster than comparing them two by two."""
        # digits are compared as numbers: jobs[2] stands before jobs[10]
        place = [
            (part.isdecimal(), int(part[:9]) if part.isdecimal() else 0, part)
            for part in _NUMBERS.split(self.json_path)
        ]
        return self.file, SEVERITIES.index(self.severity), self.code, place, self.message

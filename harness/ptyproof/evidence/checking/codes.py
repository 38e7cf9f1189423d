"""Every code that a check gives: what it means, why the check exists, and how to mend what it found."""

from __future__ import annotations

from dataclasses import dataclass

_GROUP_OF_DIGIT = {
    "0": "json",
    "1": "schema",
    "2": "account",
    "3": "files",
    "4": "paths",
    "5": "times",
    "6": "values",
    "7": "claims",
    "8": "skips",
}


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
        """The group of checks that the code belongs to."""
        return _GROUP_OF_DIGIT[self.code[2]]


_ALL = (
    Code(
        "PM001",
        "error",
        "The file cannot be read",
        "A file that nobody can open shows nothing.",
        "Check the name and the permissions; name a file or a folder that is there.",
    ),
    Code(
        "PM004",
        "error",
        "The file is no JSON",
        "Other programs stop at the first character that is no JSON, or worse, guess.",
        "Let a program write the file again, or mend the line and column that the message names.",
    ),
    Code(
        "PM101",
        "error",
        "The file breaks the schema of its kind and generation",
        "A reader that relies on the schema would fail, or read something else than was meant.",
        "`ptyproof schema KIND` prints the rule; mend the value at the JSON path, or write the file with the current tool.",
    ),
    Code(
        "PM102",
        "error",
        "The file is of no known kind",
        "What a file is decides what it must hold; without a kind nothing can be checked.",
        "Name a manifest, or add `kind` and `schema_version` as `ptyproof schema KIND` asks.",
    ),
)

CODES: dict[str, Code] = {code.code: code for code in _ALL}

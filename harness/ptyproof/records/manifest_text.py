"""The text of a large manifest that is written again and again: only records that are new are formatted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ptyproof.io.strict_json import format_json

_INDENT = "  "


class ManifestText:
    """Formats manifests as `format_json` does, and keeps the texts of the records in their lists.

    A record counts as the same only if it is the same object: who changes a record replaces it.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Any, str]] = {}

    def of(self, manifest: Mapping[str, Any]) -> str:
        """Return the text of a manifest.

        Raises
        ------
        ValueError, TypeError
            As `format_json` does.
        """
        kept: dict[int, tuple[Any, str]] = {}
        members = [
            f"{_INDENT}{_formatted(key, _INDENT)}: {self._member(value, kept)}" for key, value in manifest.items()
        ]
        self._kept = kept
        text = "{\n" + ",\n".join(members) + "\n}\n"
        try:
            text.encode()
        except UnicodeEncodeError:
            return format_json(manifest)
        return text

    def _member(self, value: Any, kept: dict[int, tuple[Any, str]]) -> str:
        if not isinstance(value, list) or not value:
            return _formatted(value, _INDENT)
        texts = []
        for record in value:
            known = self._kept.get(id(record))
            if known is None or known[0] is not record:
                known = record, _formatted(record, 2 * _INDENT)
            kept[id(record)] = known
            texts.append(2 * _INDENT + known[1])
        return "[\n" + ",\n".join(texts) + f"\n{_INDENT}]"


def _formatted(value: Any, indent: str) -> str:
    """Return the text of a value that stands behind an indent; in JSON no text has a line feed."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False).replace("\n", f"\n{indent}")

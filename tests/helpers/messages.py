"""What a message must name, whatever words it is written in: files, keys, options, codes, values."""

from __future__ import annotations

import re


def naming(*parts: object) -> str:
    """Return a pattern that finds a text with all of these parts, in any order: for `match=` and `re.search`.

    A number is not found inside a longer one, nor a name inside a longer word.
    """
    return r"(?s)\A" + "".join(f"(?=.*{_whole(str(part))})" for part in parts)


def names(text: str, *parts: object) -> bool:
    """Tell whether a text has all of these parts."""
    return re.search(naming(*parts), text) is not None


def _whole(part: str) -> str:
    before = r"(?<!\w)(?<!\d[.,])" if part[0].isdigit() else r"(?<!\w)" if re.match(r"\w", part) else ""
    after = r"(?![.,]?\d)(?!\w)" if part[-1].isdigit() else r"(?!\w)" if re.match(r"\w", part[-1]) else ""
    if part.startswith("--"):
        after += r"(?!-\w)"  # an option is not found as the beginning of a longer one
    return before + re.escape(part) + after


def numbers(text: str) -> list[int]:
    """Return the whole numbers that stand alone in a text, in their order."""
    return [int(found) for found in re.findall(r"(?<![\w.,-])\d+(?![\w-]|[.,]\d)", text)]

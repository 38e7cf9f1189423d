"""The book of a manifest that a process keeps between changes, and when the journal is folded into the manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ptyproof.records.cell_book import CellBook, Record
from ptyproof.records.journal import Line, Place, Version
from ptyproof.records.manifest_text import ManifestText

FOLDING_SHARE = 0.1  # of the time, at most, goes into writing whole manifests
_SECONDS_TO_FOLD = 2e-3
_SECONDS_A_BYTE = 5e-8


@dataclass
class KeptBook:
    """A book, and the manifest and journal that it was read from; without a book there is nothing of these.

    Parameters
    ----------
    book
        The cells.
    version, sha256
        Of the manifest.
    place
        How far the journal was read.
    n_pending
        How many events the manifest does not have.
    folded_at, folding_s
        When this process has written the manifest last, by the clock of seconds, and how long that took.
    text
        Formats the manifest.
    """

    book: CellBook | None = None
    version: Version | None = None
    sha256: str = ""
    place: Place | None = None
    n_pending: int = 0
    folded_at: float = float("-inf")
    folding_s: float = 0.0
    text: ManifestText = field(default_factory=ManifestText)

    def forget(self) -> None:
        """Keep nothing: the next reader begins with the manifest."""
        vars(self).update(vars(KeptBook(folded_at=self.folded_at, folding_s=self.folding_s)))

    def extend(self, lines: list[Line], place: Place | None, event: Callable[[Line], Record]) -> bool:
        """Do the events of further lines of the journal; return False if they extend another manifest."""
        assert self.book is not None
        is_begun = self.place is not None and self.place.line > 0
        if lines and not is_begun and lines[0].mark != self.sha256:
            return False
        for line in lines:
            if line.mark is None:
                self.book.replay(event(line))
                self.n_pending += 1
        self.place = place
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process is given: nothing."""
        return vars(KeptBook())


def is_due(size: int, age_s: float, share: float, folding_s: float = 0.0) -> bool:
    """Tell whether a manifest is old enough to be written again, if that may take this share of the time.

    Parameters
    ----------
    size, age_s
        Its bytes, and the seconds since it was written.
    share
        Of the time.
    folding_s
        The seconds that it took the last time; 0 is not known.
    """
    return age_s * share >= max(folding_s, _SECONDS_TO_FOLD + size * _SECONDS_A_BYTE)

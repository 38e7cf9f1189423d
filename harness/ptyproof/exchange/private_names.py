"""The names in a hub that say where and by whom it was made, and the marks that stand for them with `--anonymous`."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile, is_zipfile

from ptyproof.errors import DataError
from ptyproof.io.hashing import CHUNK_BYTES
from ptyproof.io.regular import open_regular
from ptyproof.io.unpacking import ZIP_FAULTS
from ptyproof.provenance.anonymity import anonymity, hardware_label
from ptyproof.provenance.redaction import Redaction, telling_names

GIVEN = "{private}"
_HARDWARE = ("cpu", "device")
_NO_NAMES = frozenset(
    {"cpu", "gpu", "cuda", "unknown", "not installed", "torch was not loaded", "cuda, used by other processes alone"}
)
_CUDA, _MARK = "cuda: ", re.compile(r"left out \([0-9a-f]+\)")
_LONG = 8  # letters; a shorter word for a processor, as `arm`, is a word of texts as well, and says little
_CODES = ("utf-8", "utf-16-le", "utf-32-le")


def hardware_in(value: Any) -> Iterator[str]:
    """Yield the names of processors and GPUs that a record has, marks apart."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key in _HARDWARE and isinstance(part, str):
                yield from (part.removeprefix(_CUDA) for _ in range(_is_name(part)))
            else:
                yield from hardware_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from hardware_in(part)


def _is_name(hardware: str) -> bool:
    name = hardware.removeprefix(_CUDA)
    return name not in _NO_NAMES and not _MARK.fullmatch(name)


class PrivateNames:
    """Replaces private names by marks, in texts and in JSON values, and finds them in bytes.

    Parameters
    ----------
    root
        The hub, whose folders become words in braces.
    hardware
        Names of processors and GPUs; they become the marks that `--anonymous` gives them on this machine.
    given
        Further names, as of users, hosts and folders of other machines; they become `{private}`.
    """

    def __init__(self, root: Path, hardware: Iterable[str], given: Iterable[str]) -> None:
        self._redaction = Redaction(root)
        marks = {name: _mark(name) for name in hardware if " " in name or len(name) >= _LONG}
        self.marks: Mapping[str, str] = telling_names() | marks | dict.fromkeys(given, GIVEN)
        written = {form: mark for name, mark in self.marks.items() for form in _forms(name)}
        longest_first = sorted(written, key=len, reverse=True)
        self._written = written
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else re.compile(r"(?!)")

    def clean(self, text: str) -> str:
        """Return a text with marks in place of names; a cleaned text stays as it is."""
        return self._known.sub(lambda found: self._written[found[0]], self._redaction.clean(text))

    def cleaned(self, value: Any, key: str = "") -> Any:
        """Return a JSON value, which stands under a key, with every text in it cleaned, keys of objects apart."""
        if isinstance(value, str):
            if key in _HARDWARE and _is_name(value):
                prefix = _CUDA if value.startswith(_CUDA) else ""
                return f"{prefix}{_mark(value.removeprefix(_CUDA))}"
            return self.clean(value)
        if isinstance(value, Mapping):
            return {name: self.cleaned(part, name) for name, part in value.items()}
        return [self.cleaned(part) for part in value] if isinstance(value, list) else value

    def in_text(self, text: str) -> str | None:
        """Return a private name that a text has, None without one."""
        found = self._known.search(text)
        return None if found is None else found[0]

    def in_file(self, path: Path) -> str | None:
        """Return a private name that the bytes of a file have, or those of what is packed in it; None without one.

        Raises
        ------
        DataError
            If the file is an archive of which a member cannot be unpacked, so nobody can say that it has no name.
        """
        forms = {form.encode(code): name for name in self.marks for form in _forms(name) for code in _CODES}
        with open_regular(path) as file:
            found = _in_stream(file, forms)
        if found is None and is_zipfile(path):
            try:
                with ZipFile(path) as archive:
                    for info in archive.infolist():
                        with archive.open(info) as member:
                            found = found or _in_stream(member, forms)
            except ZIP_FAULTS as error:
                raise DataError(path, f"cannot be unpacked to search it for private names: {error}") from error
        return found


def _mark(hardware: str) -> str:
    with anonymity(True):
        return hardware_label(hardware)


def _forms(name: str) -> set[str]:
    """Return how a name is written: as it is, in HTML, and in JSON."""
    return {name, html.escape(name), json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1]}


def _in_stream(file: IO[bytes], forms: Mapping[bytes, str]) -> str | None:
    if not forms:
        return None
    overlap, kept = max(map(len, forms)) - 1, b""
    while piece := file.read(CHUNK_BYTES):
        window = kept + piece
        for form, name in forms.items():
            if form in window:
                return name
        kept = window[-overlap:] if overlap else b""
    return None

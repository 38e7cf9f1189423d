"""Whether the descriptions of a hub, which no signature covers, say what its records say: made again, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ptyproof.checking.judge import UPSETTING
from ptyproof.checking.model.document import INDEX, Findings, finding_about
from ptyproof.checking.model.hub_files import HubFiles
from ptyproof.description.comparison import differences, entities_in
from ptyproof.description.crate import FORMAT
from ptyproof.description.of_hub import (
    SIGNED,
    HubRecords,
    description_of,
    is_handed_on,
    page_text,
    read_records,
    removed_datasets,
)
from ptyproof.description.page import first_line
from ptyproof.description.stated import stated_in
from ptyproof.errors import DataError, ManifestError, PtyproofError
from ptyproof.hub.index import CRATE, PAGE
from ptyproof.io.regular import read_regular
from ptyproof.io.strict_json import MAX_BYTES, read_json

OTHER_HUB, DIFFERENT, STATED, MISSING = "PM918", "PM919", "PM920", "PM925"
_NONE_GIVEN: tuple[type[Exception], ...] = (PtyproofError, *UPSETTING)
_MOST = 20
_SHOWN = 120


def check(files: HubFiles, index: Mapping[str, Any]) -> Findings:
    """Yield where a description of a sound hub, if there is one, differs from its records, and what is in no record.

    A description of an earlier index is not compared, because a later run changes much.
    """
    present = [name for name in (CRATE, PAGE) if name in files.paths]
    if not present:
        return
    try:
        records = read_records(files.root, index)
        found = [*(_of_crate(files, records) if CRATE in present else ())]
        found += _of_page(files, records) if PAGE in present else ()
        found += _missing(files)
    except _NONE_GIVEN as error:
        # as records of an earlier version, which lack what a description says
        said = f"the records of the hub give no description: {type(error).__name__}: {str(error)[:_SHOWN]}"
        found = [finding_about(name, OTHER_HUB, "$", said) for name in present]
    yield from found


def _of_crate(files: HubFiles, records: HubRecords) -> Findings:
    try:
        described = read_json(files.paths[CRATE])
    except ManifestError as error:
        yield finding_about(CRATE, DIFFERENT, "$", f"cannot be read: {error.reason}")
        return
    entities = entities_in(described)
    if not entities:
        yield finding_about(CRATE, DIFFERENT, "$", "has no entities")
        return
    version, digest = entities.get(CRATE, {}).get("version"), entities.get(INDEX, {}).get("sha256")
    if digest != files.digest(INDEX):
        yield finding_about(CRATE, OTHER_HUB, "$", f"describes another {INDEX} than that of the hub")
        return
    if version != FORMAT:
        said = f"has the form {str(version)[:_SHOWN]!r}, and this version of ptyproof makes {FORMAT!r}"
        yield finding_about(CRATE, OTHER_HUB, "$", f"{said}, so it was not compared with the records")
        return
    stated = stated_in(entities)
    expected = description_of(records, stated, _names(files, entities, records), _reader(files, records))
    found = list(differences(described, expected))
    yield from (finding_about(CRATE, DIFFERENT, *difference) for difference in found[:_MOST])
    if len(found) > _MOST:
        yield finding_about(CRATE, DIFFERENT, "$", f"{len(found) - _MOST} more differences")
    for name, text in stated.said():
        said = f"{name} {text[:_SHOWN]!r} was stated at the export, and is in no record"
        yield finding_about(CRATE, STATED, "$", said)


def _missing(files: HubFiles) -> Findings:
    """Yield the description that was exported together with the one that is there."""
    for name, other in ((CRATE, PAGE), (PAGE, CRATE)):
        if name not in files.paths and other in files.paths:
            yield finding_about(name, MISSING, "$", f"is missing, and {other}, which was exported with it, names it")


def _names(files: HubFiles, entities: Mapping[str, Any], records: HubRecords) -> list[str]:
    """Return the files that a description has to have: those of the hub, and datasets that were removed since."""
    described = {unquote(key) for key, entity in entities.items() if entity.get("@type") == "File"}
    present = [name for name in files.paths if is_handed_on(name) and (name not in SIGNED or name in described)]
    return [*present, *(removed_datasets(records).keys() & described - files.paths.keys())]


def _reader(files: HubFiles, records: HubRecords) -> Any:
    removed = removed_datasets(records)

    def digest_and_size(name: str) -> tuple[str, int]:
        return (files.digest(name), files.size(name)) if name in files.paths else removed[name]

    return digest_and_size


def _of_page(files: HubFiles, records: HubRecords) -> Findings:
    try:
        lines = read_regular(files.paths[PAGE], MAX_BYTES).decode("utf-8").split("\n")
    except (DataError, UnicodeDecodeError) as error:
        yield finding_about(PAGE, DIFFERENT, "$", f"cannot be read: {error}")
        return
    expected = page_text(records, files.digest(INDEX)).split("\n")
    if lines == expected:
        return
    if _is_of_another_hub(lines[0], files.digest(INDEX)):
        yield finding_about(PAGE, OTHER_HUB, "$", f"describes another {INDEX} than that of the hub")
        return
    number = next((n for n, (one, other) in enumerate(zip(lines, expected, strict=False)) if one != other), len(lines))
    yield finding_about(PAGE, DIFFERENT, f"line {number + 1}", "is not the line that the records give")


def _is_of_another_hub(line: str, digest: str) -> bool:
    """Tell whether the first line of a page is one, and of another index or of another form."""
    return line.startswith("<!-- ptyproof description ") and line != first_line(digest)

"""The page of a method's conformance: the verdict as a badge, then every check with its outcome, time and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ptyproof.hub.conformance import counted
from ptyproof.records.manifest import TOOL_LABEL
from ptyproof.report.page.render import render
from ptyproof.report.page.tables import UNKNOWN, Content, Table, number, table

if TYPE_CHECKING:
    from ptyproof_schemas.types.conformance import Check, Conformance

_MIB = 2**20
_HEAD = ("check", "outcome", "what must hold", "time / s", "memory / MiB", "memory added / MiB")


def page_of_conformance(record: Conformance) -> str:
    """Return the page of a record; equal records give equal pages."""
    return render(
        "conformance.html.j2",
        title=f"Conformance of {record['method']}",
        tool=TOOL_LABEL,
        record=record,
        status=record["status"],
        counted=counted(record),
        checks=table("Checks of the suite", _HEAD, [_row(check) for check in record["checks"]]),
        where=_where(record),
        json=quote(f"{record['method']}.json"),
    )


def _row(check: Check) -> list[str | Content]:
    note = " ".join(text for text in (*check["said"], check["reason"]) if text)
    before, peak = check["memory_before_bytes"], check["peak_memory_bytes"]
    added = None if before is None or peak is None else peak - before
    return [
        Content(check["check"], is_code=True),
        Content("", state=check["outcome"], note=note or None),
        check["holds"],
        number(check["duration_s"]),
        _mib(peak),
        _mib(added),
    ]


def _mib(n_bytes: int | None) -> str:
    return UNKNOWN if n_bytes is None else f"{n_bytes / _MIB:.1f}"


def _where(record: Conformance) -> Table:
    """Return the table of the options that the method used, and of the environment."""
    found = {f"option {name}": str(value) for name, value in record["options"].items()} | record["environment"]
    return table("Options and environment", ("name", "value"), [[name, value] for name, value in found.items()])

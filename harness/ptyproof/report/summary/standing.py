"""How the tests of a hub ended: the result of the newest run that shows one, and each reason of a skip once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ptyproof.hub.index import STATEMENT
from ptyproof.markdown import bold, code, text
from ptyproof.report.standing import baseline_of, dates_of, machine_of, revision_of, standing


def tests(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the result, what it means, the reasons of skips, the runs that it is from, and how to verify the hub."""
    found = standing(runs)
    if found is None:
        return
    yield f"{bold(found.result.upper())}: {text(found.counted)}. {text(found.meaning)}\n"
    yield from (f"- {number} skipped: {text(reason)}" for reason, number in found.reasons)
    for run in found.runs:
        yield f"- {run['id']}, {dates_of(run)}: {text(revision_of(run))}; {text(machine_of(run))}"
        held = baseline_of(run)
        if held is not None:
            yield f"- {run['id']} was held against {text(held[0])}"
            yield from (f"  - {text(change)}" for change in held[1])
    yield (
        f"\n{code('ptyproof hub verify HUB')} reads every file again. A signature, where there is one, is "
        f"{code(STATEMENT)}; {code('ptyproof hub verify HUB --key PUBLIC_KEY')} says whether it is valid."
    )

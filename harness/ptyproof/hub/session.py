"""How the session of a test run went, beside the outcomes of its tests: what was left out, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_index import Deselected, Uncollected

MARKER_RULE = "the rule that real_run tests run with -m real_run alone"


@dataclass(frozen=True)
class LeftOut:
    """Tests that were collected and not selected.

    Parameters
    ----------
    by
        The option, file or module that left them out.
    by_command
        Whether the command line that is recorded says so by itself.
    tests
        Node ids.
    """

    by: str
    by_command: bool
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Session:
    """How a session went.

    Parameters
    ----------
    exit_status
        pytest's own, once every hook has had its say.
    stopped
        Why the session did not come to its regular end; None where it did.
    n_failures
        How many failures pytest counts.
    n_reported
        How many of them were reported.
    crashed_workers
        Names of the processes of pytest-xdist that died.
    uncollected
        Modules that were not collected without being wrong, and the reason.
    left_out
        Tests that were not selected.
    chosen_by
        What else than the command line chose the tests, in sentences.
    accepted_errors
        Names of types of errors that a red run may fail with.
    without_assertions
        Whether Python left assertions out in a process that ran tests.
    """

    exit_status: int
    stopped: str | None = None
    n_failures: int = 0
    n_reported: int = 0
    crashed_workers: Sequence[str] = ()
    uncollected: Mapping[str, str] = field(default_factory=dict)
    left_out: Sequence[LeftOut] = ()
    chosen_by: Sequence[str] = ()
    accepted_errors: Sequence[str] = ()
    without_assertions: bool = False

    def record(self) -> dict[str, list[Uncollected] | list[Deselected]]:
        """Return what the index of a hub says of it."""
        uncollected: list[Uncollected] = [
            {"module": name, "reason": reason} for name, reason in self.uncollected.items()
        ]
        deselected: list[Deselected] = [
            {"by": one.by, "by_command": one.by_command, "count": len(one.tests)} for one in self.left_out
        ]
        return {"uncollected": uncollected, "deselected": deselected}

"""Exposures: what Phase C simulates once, a replicate of a dose; and which of them a call wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict

from ptyproof.errors import InputError
from ptyproof.study.layout import replicate_of


class ExposureRecord(TypedDict):
    """How a record of a manifest names an exposure."""

    dose: float
    replicate: NotRequired[int]


class Exposure(NamedTuple):
    """A dose (photons per pattern) and the number of a replicate."""

    dose: float
    replicate: int = 1

    def __str__(self) -> str:
        return f"dose {self.dose:g}" + (f", replicate {self.replicate}" if self.replicate > 1 else "")

    def as_dict(self) -> ExposureRecord:
        """Return the record for a manifest; that of the first replicate does not name it."""
        record: ExposureRecord = {"dose": self.dose}
        if self.replicate > 1:
            record["replicate"] = self.replicate
        return record


def exposure_of(record: Mapping[str, Any]) -> Exposure:
    """Return the dose and replicate that a record of a manifest is about."""
    return Exposure(record["dose"], replicate_of(record))


def select_exposures(
    available: Iterable[Exposure], doses: tuple[float, ...] | None, replicates: tuple[int, ...] | None
) -> tuple[Exposure, ...]:
    """Return the exposures of `available` that are wanted, in their own order; None wants all.

    Raises
    ------
    InputError
        If a dose or replicate that is wanted is not available; lists those that are.
    """
    known = tuple(available)
    check_values("--dose", doses, [exposure.dose for exposure in known])
    check_values("--replicate", replicates, [exposure.replicate for exposure in known])
    return tuple(
        exposure
        for exposure in known
        if (doses is None or exposure.dose in doses) and (replicates is None or exposure.replicate in replicates)
    )


def check_values(option: str, wanted: tuple[Any, ...] | None, known: Iterable[Any]) -> None:
    """Refuse values of an option that are not known, and an option without a value.

    Raises
    ------
    InputError
        Names the option, the value and those that are known.
    """
    choices = list(dict.fromkeys(known))
    for value in wanted or ():
        if value not in choices:
            shown = ", ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in choices)
            got = f"{value:g}" if isinstance(value, float) else repr(value)
            raise InputError(f"{option} must be one of {shown}, got {got}")
    if wanted == ():
        raise InputError(f"{option} must name at least one value, got none")


def check_no_fewer_replicates(path: Path, recorded: Mapping[str, Any], replicates: int) -> None:
    """Refuse a study with fewer replicates than a record has; more of them extend the record.

    Parameters
    ----------
    path
        The record's file.
    recorded
        The design in it.
    replicates
        Number of replicates of the study that is to be recorded there.

    Raises
    ------
    InputError
        Names the file and both numbers.
    """
    known = int(recorded.get("replicates", 1))
    if replicates < known:
        raise InputError(
            f"{path} has {known} replicates, but the study has {replicates}; give the study with {known} replicates or "
            "more, or choose another folder"
        )

"""Beam and detector of a study, as plain data: each key switches a flaw on, with its size.

A study without these tables has a coherent beam, a perfect detector and exact positions. What methods are told of the
flaws is the study's key `tells`. An experiment has a beam and a detector of its own, for one more test half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from ptyproof.errors import DesignError
from ptyproof.io.knowledge import TELLS, Tell
from ptyproof.study import checks

if TYPE_CHECKING:
    from ptyproof_schemas.types.study_design import Beam as BeamRecord
    from ptyproof_schemas.types.study_design import Detector as DetectorRecord
    from ptyproof_schemas.types.study_design import Experiment as ExperimentRecord

MAX_EXPERIMENTS = 64
MAX_MODES = 16
MAX_PSF_SIGMA_PX = 64.0
MAX_GAPS = 64
MAX_INTENSITY_ERROR = 0.5
MAX_POSITION_ERROR_PX = 16.0
MAX_BLUR_PX = 64.0

Gap = tuple[int, int]  # first row or column, and their number


@dataclass(frozen=True)
class DetectorDesign:
    """The detector of a study; None is no such flaw.

    Parameters
    ----------
    gap_rows, gap_cols
        Gaps between modules: (first, number) of rows and columns that measure nothing.
    dead_pixel_fraction
        Share of the pixels that measure nothing, drawn at random.
    saturation_counts, saturation_of_peak
        The largest count that a pixel records: a number, or a fraction of the largest expected count of the exposure.
    background_counts, background_fraction
        Counts that every pixel expects besides the light: a number, or a fraction of the mean of a pixel at the dose.
    psf_sigma_px
        Standard deviation of a Gaussian blur in pixels.
    """

    gap_rows: tuple[Gap, ...] = ()
    gap_cols: tuple[Gap, ...] = ()
    dead_pixel_fraction: float | None = None
    saturation_counts: float | None = None
    saturation_of_peak: float | None = None
    background_counts: float | None = None
    background_fraction: float | None = None
    psf_sigma_px: float | None = None

    def __post_init__(self) -> None:
        for key in ("gap_rows", "gap_cols"):
            object.__setattr__(self, key, _checked_gaps(f"detector.{key}", getattr(self, key)))
        _check_numbers(self, "detector", _DETECTOR_LIMITS)
        for one, other in (("saturation_counts", "saturation_of_peak"), ("background_counts", "background_fraction")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise DesignError(f"detector.{one} and detector.{other} say the same; give one of them")
        if not self.as_dict():
            raise checks.refuse("detector", {}, "absent, or a table with a flaw")

    def as_dict(self) -> DetectorRecord:
        """Return the table that stands in a study's TOML or JSON: the flaws that there are."""
        return cast("DetectorRecord", _as_dict(self))


@dataclass(frozen=True)
class BeamDesign:
    """Beam and scan of a study; None is no such flaw.

    Parameters
    ----------
    mode_powers
        Powers of the modes, falling; the first is the study's probe. They are divided by their sum.
    coherence_length_px
        Distance, in pixels of the object, at which the degree of coherence is exp(-1/2).
    fly_scan_blur_px
        Way of the sample along the columns during an exposure, in pixels.
    intensity_error
        Relative standard deviation of the beam's intensity from pattern to pattern.
    position_error_px
        Standard deviation, along each axis, of the given positions about the true ones, in pixels.
    """

    mode_powers: tuple[float, ...] = ()
    coherence_length_px: float | None = None
    fly_scan_blur_px: float | None = None
    intensity_error: float | None = None
    position_error_px: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode_powers", _checked_powers(self.mode_powers))
        _check_numbers(self, "beam", _BEAM_LIMITS)
        if not self.as_dict():
            raise checks.refuse("beam", {}, "absent, or a table with a flaw")

    def as_dict(self) -> BeamRecord:
        """Return the table that stands in a study's TOML or JSON: the flaws that there are."""
        return cast("BeamRecord", _as_dict(self))


@dataclass(frozen=True)
class ExperimentDesign:
    """One more test half: the object, scan and dose of the study's own, with another detector and beam.

    Parameters
    ----------
    name
        Name in views and files.
    detector, beam
        Its flaws; None is none. The study's own tables have no part in it.
    """

    name: str
    detector: DetectorDesign | None = None
    beam: BeamDesign | None = None

    def __post_init__(self) -> None:
        checks.name("experiments.name", self.name)
        if self.detector is None and self.beam is None:
            raise DesignError(f"experiments.{self.name} must have a table detector or beam")

    def as_dict(self) -> ExperimentRecord:
        """Return the table that stands in a study's TOML or JSON."""
        table: ExperimentRecord = {"name": self.name}
        if self.detector is not None:
            table["detector"] = self.detector.as_dict()
        if self.beam is not None:
            table["beam"] = self.beam.as_dict()
        return table


# (described, smallest, largest)
_DETECTOR_LIMITS = {
    "dead_pixel_fraction": ("a number > 0 and <= 0.5", 1e-12, 0.5),
    "saturation_counts": ("a number >= 1 and <= 4e15", 1.0, 4e15),
    "saturation_of_peak": ("a number > 0 and <= 1", 1e-6, 1.0),
    "background_counts": ("a number > 0 and <= 1e6", 1e-12, 1e6),
    "background_fraction": ("a number > 0 and <= 100", 1e-12, 100.0),
    "psf_sigma_px": (f"a number > 0 and <= {MAX_PSF_SIGMA_PX:g}", 1e-3, MAX_PSF_SIGMA_PX),
}
_BEAM_LIMITS = {
    "coherence_length_px": ("a number >= 1 and <= 1e6", 1.0, 1e6),
    "fly_scan_blur_px": (f"a number > 0 and <= {MAX_BLUR_PX:g}", 1e-6, MAX_BLUR_PX),
    "intensity_error": (f"a number > 0 and <= {MAX_INTENSITY_ERROR:g}", 1e-6, MAX_INTENSITY_ERROR),
    "position_error_px": (f"a number > 0 and <= {MAX_POSITION_ERROR_PX:g}", 1e-6, MAX_POSITION_ERROR_PX),
}


def detector_from_dict(table: Any) -> DetectorDesign:
    """Return the detector that the table `detector` of a study describes.

    Raises
    ------
    DesignError
        For unknown keys and impossible values.
    """
    values = _known(DetectorDesign, "detector", table)
    return DetectorDesign(**{key: _tuples(value) for key, value in values.items()})


def beam_from_dict(table: Any) -> BeamDesign:
    """Return the beam that the table `beam` of a study describes.

    Raises
    ------
    DesignError
        For unknown keys and impossible values.
    """
    values = _known(BeamDesign, "beam", table)
    return BeamDesign(**{key: _tuples(value) for key, value in values.items()})


def experiments_from_list(tables: Any) -> tuple[ExperimentDesign, ...]:
    """Return the experiments that the tables `experiments` of a study describe.

    Raises
    ------
    DesignError
        For unknown or missing keys and impossible values.
    """
    if not isinstance(tables, list) or not 1 <= len(tables) <= MAX_EXPERIMENTS:
        raise checks.refuse("experiments", tables, f"a list of 1 to {MAX_EXPERIMENTS} tables")
    return tuple(_experiment(table, f"experiments[{number}]") for number, table in enumerate(tables))


def _experiment(table: Any, where: str) -> ExperimentDesign:
    keys = frozenset(field.name for field in fields(ExperimentDesign))
    values = dict(checks.known_keys(where, table, keys, frozenset({"name"})))
    for key, read in (("detector", detector_from_dict), ("beam", beam_from_dict)):
        if key in values:
            try:
                values[key] = read(values[key])
            except DesignError as error:
                raise DesignError(f"{where}.{error}") from error
    return ExperimentDesign(**values)


def checked_tells(tells: Any, key: str = "tells") -> tuple[Tell, ...]:
    """Return what methods are told, in the order of `TELLS`; `key` names it in errors.

    Raises
    ------
    DesignError
        For a word that is not one of `TELLS`, or twice the same.
    """
    if not isinstance(tells, tuple | list):
        raise checks.refuse(key, tells, f"a list of {', '.join(TELLS)}")
    for word in tells:
        checks.choice(key, word, TELLS)
        if list(tells).count(word) > 1:
            raise DesignError(f"{key} must have different words, got {word!r} more than once")
    return tuple(word for word in TELLS if word in tells)


def _known(kind: type[DetectorDesign | BeamDesign], where: str, table: Any) -> Mapping[str, Any]:
    return checks.known_keys(where, table, frozenset(field.name for field in fields(kind)), frozenset())


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _check_numbers(
    design: DetectorDesign | BeamDesign, where: str, limits: Mapping[str, tuple[str, float, float]]
) -> None:
    for key, (allowed, low, high) in limits.items():
        value = getattr(design, key)
        if value is not None:
            object.__setattr__(design, key, checks.number(f"{where}.{key}", value, allowed, low, high))


def _checked_gaps(key: str, gaps: Any) -> tuple[Gap, ...]:
    if not isinstance(gaps, tuple) or len(gaps) > MAX_GAPS:
        raise checks.refuse(key, gaps, f"a list of at most {MAX_GAPS} pairs [first, number]")
    for gap in gaps:
        if not isinstance(gap, tuple) or len(gap) != 2:
            raise checks.refuse(key, gap, "pairs [first, number]")
        checks.integer(f"{key}: first", gap[0], 0, 4095)
        checks.integer(f"{key}: number", gap[1], 1, 4096)
    return gaps


def _checked_powers(powers: Any) -> tuple[float, ...]:
    key = "beam.mode_powers"
    if not isinstance(powers, tuple) or len(powers) > MAX_MODES or len(powers) == 1:
        raise checks.refuse(key, powers, f"2 to {MAX_MODES} falling numbers > 0")
    numbers = tuple(checks.positive(key, power, 1e6) for power in powers)
    if any(later > earlier for earlier, later in pairwise(numbers)):
        raise checks.refuse(key, list(powers), f"2 to {MAX_MODES} falling numbers > 0")
    return numbers


def _as_dict(design: DetectorDesign | BeamDesign) -> dict[str, Any]:
    values = {field.name: getattr(design, field.name) for field in fields(design)}
    return {key: _lists(value) for key, value in values.items() if value not in (None, ())}


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple) else value

"""`StudyDesign`: everything that decides what a study does, in one frozen object that is checked on creation."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from ptyproof.errors import DesignError
from ptyproof.io.hashing import sha256_json
from ptyproof.io.knowledge import Tell
from ptyproof.io.whole_numbers import with_whole_numbers
from ptyproof.physics.names import OBJECT_NAMES, PROBE_NAMES
from ptyproof.study import checks
from ptyproof.study.experiment import (
    BeamDesign,
    DetectorDesign,
    ExperimentDesign,
    beam_from_dict,
    checked_tells,
    detector_from_dict,
    experiments_from_list,
)
from ptyproof.study.exposures import Exposure
from ptyproof.study.layout import dose_folder
from ptyproof.study.objects import ObjectsDesign, objects_from_dict
from ptyproof.study.reconstruction import ReconstructionDesign, reconstruction_from_dict
from ptyproof.study.training import TrainingDesign, training_from_dict
from ptyproof.study.views import View, view_from_dict

if TYPE_CHECKING:
    from ptyproof_schemas.types.study_design import Base as BaseRecord
    from ptyproof_schemas.types.study_design import Beam as BeamRecord
    from ptyproof_schemas.types.study_design import Detector as DetectorRecord
    from ptyproof_schemas.types.study_design import Experiment as ExperimentRecord
    from ptyproof_schemas.types.study_design import Objects as ObjectsRecord
    from ptyproof_schemas.types.study_design import Seeds as SeedsRecord
    from ptyproof_schemas.types.study_design import StudyDesign as DesignRecord

MAX_DOSE = 1e15  # bright sources give 1e9 and more; up to here doses of whole photons have names of their own
MAX_SPAN_PX = 16_384
MAX_REPLICATES = 1000

Align = Literal["full", "phase"]
ALIGNMENTS: tuple[Align, ...] = ("full", "phase")


@dataclass(frozen=True)
class Seeds:
    """Roots of the random streams; `ptyproof.study.seeds.stream` derives the streams."""

    simulation: int = 42
    grouping: int = 123
    subsampling: int = 456

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            checks.integer(f"seeds.{key}", value, 0)

    def as_dict(self) -> SeedsRecord:
        """Return the seeds as plain JSON values."""
        return cast("SeedsRecord", asdict(self))  # fields and keys have the same names


@dataclass(frozen=True)
class BaseDesign:
    """The built-in base dataset: object, probe and a jittered raster scan.

    `probe_diameter_px` is the nominal size of the illumination; what it measures afterwards is recorded in
    Phase D. The object is made as large as the scan needs.
    """

    scan_rows: int
    scan_cols: int
    step_px: float
    jitter_px: float
    probe_diameter_px: float
    object: str = "grains"
    probe: str = "zone_plate"
    seed: int = 7

    def __post_init__(self) -> None:
        checks.integer("base.scan_rows", self.scan_rows, 1, 10_000)
        checks.integer("base.scan_cols", self.scan_cols, 1, 10_000)
        checks.integer("base.seed", self.seed, 0)
        checks.choice("base.object", self.object, OBJECT_NAMES)
        checks.choice("base.probe", self.probe, PROBE_NAMES)
        if self.scan_rows * self.scan_cols < 2:
            raise checks.refuse("base.scan_rows * base.scan_cols", 1, "2 or more positions")
        step = checks.positive("base.step_px", self.step_px, 1e4)
        span_px = max(self.scan_rows, self.scan_cols) * step
        if span_px > MAX_SPAN_PX:
            raise checks.refuse("base.scan_rows and base.scan_cols times base.step_px", span_px, f"<= {MAX_SPAN_PX} px")
        jitter = checks.number("base.jitter_px", self.jitter_px, "a number >= 0 and <= step_px / 2", 0.0, step / 2)
        diameter = checks.positive("base.probe_diameter_px", self.probe_diameter_px, 1e4)
        for key, value in (("step_px", step), ("jitter_px", jitter), ("probe_diameter_px", diameter)):
            object.__setattr__(self, key, value)

    def as_dict(self) -> BaseRecord:
        """Return the base as plain JSON values."""
        return cast("BaseRecord", asdict(self))  # fields and keys have the same names


class _Optional(TypedDict, total=False):
    """Tables and keys that a design of the default leaves out."""

    base: BaseRecord
    objects: ObjectsRecord
    detector: DetectorRecord
    beam: BeamRecord
    tells: list[Tell]
    experiments: list[ExperimentRecord]
    align: Align
    replicates: int
    replicate_objects: bool


@dataclass(frozen=True)
class StudyDesign:
    """A ptychography study: what is simulated, which views are derived, how they are trained and scored.

    Parameters
    ----------
    name
        Name of the study.
    pattern_size_px
        N: patterns are N x N pixels.
    doses_photons_per_pattern
        Doses, in photons per pattern (mean over the scan positions).
    views
        Overlap views, in the order of the jobs.
    base
        The built-in base dataset; None if the study needs one from a file.
    objects
        The objects that are trained on and tested on, in place of the base's; None trains and tests on halves of that.
        A view that names no test object becomes one view for each of them.
    detector, beam
        Flaws of the detector, of the beam and of the positions; None is none.
    tells
        What methods are told: of what the data know of beam and detector, and whether positions are uncertain.
    experiments
        Further test halves, each with flaws of its own; a study with `objects` has none.
    neighbor_count
        K of the views that set none of their own; K >= C = gridsize^2 for every view.
    min_acceptance_rate
        A spacing view that keeps a smaller part of the positions is rejected.
    illumination_fraction
        A probe pixel counts as dark if its intensity is at most this fraction of the peak; 0 counts every
        pixel whose probe is not exactly zero as illuminated. Decides which positions the train/test split leaves out.
    seeds
        Roots of the random streams of simulation, grouping and subsampling.
    training
        Network and budget of the trainings.
    reconstruction
        Methods and budgets of the reconstructions.
    ms_ssim_sigma, frc_threshold
        Width of the MS-SSIM window in pixels, and the FRC level at which resolution is read.
    replicates
        How often each dose is simulated, trained and reconstructed, with other noise, groups and weights. The first
        replicate has the random streams and the names of a study without replicates.
    replicate_objects
        Whether each replicate has other draws of the built-in objects, too.
    align
        What a comparison removes from a result: `full` is shift, phase ramp, complex factor and phases; `phase` is the
        phases alone, for probes and positions that are known.

    Raises
    ------
    DesignError
        If a value is impossible; names key, value and what is allowed.
    """

    name: str
    pattern_size_px: int
    doses_photons_per_pattern: tuple[float, ...]
    views: tuple[View, ...]
    base: BaseDesign | None = None
    neighbor_count: int = 7
    min_acceptance_rate: float = 0.10
    illumination_fraction: float = 0.0
    ms_ssim_sigma: float = 1.0
    frc_threshold: float = 0.5
    replicates: int = 1
    replicate_objects: bool = False
    align: Align = "full"
    objects: ObjectsDesign | None = None
    detector: DetectorDesign | None = None
    beam: BeamDesign | None = None
    tells: tuple[Tell, ...] = ()
    experiments: tuple[ExperimentDesign, ...] = ()
    seeds: Seeds = field(default_factory=Seeds)
    training: TrainingDesign = field(default_factory=TrainingDesign)
    reconstruction: ReconstructionDesign = field(default_factory=ReconstructionDesign)

    def __post_init__(self) -> None:
        checks.name("name", self.name)
        checks.integer("pattern_size_px", self.pattern_size_px, 8, 4096)
        checks.integer("neighbor_count", self.neighbor_count, 1, 4096)
        unit = "a number in (0, 1]"
        checks.number("min_acceptance_rate", self.min_acceptance_rate, unit, 1e-12, 1.0)
        checks.number("frc_threshold", self.frc_threshold, unit, 1e-12, 1.0)
        checks.number("illumination_fraction", self.illumination_fraction, "a number in [0, 0.5]", 0.0, 0.5)
        checks.positive("ms_ssim_sigma", self.ms_ssim_sigma, 100.0)
        checks.choice("align", self.align, ALIGNMENTS)
        for key in ("min_acceptance_rate", "frc_threshold", "illumination_fraction", "ms_ssim_sigma"):
            object.__setattr__(self, key, float(getattr(self, key)))
        object.__setattr__(self, "doses_photons_per_pattern", _checked_doses(self.doses_photons_per_pattern))
        object.__setattr__(self, "tells", checked_tells(self.tells))
        self._check_replicates()
        self._check_gaps("detector", self.detector)
        self._check_experiments()
        if self.objects is not None:
            object.__setattr__(self, "views", tuple(_of_objects(self.views, self.objects.test_names)))
        self._check_views()
        self._check_trainings()
        shrink = self.training.network.shrink
        if self.pattern_size_px % shrink:
            raise checks.refuse("training.network.shrink", shrink, f"a divisor of N = {self.pattern_size_px}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Let jobs carry the design to other processes: it is packed once, however many jobs there are."""
        return _unpacked, (self._packed,)

    @cached_property
    def _packed(self) -> bytes:
        return zlib.compress(pickle.dumps({each.name: getattr(self, each.name) for each in fields(self)}))

    def _check_replicates(self) -> None:
        checks.integer("replicates", self.replicates, 1, MAX_REPLICATES)
        if not isinstance(self.replicate_objects, bool):
            raise checks.refuse("replicate_objects", self.replicate_objects, "true or false")

    def _check_gaps(self, where: str, detector: DetectorDesign | None) -> None:
        for key in ("gap_rows", "gap_cols") if detector is not None else ():
            for first, number in getattr(detector, key):
                if first + number > self.pattern_size_px:
                    allowed = f"inside the N = {self.pattern_size_px} pixels"
                    raise checks.refuse(f"{where}.{key}", [first, number], allowed)

    def _check_experiments(self) -> None:
        if self.experiments and self.objects is not None:
            raise DesignError("a study must have experiments or objects, got both")
        folded = [experiment.name.casefold() for experiment in self.experiments]
        for experiment in self.experiments:
            if folded.count(experiment.name.casefold()) > 1:
                raise DesignError(f"experiments must have different names, got {experiment.name!r} more than once")
            self._check_gaps(f"experiments.{experiment.name}.detector", experiment.detector)

    def _check_views(self) -> None:
        if not self.views:
            raise checks.refuse("views", [], "one view or more")
        names = [view.name for view in self.views]
        folded = [name.casefold() for name in names]
        for name in names:
            if folded.count(name.casefold()) > 1:
                raise DesignError(f"views must have different names, got {name!r} more than once")
        for view in self.views:
            k, c = self.neighbors_of(view), view.group_size
            if k < c:
                raise DesignError(
                    f"neighbor_count of view {view.name!r} must be >= gridsize^2 = {c} (a group's members are "
                    f"drawn from its nearest positions), got {k}"
                )

    def _check_trainings(self) -> None:
        tests = () if self.objects is None else self.objects.test_names
        experiments = tuple(experiment.name for experiment in self.experiments)
        trained: dict[tuple[str, int], View] = {}
        for view in self.views:
            where = f"views.{view.name}"
            for key, table, names in (("object", "table objects", tests), ("experiment", "experiments", experiments)):
                if getattr(view, key) is not None and getattr(view, key) not in names:
                    allowed = f"one of {', '.join(names)}" if names else f"absent: the study has no {table}"
                    raise checks.refuse(f"{where}.{key}", getattr(view, key), allowed)
            if view.trained_at is not None and view.trained_at not in self.doses_photons_per_pattern:
                raise checks.refuse(f"{where}.trained_at", view.trained_at, "a dose of the study")
            first = trained.setdefault((view.training_name, view.gridsize), view)
            if (first.selection, self.neighbors_of(first)) != (view.selection, self.neighbors_of(view)):
                raise DesignError(
                    f"{where} must have the selection and the neighbor_count of {first.name!r}, as both are trained as "
                    f"{view.training_name!r}"
                )

    def neighbors_of(self, view: View) -> int:
        """Return K for a view: its own, or the study's."""
        return self.neighbor_count if view.neighbor_count is None else view.neighbor_count

    @property
    def test_halves(self) -> tuple[str | None, ...]:
        """The test halves of each exposure, by object or experiment; None is the study's own."""
        if self.objects is not None:
            return self.objects.test_names
        return (None, *(experiment.name for experiment in self.experiments))

    def tells_in(self, view: str) -> tuple[Tell, ...]:
        """Return what methods are told of beam and detector in a view; of one that the study has not, the study's."""
        own = self._tells_by_view.get(view)
        return self.tells if own is None else own

    @cached_property
    def _tells_by_view(self) -> dict[str, tuple[Tell, ...] | None]:
        return {view.name: view.tells for view in self.views}

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        """What Phase C simulates: the replicates of each dose, in the order of the doses."""
        return tuple(
            Exposure(dose, replicate)
            for dose in self.doses_photons_per_pattern
            for replicate in range(1, self.replicates + 1)
        )

    def as_dict(self) -> DesignRecord:
        """Return the design as plain JSON values; `design_from_dict` is the inverse."""
        optional: _Optional = {}
        if self.align != "full":
            optional["align"] = self.align
        if self.replicates > 1:
            optional["replicates"] = self.replicates
        if self.replicate_objects:
            optional["replicate_objects"] = True
        if self.base is not None:
            optional["base"] = self.base.as_dict()
        if self.objects is not None:
            optional["objects"] = self.objects.as_dict()
        if self.detector is not None:
            optional["detector"] = self.detector.as_dict()
        if self.beam is not None:
            optional["beam"] = self.beam.as_dict()
        if self.tells:
            optional["tells"] = list(self.tells)
        if self.experiments:
            optional["experiments"] = [experiment.as_dict() for experiment in self.experiments]
        return {
            "name": self.name,
            "pattern_size_px": self.pattern_size_px,
            "doses_photons_per_pattern": list(self.doses_photons_per_pattern),
            "neighbor_count": self.neighbor_count,
            "min_acceptance_rate": self.min_acceptance_rate,
            "illumination_fraction": self.illumination_fraction,
            "ms_ssim_sigma": self.ms_ssim_sigma,
            "frc_threshold": self.frc_threshold,
            "seeds": self.seeds.as_dict(),
            **optional,
            "training": self.training.as_dict(),
            "reconstruction": self.reconstruction.as_dict(),
            "views": [view.as_dict() for view in self.views],
        }

    def digest(self) -> str:
        """Return the sha256 that identifies what Phases C to E make.

        The table `reconstruction` and the key `align` are not part of it: they leave data and trainings as they are, so
        records and bundles from before a method was added stay those of the study. Nor is the number of replicates.
        """
        left_out = ("reconstruction", "align", "replicates")
        return sha256_json({key: value for key, value in self.as_dict().items() if key not in left_out})


_READERS: Mapping[str, Callable[[Any], object]] = {
    "objects": objects_from_dict,
    "detector": detector_from_dict,
    "beam": beam_from_dict,
    "experiments": experiments_from_list,
    "training": training_from_dict,
    "reconstruction": reconstruction_from_dict,
}


def _unpacked(packed: bytes) -> StudyDesign:
    """Return the design that was packed, without checking it again."""
    design = object.__new__(StudyDesign)
    design.__dict__.update(pickle.loads(zlib.decompress(packed)))  # noqa: S301 - it is part of a pickle already
    return design


def design_from_dict(table: Mapping[str, Any]) -> StudyDesign:
    """Return the design that plain JSON or TOML values describe.

    Raises
    ------
    DesignError
        For unknown or missing keys and impossible values.
    """
    allowed = frozenset(StudyDesign.__dataclass_fields__)
    needed = frozenset({"name", "pattern_size_px", "doses_photons_per_pattern", "views"})
    whole = with_whole_numbers(dict(table), "study_design")
    values = dict(checks.known_keys("", whole, allowed, needed))
    for key in ("doses_photons_per_pattern", "views"):
        if not isinstance(values[key], list):
            raise checks.refuse(key, values[key], "a list")
    values["doses_photons_per_pattern"] = tuple(values["doses_photons_per_pattern"])
    values["views"] = tuple(view_from_dict(view, f"views[{i}]") for i, view in enumerate(values["views"]))
    if "seeds" in values:
        keys = frozenset(Seeds.__dataclass_fields__)
        values["seeds"] = Seeds(**checks.known_keys("seeds", values["seeds"], keys, frozenset()))
    if "base" in values:
        fields = BaseDesign.__dataclass_fields__
        needed = frozenset(fields) - {"object", "probe", "seed"}
        values["base"] = BaseDesign(**checks.known_keys("base", values["base"], frozenset(fields), needed))
    for key, read in _READERS.items():
        if key in values:
            values[key] = read(values[key])
    return StudyDesign(**values)


def _of_objects(views: tuple[View, ...], tests: tuple[str, ...]) -> Iterator[View]:
    """Yield each view that names its test object, and for each other view one for every test object."""
    for view in views:
        if view.object is not None:
            yield view
        else:
            yield from (view.of_object(name) for name in tests)


def _checked_doses(doses: tuple[float, ...]) -> tuple[float, ...]:
    key = "doses_photons_per_pattern"
    if not doses:
        raise checks.refuse(key, list(doses), "one dose or more")
    checked = tuple(checks.positive(key, dose, MAX_DOSE) for dose in doses)
    folders = [dose_folder(dose) for dose in checked]
    for folder in folders:
        if folders.count(folder) > 1:
            raise DesignError(f"{key} must have different folder names, got {folder} more than once in {list(doses)}")
    return checked

"""Overlap views: which scan positions a training sees, and in groups of how many.

A view is data: a name, a gridsize and a selection. Adding one to a study is a table in its TOML file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from ptyproof.errors import DesignError
from ptyproof.io.knowledge import Tell
from ptyproof.study import checks
from ptyproof.study.experiment import checked_tells

if TYPE_CHECKING:
    from ptyproof_schemas.types.study_design import View as ViewRecord

Reference = Literal["window", "probe"]
REFERENCES: tuple[Reference, ...] = ("window", "probe")


@dataclass(frozen=True)
class AllPositions:
    """Every position of the half; such a view reads Phase C data."""

    kind: ClassVar[str] = "all"

    def as_dict(self) -> dict[str, Any]:
        """Return the keys of a view's table: none."""
        return {}


@dataclass(frozen=True)
class Spacing:
    """Positions at least S = (1 - f) L pixels apart, f the overlap fraction.

    L is the pattern size N for the reference `window`. For `probe` it is the diameter of the probe, and f is the linear
    overlap of two discs of that diameter.
    """

    overlap_fraction: float
    reference: Reference = "window"
    kind: ClassVar[str] = "spacing"

    def __post_init__(self) -> None:
        checks.choice("reference", self.reference, REFERENCES)
        f = self.overlap_fraction
        valid = checks.number("overlap_fraction", f, "a number in [0, 1)", 0.0, 1.0)
        if valid == 1.0:
            raise checks.refuse("overlap_fraction", f, "a number in [0, 1)")
        object.__setattr__(self, "overlap_fraction", valid)

    def spacing_px(self, pattern_size_px: int, probe_diameter_px: float) -> float:
        """Return the smallest distance S between two positions, in pixels."""
        length_px = pattern_size_px if self.reference == "window" else probe_diameter_px
        return (1.0 - self.overlap_fraction) * length_px

    def as_dict(self) -> dict[str, Any]:
        """Return the keys of a view's table; the reference `window` is left out."""
        reference = {} if self.reference == "window" else {"reference": self.reference}
        return {"overlap_fraction": self.overlap_fraction, **reference}


@dataclass(frozen=True)
class Sampling:
    """A random fraction `s_img` of the positions, and `n_groups` position groups among them."""

    s_img: float
    n_groups: int
    kind: ClassVar[str] = "sampling"

    def __post_init__(self) -> None:
        object.__setattr__(self, "s_img", checks.positive("s_img", self.s_img, 1.0))
        checks.integer("n_groups", self.n_groups, 1, 10**9)

    def as_dict(self) -> dict[str, Any]:
        """Return the keys of a view's table."""
        return asdict(self)


Selection = AllPositions | Spacing | Sampling
_SELECTIONS: dict[str, type[Selection]] = {kind.kind: kind for kind in (AllPositions, Spacing, Sampling)}
_OPTIONAL_KEYS = ("neighbor_count", "object", "experiment", "tells", "trained_as", "trained_at")
_COMMON_KEYS = frozenset({"name", "gridsize", "selection", *_OPTIONAL_KEYS})


@dataclass(frozen=True)
class View:
    """One way of looking at a scan.

    Parameters
    ----------
    name
        Also the name of the view's folder.
    gridsize
        A training sample is a group of C = gridsize^2 neighboring patterns.
    selection
        Which positions take part.
    neighbor_count
        K: the C members of a group are drawn from the K positions nearest to its seed, the seed included;
        None takes the study's.
    object
        Name of the test object whose half the view tests on; None in a study without a table `objects`.
    experiment
        Name of the experiment whose half the view tests on; None is the study's own test half.
    tells
        What methods are told in the view; None takes the study's.
    trained_as
        Name of the training; views with the same one share it. None is the view's own name.
    trained_at
        Dose of the training, photons per pattern; None is the dose of the cell.
    """

    name: str
    gridsize: int
    selection: Selection
    neighbor_count: int | None = None
    object: str | None = None
    experiment: str | None = None
    tells: tuple[Tell, ...] | None = None
    trained_as: str | None = None
    trained_at: float | None = None

    def __post_init__(self) -> None:
        checks.name("view name", self.name)
        checks.integer(f"views.{self.name}.gridsize", self.gridsize, 1, 16)
        if self.neighbor_count is not None:
            checks.integer(f"views.{self.name}.neighbor_count", self.neighbor_count, 1, 4096)
        for key in ("object", "experiment", "trained_as"):
            if getattr(self, key) is not None:
                checks.name(f"views.{self.name}.{key}", getattr(self, key))
        if self.tells is not None:
            object.__setattr__(self, "tells", checked_tells(self.tells, f"views.{self.name}.tells"))
        if self.trained_at is not None:
            dose = checks.positive(f"views.{self.name}.trained_at", self.trained_at, 1e15)
            object.__setattr__(self, "trained_at", dose)

    @property
    def training_name(self) -> str:
        """The name of the training of the view's cells, which other views can share."""
        return self.trained_as or self.name

    def training_dose(self, dose: float) -> float:
        """Return the dose of the training for a cell of `dose`, photons per pattern."""
        return dose if self.trained_at is None else self.trained_at

    def of_object(self, name: str) -> View:
        """Return the view for a test object; the views of all objects share their training."""
        return replace(self, name=f"{self.name}-{name}", object=name, trained_as=self.training_name)

    def of_experiment(self, name: str, tells: tuple[Tell, ...] | None = None) -> View:
        """Return the view for an experiment, of which methods are told `tells`; it shares the training of this one.

        The view is named after the experiment, with `-untold` where methods are told nothing.
        """
        own = f"{name}-untold" if tells == () else name
        return replace(self, name=own, experiment=name, tells=tells, trained_as=self.training_name)

    @property
    def test_half(self) -> str | None:
        """The name of the test half: its object's or experiment's; None is the study's own."""
        return self.object or self.experiment

    @property
    def group_size(self) -> int:
        """C, the number of patterns in a group."""
        return self.gridsize**2

    @property
    def reads_phase_c(self) -> bool:
        """Whether the view's data are Phase C's own files."""
        return isinstance(self.selection, AllPositions)

    def as_dict(self) -> ViewRecord:
        """Return the view as the table that stands in a study's TOML or JSON."""
        table: dict[str, Any] = {"name": self.name, "gridsize": self.gridsize}
        table |= {key: getattr(self, key) for key in _OPTIONAL_KEYS if getattr(self, key) is not None}
        if self.tells is not None:
            table["tells"] = list(self.tells)
        return cast("ViewRecord", table | {"selection": self.selection.kind} | self.selection.as_dict())


def view_from_dict(table: Mapping[str, Any], where: str) -> View:
    """Return the view that a table of a study's TOML describes; `where` names the table in errors.

    Raises
    ------
    DesignError
        For unknown or missing keys and impossible values.
    """
    checks.known_keys(where, table, _COMMON_KEYS | _selection_keys(), frozenset({"name", "gridsize", "selection"}))
    kind = checks.choice(f"{where}.selection", table["selection"], tuple(_SELECTIONS))
    selection = _SELECTIONS[kind]
    own = _fields(selection)
    checks.known_keys(where, dict(table), _COMMON_KEYS | own, own - {"reference"})
    try:
        chosen = selection(**{key: table[key] for key in own if key in table})
    except DesignError as error:
        raise DesignError(f"{where}.{error}") from error
    optional = {key: table[key] for key in _OPTIONAL_KEYS if key in table}
    return View(table["name"], table["gridsize"], chosen, **optional)


def _selection_keys() -> frozenset[str]:
    return frozenset().union(*map(_fields, _SELECTIONS.values()))


def _fields(selection: type[Selection]) -> frozenset[str]:
    return frozenset(entry.name for entry in fields(selection))

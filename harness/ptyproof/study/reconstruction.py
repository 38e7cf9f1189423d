"""Which methods reconstruct a study's data, which halves, and what each may spend, as plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ptyproof.errors import DesignError
from ptyproof.io.hashing import sha256_json
from ptyproof.study import checks

if TYPE_CHECKING:
    from ptyproof_schemas.types.study_design import Method, Reconstruction

ProbeKnowledge = Literal["true", "estimated"]
Split = Literal["train", "test"]

PROBES: tuple[ProbeKnowledge, ...] = ("true", "estimated")
SPLITS: tuple[Split, ...] = ("train", "test")
_METHOD_NAME = re.compile(r"[a-z0-9][a-z0-9+._-]{0,63}")
_OPTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MAX_TEXT = 200
_MAX_TRIED = 50

Value = bool | int | float | str  # of an option of a method


def method_name(key: str, value: Any) -> str:
    """Return `value` if it can be the name of a method: of a file, and of a test item.

    Raises
    ------
    DesignError
        If it cannot.
    """
    if not isinstance(value, str) or not _METHOD_NAME.fullmatch(value):
        allowed = "1 to 64 lower-case letters, digits, '.', '_', '-' or '+' that start with a letter or digit"
        raise checks.refuse(key, value, allowed)
    return value


def option_name(key: str, value: Any) -> str:
    """Return `value` if it can be the name of an option of a method.

    Raises
    ------
    DesignError
        If it cannot.
    """
    if not isinstance(value, str) or not _OPTION_NAME.fullmatch(value):
        raise checks.refuse(key, value, "1 to 64 lower-case letters, digits or '_' that start with a letter")
    return value


def option_value(key: str, value: Any) -> Value:
    """Return `value` if it can be the value of an option: a truth value, a finite number, or a short text.

    Raises
    ------
    DesignError
        If it cannot.
    """
    if isinstance(value, bool) or (isinstance(value, str) and 0 < len(value) <= _MAX_TEXT):
        return value
    checks.number(key, value, f"true, false, a number of at most 1e15, or 1 to {_MAX_TEXT} characters", -1e15, 1e15)
    number: int | float = value
    return number


@dataclass(frozen=True)
class MethodDesign:
    """A method of a study.

    Parameters
    ----------
    name
        The method's name.
    epochs
        Epochs that it may spend; None for a method without iterations.
    options
        Values of the method's own options, by name; the method's defaults are the others.
    tuning
        Values of options that are tried on each scan, by name; photons that a trial does not see choose.
    """

    name: str
    epochs: int | None = None
    options: Mapping[str, Value] = field(default_factory=dict, hash=False)
    tuning: Mapping[str, tuple[Value, ...]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        method_name("reconstruction.methods.name", self.name)
        where = f"reconstruction.methods.{self.name}"
        if self.epochs is not None:
            checks.integer(f"{where}.epochs", self.epochs, 1, 10**6)
        if not isinstance(self.options, Mapping):
            raise checks.refuse(f"{where}.options", self.options, "a table")
        for key, value in self.options.items():
            option_name(f"the name of an option in {where}.options", key)
            option_value(f"{where}.options.{key}", value)
        object.__setattr__(self, "options", dict(self.options))
        if not isinstance(self.tuning, Mapping):
            raise checks.refuse(f"{where}.tuning", self.tuning, "a table")
        table = {name: _to_be_tried(f"{where}.tuning", name, values) for name, values in self.tuning.items()}
        object.__setattr__(self, "tuning", table)
        both = sorted(self.options.keys() & self.tuning.keys())
        if both:
            raise DesignError(f"{where} must set {both[0]} in options or try it in tuning, got both")

    def as_dict(self) -> Method:
        """Return the table that stands in a study's TOML or JSON; it has what the study sets."""
        table: Method = {"name": self.name}
        if self.epochs is not None:
            table["epochs"] = self.epochs
        if self.options:
            table["options"] = dict(self.options)
        if self.tuning:
            table["tuning"] = {name: list(values) for name, values in self.tuning.items()}
        return table


def _to_be_tried(where: str, name: Any, values: Any) -> tuple[Value, ...]:
    option_name(f"the name of an option in {where}", name)
    if not isinstance(values, list | tuple) or not 1 <= len(values) <= _MAX_TRIED:
        raise checks.refuse(f"{where}.{name}", values, f"a list of 1 to {_MAX_TRIED} values")
    found = tuple(option_value(f"{where}.{name}", value) for value in values)
    if len({(isinstance(value, bool), value) for value in found}) < len(found):
        raise DesignError(f"{where}.{name} must not repeat a value, got {list(values)}")
    return found


_DEFAULT_METHODS = (
    MethodDesign("flat"),
    MethodDesign("start"),
    MethodDesign("pinn"),
    MethodDesign("lsqml", 100),
    MethodDesign("start+lsqml", 40),
    MethodDesign("pinn+lsqml", 40),
    MethodDesign("map-tv"),
    MethodDesign("foundation"),
)


@dataclass(frozen=True)
class ReconstructionDesign:
    """How the reconstructions of a study are done. It is no part of the design's digest: it changes no training.

    Parameters
    ----------
    methods
        Methods and their epochs, in the order of the tables.
    splits
        Halves that are reconstructed.
    probe_knowledge
        What iterative methods know of the probe: `true` holds the dataset's own fixed, `estimated` refines a start that
        is not the truth.
    probe_defocus_rad
        How far the probe of a simulation is defocused to be that start: phase at the Nyquist frequency of an axis.
    batch_size
        Patterns of an update of iterative methods.
    seed
        Root of the random streams of reconstructions.
    """

    methods: tuple[MethodDesign, ...] = _DEFAULT_METHODS
    splits: tuple[Split, ...] = ("test",)
    probe_knowledge: ProbeKnowledge = "true"
    probe_defocus_rad: float = 10.0
    batch_size: int = 64
    seed: int = 654

    def __post_init__(self) -> None:
        checks.choice("reconstruction.probe_knowledge", self.probe_knowledge, PROBES)
        checks.integer("reconstruction.batch_size", self.batch_size, 1, 10**6)
        checks.integer("reconstruction.seed", self.seed, 0)
        defocus = checks.number(
            "reconstruction.probe_defocus_rad", self.probe_defocus_rad, "a number in [0, 1000]", 0.0, 1000.0
        )
        object.__setattr__(self, "probe_defocus_rad", defocus)
        for key, values in (("splits", self.splits), ("methods", [method.name for method in self.methods])):
            if not values:
                raise checks.refuse(f"reconstruction.{key}", list(values), "one or more")
            for value in values:
                if list(values).count(value) > 1:
                    raise DesignError(f"reconstruction.{key} must not repeat {value!r}, got {list(values)}")
        for split in self.splits:
            checks.choice("reconstruction.splits", split, SPLITS)

    def epochs_of(self, method: str) -> int | None:
        """Return the epochs of a method; None where the study does not name them."""
        return next((entry.epochs for entry in self.methods if entry.name == method), None)

    def options_of(self, method: str) -> Mapping[str, Value]:
        """Return the options that the study sets for a method."""
        return next((entry.options for entry in self.methods if entry.name == method), {})

    def tuning_of(self, method: str) -> Mapping[str, tuple[Value, ...]]:
        """Return the values that the study wants to be tried of a method's options."""
        return next((entry.tuning for entry in self.methods if entry.name == method), {})

    def as_dict(self) -> Reconstruction:
        """Return the design as plain JSON values; `reconstruction_from_dict` is the inverse."""
        return {
            "splits": list(self.splits),
            "probe_knowledge": self.probe_knowledge,
            "probe_defocus_rad": self.probe_defocus_rad,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "methods": [method.as_dict() for method in self.methods],
        }

    def digest(self) -> str:
        """Return the sha256 that identifies the design."""
        return sha256_json(self.as_dict())


def reconstruction_from_dict(table: Any) -> ReconstructionDesign:
    """Return the design that the table `reconstruction` of a study describes; what it leaves out has its default.

    Raises
    ------
    DesignError
        For unknown keys and impossible values.
    """
    keys = frozenset(ReconstructionDesign.__dataclass_fields__)
    values: Mapping[str, Any] = checks.known_keys("reconstruction", table, keys, frozenset())
    for key in ("methods", "splits"):
        if key in values and not isinstance(values[key], list):
            raise checks.refuse(f"reconstruction.{key}", values[key], "a list")
    if "methods" in values:
        methods = tuple(
            _method_from_dict(entry, f"reconstruction.methods[{i}]") for i, entry in enumerate(table["methods"])
        )
        values = {**values, "methods": methods}
    if "splits" in values:
        values = {**values, "splits": tuple(values["splits"])}
    return ReconstructionDesign(**values)


def _method_from_dict(table: Any, where: str) -> MethodDesign:
    keys = frozenset(MethodDesign.__dataclass_fields__)
    return MethodDesign(**checks.known_keys(where, table, keys, frozenset({"name"})))

"""The reconstruction methods that are known: those that come with ptyproof, and those that others register.

Another package registers a method by an entry point of the group `ptyproof.methods`, which names a method,
or something that returns one when it is called:

    [project.entry-points."ptyproof.methods"]
    mine = "my_package.reconstruction:Mine"

Names are known without torch; the methods of ptyproof are made in the process that runs them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof._version import __version__
from ptyproof.errors import DesignError, InputError
from ptyproof.io.hashing import sha256_file, sha256_json
from ptyproof.reconstruction.method import Method, Needs, unavailable
from ptyproof.reconstruction.options import check_declared, configured, settled, tuned
from ptyproof.reconstruction.tuner import Tuned
from ptyproof.study.design import StudyDesign
from ptyproof.study.reconstruction import Value, method_name

if TYPE_CHECKING:
    from ptyproof_schemas.types.reconstruction_manifest import Provider as ProviderRecord

ENTRY_POINTS = "ptyproof.methods"
NEED_TRAINING = frozenset({"pinn", "pinn+lsqml"})
SHIPPED = (
    "flat",
    "start",
    "pinn",
    "lsqml",
    "start+lsqml",
    "pinn+lsqml",
    "rpie",
    "epie",
    "map",
    "map-tv",
    "foundation",
    "cdtools",
    "xptycho",
)


@dataclass(frozen=True)
class Provider:
    """Who has registered a method: a distribution or module, and the version of the method where it has one."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name} {self.version}"

    def as_dict(self) -> ProviderRecord:
        """Return the record for a manifest."""
        return {"name": self.name, "version": self.version}


Guest = tuple[Method, Provider]
OURS = Provider("pytest-ptyproof", __version__)


@dataclass(frozen=True, eq=False)
class Registered:
    """A method as a study configures it.

    Parameters
    ----------
    method
        The method, with its options.
    provider
        Who has registered it.
    unavailable
        Why it cannot run here; None if it can.
    options
        Every option that it uses: those that the study sets, and the defaults of the others.
    tuning
        Values of options that it tries on each scan, which are not in `options`.
    """

    method: Method
    provider: Provider
    unavailable: str | None
    options: Mapping[str, Value] = field(default_factory=dict)
    tuning: Mapping[str, list[Value]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The method's name."""
        return self.method.name

    @property
    def needs_training(self) -> bool:
        """Whether it uses a trained bundle."""
        return self.method.needs.training


@dataclass(frozen=True)
class Registry:
    """The methods by their names, and the order in which a study's tables have them."""

    methods: dict[str, Registered]
    order: tuple[str, ...]

    def __getitem__(self, name: str) -> Registered:
        """Return a method.

        Raises
        ------
        InputError
            If none of that name is registered; lists those that are.
        """
        if name not in self.methods:
            raise InputError(f"--method must be one of {', '.join(sorted(self.methods))}, got {name!r}")
        return self.methods[name]


def guests(others: Iterable[tuple[object, Provider]] = ()) -> list[Guest]:
    """Return the methods that did not come with ptyproof: of entry points, and `others` with who has registered each.

    Raises
    ------
    InputError
        If an entry point cannot be loaded, a method has no usable name or does not keep to the interface, or two
        methods have one name.
    """
    found: list[Guest] = []
    owners = dict.fromkeys(SHIPPED, OURS)
    for candidate, provider in [*_from_entry_points(), *others]:
        method = _checked(candidate, provider)
        if method.name in owners:
            raise InputError(f"two methods are named {method.name}: of {owners[method.name]} and of {provider}")
        owners[method.name] = provider
        found.append((method, replace(provider, version=_version(method, provider))))
    return found


def _ours(method: Method) -> Provider:
    """Return ptyproof as the provider, with the version of the package that a method of ours runs."""
    package = getattr(method, "package", None)
    try:
        return OURS if package is None else replace(OURS, version=f"{OURS.version}, {package} {version(package)}")
    except PackageNotFoundError:
        return OURS


def _version(method: Method, provider: Provider) -> str | None:
    """Return the version of a method: that of its package, and a digest of the files with its classes.

    A result is reused only if the version is the same, and code is edited more often than a package gets a version.
    """
    digests = [sha256_file(path) for path in sorted(_source_files(type(method)))]
    code = digests[0] if len(digests) == 1 else sha256_json(digests)
    parts = [provider.version, f"code {code[:16]}" if digests else None]
    return ", ".join(part for part in parts if part is not None) or None


def _source_files(kind: type) -> set[Path]:
    """Return the files with the code of a class and of the classes that it inherits from, without those of ptyproof.

    Functions know their file. A module is asked only if the class is in it, because two files can be modules of a name
    (the `conftest.py` of two folders).
    """
    found = set()
    for one in inspect.getmro(kind):
        if one.__module__.partition(".")[0] in ("builtins", "typing", "abc", "ptyproof"):
            continue
        found |= {code.co_filename for value in vars(one).values() if (code := getattr(value, "__code__", None))}
        module = sys.modules.get(one.__module__)
        if getattr(module, one.__qualname__, None) is one:
            found.add(getattr(module, "__file__", None) or "")
    return {Path(name) for name in found if Path(name).is_file()}


def method_order(design: StudyDesign, known: Sequence[Guest]) -> tuple[str, ...]:
    """Return the names of a study's methods: those that it names, in its order, then those that others registered.

    Methods of others join every study, as they were installed or registered for that. Of those that come with ptyproof
    a study has the ones that it names; the rest can be asked for.

    Raises
    ------
    InputError
        If the study names an unregistered method.
    DesignError
        If the study sets an option that its method has not, or an impossible one.
    """
    named = [entry.name for entry in design.reconstruction.methods]
    others = [method.name for method, _ in known]
    for name in named:
        if name not in (*SHIPPED, *others):
            raise InputError(
                f"study {design.name} names the unknown method {name!r}; the registered methods are "
                f"{', '.join(sorted((*SHIPPED, *others)))}"
            )
    if any(entry.options or entry.tuning for entry in design.reconstruction.methods):
        methods = {method.name: method for method in (*_shipped(design), *(method for method, _ in known))}
        for entry in design.reconstruction.methods:
            settled(methods[entry.name], entry.options)
            tuned(methods[entry.name], entry.options, entry.tuning)
    return (*named, *(name for name in others if name not in named))


def _shipped(design: StudyDesign) -> list[Method]:
    from ptyproof.methods.foundation import Foundation
    from ptyproof.methods.map import MapFit
    from ptyproof.methods.network import Pinn, Start, ThenLsqml
    from ptyproof.reconstruction.cdtools_engine import CDTools
    from ptyproof.reconstruction.flat import Flat
    from ptyproof.reconstruction.iterative import ENGINES, PtyChi
    from ptyproof.reconstruction.xptycho_engine import XPtycho

    network = design.training.network
    return [
        Flat(),
        Start(network),
        Pinn(),
        *map(PtyChi, ENGINES),
        ThenLsqml(Start(network)),
        ThenLsqml(Pinn()),
        MapFit("map", network),
        MapFit("map-tv", network),
        Foundation(network),
        CDTools(),
        XPtycho(),
    ]


def known_methods(design: StudyDesign, others: Iterable[tuple[object, Provider]] = ()) -> dict[str, Registered]:
    """Return all methods by their names, with a study's options; errors are those of `guests` and `configured`."""
    found = {}
    for declared, provider in [*((method, _ours(method)) for method in _shipped(design)), *guests(others)]:
        given = design.reconstruction.options_of(declared.name)
        table = tuned(declared, given, design.reconstruction.tuning_of(declared.name))
        method, options = configured(declared, given)
        fixed = {name: value for name, value in options.items() if name not in table}
        used: Method = Tuned(declared, fixed, table) if table else method
        found[method.name] = Registered(used, provider, unavailable(method), fixed, table)
    return found


def ordered(design: StudyDesign, methods: dict[str, Registered]) -> Registry:
    """Return methods in the order of a study's tables; errors are those of `method_order`."""
    known = [(found.method, found.provider) for found in methods.values() if found.name not in SHIPPED]
    return Registry(methods, method_order(design, known))


def registry(design: StudyDesign, others: Iterable[tuple[object, Provider]] = ()) -> Registry:
    """Return the methods of a study, ready to run; errors are those of `guests` and `method_order`."""
    return ordered(design, known_methods(design, others))


def _from_entry_points() -> list[tuple[object, Provider]]:
    found: list[tuple[object, Provider]] = []
    for point in entry_points(group=ENTRY_POINTS):
        provider = Provider(point.dist.name, point.dist.version) if point.dist else Provider(point.module)
        try:
            found.append((point.load(), provider))
        except (ImportError, AttributeError) as error:
            raise InputError(f"the method {point.name} of {provider} cannot be loaded: {error}") from error
    return found


def _checked(candidate: object, provider: Provider) -> Method:
    """Return a method, made where it is a class or function; it keeps to the interface as far as can be seen."""
    if isinstance(candidate, type) or (callable(candidate) and not isinstance(candidate, Method)):
        candidate = candidate()
    if (
        not isinstance(candidate, Method)
        or not isinstance(candidate.needs, Needs)
        or not callable(candidate.reconstruct)
    ):
        raise InputError(
            f"a method must have name, needs (ptyproof.reconstruction.method.Needs) and reconstruct, got "
            f"{type(candidate).__name__} of {provider}"
        )
    try:
        method_name(f"the name of a method of {provider}", candidate.name)
    except DesignError as error:
        raise InputError(str(error)) from error
    check_declared(candidate, f"method {candidate.name} of {provider}")
    return candidate

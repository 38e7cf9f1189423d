"""Options of methods: what a study may set, declared by the method as data, and checked before anything runs.

    class Mine:
        name = "mine"
        needs = Needs(iterates=True)
        options = {"step": Option(0.5, low=0.0, high=2.0), "order": Option("random", choices=("random", "raster"))}

        def __init__(self, step: float = 0.5, order: str = "random") -> None: ...

        def configured(self, options: Mapping[str, Value]) -> Mine:
            return Mine(**options)

`configured` is given every option, the defaults filled in. A study sets options in its method's entry:
`{ name = "mine", epochs = 20, options = { step = 0.2 } }`, or values that are tried on each scan:
`tuning = { step = [0.1, 0.2, 0.4] }`.

A method whose options name files can have the attribute `found_options`: its options with what it found, such as the
digest of a file, which are recorded in place of the given ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ptyproof.errors import DesignError, InputError
from ptyproof.reconstruction.method import Method
from ptyproof.study import checks
from ptyproof.study.reconstruction import Value, option_name


@dataclass(frozen=True)
class Option:
    """An option: its default, whose type every value has, and which values are possible.

    Parameters
    ----------
    default
        A truth value, whole number, number, or text.
    choices
        The possible texts; a text has some.
    low, high
        The smallest and largest possible number.
    pattern, allowed
        A regular expression that a text has to match as a whole, in place of `choices`, and what it means in words.
    """

    default: Value
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    pattern: str | None = None
    allowed: str = ""

    def __post_init__(self) -> None:
        self.checked("the default of an option", self.default)

    def checked(self, key: str, value: Any) -> Value:
        """Return a value with the type of the default.

        Raises
        ------
        DesignError
            If the value is impossible; names `key`, the value and what is allowed.
        """
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise checks.refuse(key, value, "true or false")
            return value
        if isinstance(self.default, str) and self.pattern is not None:
            if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
                raise checks.refuse(key, value, self.allowed)
            return value
        if isinstance(self.default, str):
            return checks.choice(key, value, self.choices)
        whole = isinstance(self.default, int)
        number = checks.number(key, value, self._allowed(whole), self.low, self.high)
        if whole and not number.is_integer():
            raise checks.refuse(key, value, self._allowed(whole))
        return int(number) if whole else number

    def _allowed(self, whole: bool) -> str:
        limits = [f">= {self.low:g}"] if self.low > -math.inf else []
        limits += [f"<= {self.high:g}"] if self.high < math.inf else []
        return " ".join(["a whole number" if whole else "a number", " and ".join(limits)]).strip()


def declared(method: object) -> Mapping[str, Option]:
    """Return the options that a method declares; a method without the attribute `options` has none."""
    found: Mapping[str, Option] = getattr(method, "options", {})
    return found


def check_declared(method: object, owner: str) -> None:
    """Make sure that a method declares its options so that a study can set them.

    Raises
    ------
    InputError
        If `options` is not a mapping of names to `Option`, or the method has options and no `configured`.
    """
    options = declared(method)
    sound = isinstance(options, Mapping) and all(isinstance(option, Option) for option in options.values())
    if not sound:
        raise InputError(f"the options of {owner} must map names to ptyproof.api.Option, got {options!r}")
    for name in options:
        option_name(f"an option of {owner}", name)
    if options and not callable(getattr(method, "configured", None)):
        raise InputError(f"{owner} has options, so it must have configured(options), which returns it with them")


def settled(method: Method, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return every option of a method: those given by a study, checked, and the defaults of the others.

    Raises
    ------
    DesignError
        If the method has no such option, or a value is impossible; names the key of the study and what is allowed.
    """
    known, where = declared(method), f"reconstruction.methods.{method.name}.options"
    for name in given:
        if name not in known:
            what = f"the options of {method.name} are {', '.join(sorted(known))}" if known else "the method has none"
            raise DesignError(f"{where}.{name} is not an option of {method.name}; {what}")
    return {name: option.checked(f"{where}.{name}", given.get(name, option.default)) for name, option in known.items()}


def tuned(method: Method, given: Mapping[str, Value], table: Mapping[str, Sequence[Value]]) -> dict[str, list[Value]]:
    """Return the values of options that are tried on each scan, checked: those of a study, or the method's own.

    A method may have a table of its own, the attribute `tuning`; a study's table replaces it, and an option that the
    study sets is not tuned.

    Raises
    ------
    DesignError
        If the method has no such option, or a value is impossible; names the key of the study and what is allowed.
    """
    own: Mapping[str, Sequence[Value]] = getattr(method, "tuning", {})
    wanted = table or {name: values for name, values in own.items() if name not in given}
    known, where = declared(method), f"reconstruction.methods.{method.name}.tuning"
    for name in wanted:
        if name not in known:
            what = f"the options of {method.name} are {', '.join(sorted(known))}" if known else "the method has none"
            raise DesignError(f"{where}.{name} is not an option of {method.name}; {what}")
        if known[name].pattern is not None:
            raise DesignError(f"{where}.{name} cannot be tuned: it is {known[name].allowed}")
    return {
        name: [known[name].checked(f"{where}.{name}", value) for value in values] for name, values in wanted.items()
    }


def configured(method: Method, given: Mapping[str, Value]) -> tuple[Method, dict[str, Value]]:
    """Return a method that uses the options of a study, and every option that it uses.

    Raises
    ------
    DesignError
        If an option is unknown or impossible; a ValueError of the method's `configured` is one.
    InputError
        If `configured` returns something else than the method.
    """
    options = settled(method, given)
    if not options:
        return method, options
    make: Any = getattr(method, "configured")  # noqa: B009 - a method without options need not have it
    try:
        found = make(dict(options))
    except ValueError as error:
        raise DesignError(f"reconstruction.methods.{method.name}.options: {error}") from error
    if not isinstance(found, Method) or found.name != method.name:
        raise InputError(f"configured of method {method.name} must return the method, got {type(found).__name__}")
    told: Mapping[str, Value] = getattr(found, "found_options", options)
    return found, dict(told)

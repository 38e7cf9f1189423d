"""What a description of a hub has from the person who exported it, and from no record: license, agent, known errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ptyproof.errors import InputError
from ptyproof.provenance.persons import Person, person_of, refuse_lines

NOT_SOUND = "NOT SOUND: "


@dataclass(frozen=True)
class Stated:
    """What no record has.

    Parameters
    ----------
    license
        A URL, or the name of a license; None if no license was stated.
    agent
        Who carried out the actions; None where the description names nobody.
    errors
        The errors of a hub that was exported all the same; None of a sound hub.
    """

    license: str | None = None
    agent: Person | None = None
    errors: str | None = None

    def said(self) -> Iterator[tuple[str, str]]:
        """Yield name and text of what was stated."""
        found = {"license": self.license, "agent": self.agent, "errors": self.errors}
        yield from ((name, str(value)) for name, value in found.items() if value is not None)


def stated_of(license: str | None, agent: str | None, errors: str | None) -> Stated:
    """Return what the options of an export state.

    Raises
    ------
    InputError
        If license or agent is not a line of text, or both are one URL.
    """
    if license is not None:
        refuse_lines(license, "--license")
    person = None if agent is None else person_of(agent, "--agent")
    if person is not None and license is not None and person.url == license:
        raise InputError(f"--agent and --license must differ, both are {license}")
    return Stated(license, person, errors)


def stated_in(entities: Mapping[str, Mapping[str, Any]]) -> Stated:
    """Return what a description has that no record can give; any value is accepted, and what has another form is left.

    Parameters
    ----------
    entities
        The entities of the description by their ids.
    """
    root = entities.get("./", {})
    license = entities.get(_id(root.get("license")), {}).get("name")
    agents = (_id(entity.get("agent")) for entity in entities.values())
    agent = next((key for key in agents if key), "")
    errors = _text(root.get("description")).partition(NOT_SOUND)[2].removesuffix(".")
    return Stated(
        license if isinstance(license, str) and _id(root.get("license")) != "#no-license" else None,
        _person(agent, entities.get(agent, {})),
        errors or None,
    )


def _person(key: str, entity: Mapping[str, Any]) -> Person | None:
    name = _text(entity.get("name"))
    if not name:
        return None
    return Person(name, None if key.startswith("#") else key, _text(entity.get("email")) or None)


def _id(value: Any) -> str:
    return _text(value.get("@id")) if isinstance(value, Mapping) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

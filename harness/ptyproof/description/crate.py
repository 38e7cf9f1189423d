"""The description of a hub as a research object: RO-Crate 1.1 with the profile Process Run Crate 0.5.

https://w3id.org/ro/wfrun/process/0.5. Every file of the hub is a part of the crate, with its sha256; every phase, job,
attempt and run is a `CreateAction`. A file that records name and the hub no longer has, as a dataset that was removed,
is a `CreativeWork` that is not part of the crate. Signed statements have no sha256, as a hub may be signed after its
export.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ptyproof.description.action import Action, NamedFile, Remark
from ptyproof.description.stated import Stated
from ptyproof.hub.index import CRATE
from ptyproof.provenance.persons import Person, is_url

Entity = dict[str, Any]
FORMAT = "ptyproof description 2"  # of which wording and entities are; another one cannot be compared with the records
VERSION = "1.1"
PROFILE, PROFILE_VERSION = "https://w3id.org/ro/wfrun/process/0.5", "0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run#"
_SPECIFICATION = f"https://w3id.org/ro/crate/{VERSION}"
_CONTEXT = [f"{_SPECIFICATION}/context", {name: f"{TERMS}{name}" for name in ("sha256", "environment")}]
_STATUS = "http://schema.org/{}ActionStatus"
_FORMATS = {
    "csv": "text/csv",
    "ckpt": "application/octet-stream",
    "html": "text/html",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "log": "text/plain",
    "md": "text/markdown",
    "npz": "application/zip",
    "png": "image/png",
    "safetensors": "application/octet-stream",
}
_AT_PYPI = frozenset({"numpy", "scipy", "torch", "torchvision", "lightning", "safetensors", "ptychi", "pytest"})


@dataclass(frozen=True)
class HubFile:
    """A file of a hub as it is: its sha256, its size in bytes; neither of a file that may be written again later."""

    sha256: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Heading:
    """Name and description of a research object, and when its hub was written last, ISO 8601."""

    name: str
    description: str
    published: str


def crate_of(heading: Heading, stated: Stated, files: Mapping[str, HubFile], actions: Iterable[Action]) -> Entity:
    """Return the value of `ro-crate-metadata.json`: equal arguments give equal values.

    Parameters
    ----------
    heading, stated
        Of the crate as a whole.
    files
        The files of the hub by their names.
    actions
        What was done in it.
    """
    made: dict[str, Entity] = {}
    described = _Description(files, made, _agent(stated.agent))
    described.once(
        CRATE,
        {"@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": _SPECIFICATION}, "version": FORMAT},
    )
    root = made["./"] = {
        "@id": "./",
        "@type": "Dataset",
        "name": heading.name,
        "description": heading.description,
        "datePublished": heading.published,
        "license": _reference(described, *_license(stated.license)),
        "conformsTo": _reference(
            described, PROFILE, {"@type": "CreativeWork", "name": "Process Run Crate", "version": PROFILE_VERSION}
        ),
    }
    root["hasPart"] = [{"@id": described.file(NamedFile(name))} for name in files]
    root["mentions"] = [{"@id": described.action(action)} for action in actions]
    return {"@context": _CONTEXT, "@graph": list(made.values())}


@dataclass(frozen=True)
class _Description:
    """The entities of a crate by their ids, each made once; each function returns the id of one."""

    files: Mapping[str, HubFile]
    made: dict[str, Entity]
    agent: tuple[str, Entity] | None

    def action(self, action: Action) -> str:
        """Describe an action."""
        outcome = "Failed" if action.error is not None else "Completed"
        found: Entity = {
            "@type": "CreateAction",
            "name": action.name,
            "description": action.description,
            "instrument": _single([self._software(*software) for software in sorted(action.software.items())]),
            "object": _single([self._part(part) for part in action.inputs]),
            "result": _single([self._part(part) for part in action.outputs]),
            "environment": _single([self._setting(*setting) for setting in sorted(action.settings.items())]),
            "startTime": _time(action.started),
            "endTime": _time(action.ended),
            "actionStatus": _STATUS.format(outcome),
            "error": action.error,
            "agent": None if self.agent is None else {"@id": self.once(*self.agent)},
        }
        return self.once(f"#{quote(action.key)}", {key: value for key, value in found.items() if value})

    def file(self, file: NamedFile) -> str:
        """Describe a file: a part of the crate if the hub has it as it was recorded."""
        present = self.files.get(file.name)
        if present is None or file.sha256 not in (None, present.sha256):
            return self._absent(file)
        return self.once(quote(file.name), _properties(file.name, present))

    def once(self, key: str, properties: Entity) -> str:
        """Describe an entity unless it is described already."""
        self.made.setdefault(key, {"@id": key, **properties})
        return key

    def _part(self, part: NamedFile | Remark) -> str:
        return self.file(part) if isinstance(part, NamedFile) else self._remark(part)

    def _absent(self, file: NamedFile) -> str:
        """Describe a file that is not in the hub any more, or is there with other bytes."""
        said = "not in this crate" if file.name not in self.files else "replaced in this crate by a later file"
        found = {"@type": "CreativeWork", "name": file.name, "description": said, **_digest(file)}
        return self.once(f"#absent/{quote(file.name)}/{(file.sha256 or 'unknown')[:16]}", found)

    def _remark(self, remark: Remark) -> str:
        found = {"@type": "PropertyValue", "name": remark.name, "value": remark.value}
        return self.once(f"#{quote(remark.key)}", found | ({} if remark.code is None else {"propertyID": remark.code}))

    def _setting(self, name: str, value: str) -> str:
        found = {"@type": "PropertyValue", "name": name, "value": value}
        return self.once(f"#environment/{quote(name)}/{quote(value)}", found)

    def _software(self, name: str, version: str) -> str:
        found = {"@type": "SoftwareApplication", "name": name, "softwareVersion": version}
        if name in _AT_PYPI:
            found["url"] = f"https://pypi.org/project/{name}/"
        return self.once(f"#software/{quote(name)}/{quote(version)}", found)


def _reference(described: _Description, key: str, properties: Entity) -> Entity:
    return {"@id": described.once(key, properties)}


def _single(keys: list[str]) -> Any:
    """Return references; the only one without a list around it, as RO-Crate 1.1 recommends."""
    found = [{"@id": key} for key in keys]
    return found[0] if len(found) == 1 else found


def _properties(name: str, file: HubFile) -> Entity:
    media = _FORMATS.get(name.rpartition(".")[2])
    return {"@type": "File", "name": name, **_digest(file), **({} if media is None else {"encodingFormat": media})}


def _digest(file: HubFile | NamedFile) -> Entity:
    found = {"sha256": file.sha256, "contentSize": None if file.size_bytes is None else str(file.size_bytes)}
    return {key: value for key, value in found.items() if value is not None}


def _license(said: str | None) -> tuple[str, Entity]:
    if said is None:
        description = "The makers of this hub have stated no license, so none is granted here."
        return "#no-license", {"@type": "CreativeWork", "name": "no license was stated", "description": description}
    found = {"@type": "CreativeWork", "name": said, "description": "The license of this hub, as it was stated."}
    return said if is_url(said) else f"#license/{quote(said)}", found


def _agent(person: Person | None) -> tuple[str, Entity] | None:
    if person is None:
        return None
    found = {"@type": "Person", "name": person.name} | ({} if person.email is None else {"email": person.email})
    return person.url or f"#agent/{quote(str(person))}", found


def _time(stamp: str | None) -> str | None:
    """Return a time of a record as the profile recommends it: with the offset from UTC."""
    return None if stamp is None else stamp.replace("Z", "+00:00")

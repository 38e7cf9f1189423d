"""The description of a hub as a research object: RO-Crate 1.1 with the profile Process Run Crate 0.5.

https://w3id.org/ro/wfrun/process/0.5. Every file of the hub is a part of the crate, with its sha256; every phase, job,
attempt and run is a `CreateAction`. A file that records name and the hub no longer has, as a dataset that was removed,
is a `CreativeWork` that is not part of the crate. The agent is who the caller names, and else is left out: the records
of hubs name no person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ptyproof.errors import InputError
from ptyproof.exchange.actions import Action, NamedFile, Remark
from ptyproof.extras import EXCHANGE, require
from ptyproof.io.strict_json import format_json

if TYPE_CHECKING:
    from rocrate.model import ContextEntity, Entity
    from rocrate.rocrate import ROCrate

VERSION = "1.1"
PROFILE, PROFILE_VERSION = "https://w3id.org/ro/wfrun/process/0.5", "0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run#"
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
    """A file of a hub as it is: its sha256, its size in bytes."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Statement:
    """What a caller says of a crate.

    Parameters
    ----------
    name, description
        Of the crate.
    published
        When it was made, ISO 8601.
    license
        A URL, or the name of a license; None if no license was stated.
    agent
        Who carried out the actions: a name, or a URL such as an ORCID; None where the records stay anonymous.

    Raises
    ------
    InputError
        If license or agent is not a line of text.
    """

    name: str
    description: str
    published: str
    license: str | None = None
    agent: str | None = None

    def __post_init__(self) -> None:
        for name, said in (("license", self.license), ("agent", self.agent)):
            if said is not None and (not said.strip() or not said.isprintable()):
                raise InputError(f"--{name} must be a line of text, got {said[:80]!r}")


def describe(statement: Statement, files: Mapping[str, HubFile], actions: Iterable[Action]) -> str:
    """Return the text of `ro-crate-metadata.json`.

    Parameters
    ----------
    statement
        What is said of the crate as a whole.
    files
        The files of the hub by their names.
    actions
        What was done in it.

    Raises
    ------
    MissingExtraError
        If the package rocrate is not installed.
    """
    require("the export of a research object", EXCHANGE)
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version=VERSION)
    crate.metadata.extra_terms.update({name: f"{TERMS}{name}" for name in ("sha256", "environment")})
    described = _Description(crate, files, _agent(crate, statement.agent))
    root = crate.root_dataset
    root["name"], root["description"] = statement.name, statement.description
    root["datePublished"] = statement.published
    root["license"] = _license(crate, statement.license)
    root["conformsTo"] = _context(
        crate, PROFILE, {"@type": "CreativeWork", "name": "Process Run Crate", "version": PROFILE_VERSION}
    )
    for name in files:
        described.file(NamedFile(name))
    for action in actions:
        root.append_to("mentions", described.action(action))
    return format_json(crate.metadata.generate())


@dataclass(frozen=True)
class _Description:
    """The entities of a crate, each made once."""

    crate: ROCrate
    files: Mapping[str, HubFile]
    agent: ContextEntity | None
    made: dict[str, Entity] = field(default_factory=dict)

    def action(self, action: Action) -> Entity:
        """Return the entity of an action."""
        outcome = "Failed" if action.error is not None else "Completed"
        found: dict[str, Any] = {
            "@type": "CreateAction",
            "name": action.name,
            "description": action.description,
            "instrument": [self._software(name, version) for name, version in sorted(action.software.items())],
            "object": [self._part(part) for part in action.inputs],
            "result": [self._part(part) for part in action.outputs],
            "environment": [self._setting(name, value) for name, value in sorted(action.settings.items())],
            "startTime": _time(action.started),
            "endTime": _time(action.ended),
            "actionStatus": _STATUS.format(outcome),
            "error": action.error,
            "agent": self.agent,
        }
        return self._once(f"#{quote(action.key)}", {key: _single(value) for key, value in found.items() if value})

    def file(self, file: NamedFile) -> Entity:
        """Return the entity of a file: a part of the crate if the hub has it as it was recorded."""
        present = self.files.get(file.name)
        if present is None or file.sha256 not in (None, present.sha256):
            return self._absent(file)
        key = quote(file.name)
        if key not in self.made:
            self.made[key] = self.crate.add_file(dest_path=file.name, properties=_properties(file.name, present))
        return self.made[key]

    def _part(self, part: NamedFile | Remark) -> Entity:
        return self.file(part) if isinstance(part, NamedFile) else self._remark(part)

    def _absent(self, file: NamedFile) -> Entity:
        """Return the entity of a file that is not in the hub any more, or is there with other bytes."""
        said = "not in this crate" if file.name not in self.files else "replaced in this crate by a later file"
        found = {"@type": "CreativeWork", "name": file.name, "description": said, "sha256": file.sha256}
        if file.size_bytes is not None:
            found["contentSize"] = str(file.size_bytes)
        known = {key: value for key, value in found.items() if value is not None}
        return self._once(f"#absent/{quote(file.name)}/{(file.sha256 or 'unknown')[:16]}", known)

    def _remark(self, remark: Remark) -> Entity:
        found = {"@type": "PropertyValue", "name": remark.name, "value": remark.value}
        return self._once(f"#{quote(remark.key)}", found | ({} if remark.code is None else {"propertyID": remark.code}))

    def _setting(self, name: str, value: str) -> Entity:
        found = {"@type": "PropertyValue", "name": name, "value": value}
        return self._once(f"#environment/{quote(name)}/{quote(value)}", found)

    def _software(self, name: str, version: str) -> Entity:
        found = {"@type": "SoftwareApplication", "name": name, "softwareVersion": version}
        if name in _AT_PYPI:
            found["url"] = f"https://pypi.org/project/{name}/"
        return self._once(f"#software/{quote(name)}/{quote(version)}", found)

    def _once(self, key: str, properties: dict[str, Any]) -> Entity:
        if key not in self.made:
            self.made[key] = _context(self.crate, key, properties)
        return self.made[key]


def _context(crate: ROCrate, key: str, properties: dict[str, Any]) -> ContextEntity:
    from rocrate.model import ContextEntity

    return crate.add(ContextEntity(crate, key, properties=properties))


def _single(value: Any) -> Any:
    """Return the only part of a list as RO-Crate 1.1 recommends it, and else the value."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _properties(name: str, file: HubFile) -> dict[str, str]:
    found = {"name": name, "sha256": file.sha256, "contentSize": str(file.size_bytes)}
    media = _FORMATS.get(name.rpartition(".")[2])
    return found if media is None else found | {"encodingFormat": media}


def _license(crate: ROCrate, said: str | None) -> ContextEntity:
    if said is None:
        description = "The makers of this hub have stated no license, so none is granted here."
        return _context(
            crate, "#no-license", {"@type": "CreativeWork", "name": "no license was stated", "description": description}
        )
    key = said if _is_url(said) else f"#license/{quote(said)}"
    return _context(
        crate, key, {"@type": "CreativeWork", "name": said, "description": "The license of this hub, as it was stated."}
    )


def _agent(crate: ROCrate, said: str | None) -> ContextEntity | None:
    if said is None:
        return None
    return _context(crate, said if _is_url(said) else f"#agent/{quote(said)}", {"@type": "Person", "name": said})


def _is_url(text: str) -> bool:
    return text.startswith(("https://", "http://"))


def _time(stamp: str | None) -> str | None:
    """Return a time of a record as the profile recommends it: with the offset from UTC."""
    return None if stamp is None else stamp.replace("Z", "+00:00")

"""The types of records, made from their schemas: a TypedDict for each object, an alias for each choice of texts.

Of a kind with several major versions the newest gives the type; records of earlier ones lack keys of it.

`python -m tests.helpers.record_types` writes `schemas/ptyproof_schemas/types/KIND.py` for every kind that ptyproof
writes, and removes modules of other kinds. Run it after a schema has changed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptyproof.io.schema_files import current_kinds, load_schema, newest

FOLDER = Path(__file__).parents[2] / "schemas" / "ptyproof_schemas" / "types"
PACKAGE = "ptyproof_schemas.types"
WIDTH = 120
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_URN = "urn:ptyproof:schema:"

Schema = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A place in a schema file: the kind, and the steps from the root."""

    kind: str
    steps: tuple[str, ...] = ()

    def node(self) -> Any:
        """Return what stands there."""
        node: Any = load_schema(self.kind, newest(self.kind))
        for step in self.steps:
            node = node[int(step)] if isinstance(node, list) else node[step]
        return node

    def schema(self) -> Schema:
        """Return the schema that stands there."""
        node = self.node()
        assert isinstance(node, dict)
        return node

    def description(self) -> str:
        """Return the description of what stands there, or of what it stands in."""
        places = [Place(self.kind, self.steps[:n]) for n in range(len(self.steps), 0, -1)]
        found = [place.schema().get("description") for place in places if isinstance(place.node(), dict)]
        title = load_schema(self.kind, newest(self.kind))["title"]
        root = f"{camel(_name_of(self))} of a record of kind {self.kind}" if self.steps else title
        return next((text for text in found if isinstance(text, str)), root)

    def below(self, *steps: str) -> Place:
        """Return a place further down."""
        return Place(self.kind, (*self.steps, *steps))

    def referred(self, ref: str) -> Place:
        """Return the place that a `$ref` in this file leads to."""
        name, _, pointer = ref.partition("#")
        kind = name.removeprefix(_URN).rpartition(":")[0] if name else self.kind
        return Place(kind, tuple(pointer.split("/")[1:]))


@dataclass
class Module:
    """The types of one kind, in the order in which they are defined."""

    kind: str
    names: dict[str, Place] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    imports: dict[str, set[str]] = field(default_factory=dict)

    def text(self) -> str:
        """Return the source text of the module."""
        body = "\n\n".join(self.texts)
        typing = [name for name in ("Literal", "NotRequired", "TypedDict") if f"{name}[" in body or f"({name})" in body]
        lines = [
            f'"""Records of kind {self.kind} as types; `python -m tests.helpers.record_types` makes this file."""',
            "",
            "from __future__ import annotations",
            "",
            *_wrapped("from typing import ", typing, "(", ")"),
        ]
        if self.imports:
            lines.append("")
        for kind in sorted(self.imports):
            lines += _wrapped(f"from {PACKAGE}.{kind} import ", sorted(self.imports[kind]), "(", ")")
        return "\n".join(lines) + ("\n\n\n" if body.startswith("class ") else "\n\n") + body


class Types:
    """All modules; a type is made when something first needs it, after those that it needs itself."""

    def __init__(self) -> None:
        self.modules: dict[str, Module] = {}
        self._named: dict[Place, str] = {}

    def add(self, kind: str) -> None:
        """Make the types of a kind."""
        root = Place(kind)
        if "else" in root.schema():  # what readers accept; `check` alone looks at migrated manifests
            root = root.referred(root.schema()["else"]["$ref"])
        self._annotation(root, kind, camel(kind))

    def _annotation(self, place: Place, user: str, wanted: str, above: str = "") -> str:
        """Return the annotation of a place for the module `user`; `wanted` is the name for what needs one."""
        schema = place.schema()
        if "$ref" in schema:
            there = place.referred(schema["$ref"])
            return self._annotation(there, user, camel(_name_of(there)), _owner(there))
        if "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            if place.steps[-2:-1] == ("$defs",):
                return self._use(place, user, wanted, above)
            return _literal(values)
        if "anyOf" in schema:
            if _tag(self._variants(place)) is not None:
                return self._use(place, user, wanted, above)
            places = [place.below("anyOf", str(i)) for i in range(len(schema["anyOf"]))]
            return _union([self._annotation(there, user, wanted, above) for there in places])
        types = schema.get("type", "object")
        names = [types] if isinstance(types, str) else types
        return _union([self._of_type(name, place, user, wanted, above) for name in names])

    def _of_type(self, name: str, place: Place, user: str, wanted: str, above: str) -> str:
        schema = place.schema()
        if name == "array":
            return f"list[{self._annotation(place.below('items'), user, singular(wanted), above)}]"
        if name != "object":
            return SCALARS[name]
        extra = schema.get("additionalProperties", True)
        if "properties" in schema and extra is False:
            return self._use(place, user, wanted, above)
        keys = schema.get("properties", ())
        own = [self._annotation(place.below("properties", key), user, camel(key), above) for key in keys]
        if isinstance(extra, dict):
            own.append(self._annotation(place.below("additionalProperties"), user, singular(wanted), above))
            return f"dict[str, {_union(own)}]"
        return "dict[str, object]"

    def _variants(self, place: Place) -> list[Place]:
        """Return the objects of an `anyOf`, references followed; an empty list where something else is among them."""
        found = []
        for i, schema in enumerate(place.schema()["anyOf"]):
            there = place.referred(schema["$ref"]) if "$ref" in schema else place.below("anyOf", str(i))
            if there.schema().get("properties") is None:
                return []
            found.append(there)
        return found

    def _use(self, place: Place, user: str, wanted: str, above: str) -> str:
        """Return the name of a type, which is defined in the module of its own kind, and import it where it is used."""
        module = self.modules.setdefault(place.kind, Module(place.kind))
        if place not in self._named:
            name = wanted if wanted not in self._reserved(place) | set(module.names) else above + wanted
            assert name not in module.names, f"{place} would be a second {name}"
            self._named[place], module.names[name] = name, place
            module.texts.append(self._definition(place, name))
        name = self._named[place]
        if user != place.kind:
            self.modules[user].imports.setdefault(place.kind, set()).add(name)
        return name

    @staticmethod
    def _reserved(place: Place) -> set[str]:
        """Return the names that definitions of the file have, which what stands inside others must not take."""
        if place.steps[-2:-1] == ("$defs",) or not place.steps:
            return set()
        schema = load_schema(place.kind, newest(place.kind))
        return {camel(name) for name in schema.get("$defs", ())} | {camel(place.kind)}

    def _definition(self, place: Place, name: str) -> str:
        schema = place.schema()
        if "enum" in schema:
            return _alias(name, _literal(schema["enum"]))
        if "anyOf" in schema:
            variants = self._variants(place)
            tag = _tag(variants)
            named = []
            for i, there in enumerate(variants):
                text = there.schema()["properties"][tag].get("const")
                named.append(self._annotation(place.below("anyOf", str(i)), place.kind, camel(str(text)) + name))
            return _alias(name, _union(named))
        fields = []
        for key in schema["properties"]:
            annotation = self._annotation(place.below("properties", key), place.kind, camel(key), name)
            needed = key in schema.get("required", ())
            fields += _field(key, annotation if needed else f"NotRequired[{annotation}]")
        return "\n".join([f"class {name}(TypedDict):", *_docstring(place.description()), "", *fields, ""])


def camel(name: str) -> str:
    """Return a name as classes have it: `TrainingManifest` for `training_manifest`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def singular(name: str) -> str:
    """Return the name of one of several: `Cell` for `Cells`."""
    return name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s")


def _name_of(place: Place) -> str:
    return next((step for step in reversed(place.steps) if not step.isdigit()), place.kind)


def _owner(place: Place) -> str:
    names = [
        after for step, after in zip(place.steps, place.steps[1:], strict=False) if step in ("$defs", "properties")
    ]
    return "".join(camel(name) for name in names[:-1])


def _tag(variants: list[Place]) -> str | None:
    """Return the key that has texts of its own in each object, by which a reader tells them apart; None without one."""
    if len(variants) < 2:
        return None
    properties = [place.schema()["properties"] for place in variants]
    for key in properties[0]:
        if all(_texts(each.get(key, {}), place) for each, place in zip(properties, variants, strict=True)):
            return str(key)
    return None


def _texts(schema: Schema, place: Place) -> bool:
    while "$ref" in schema:
        place = place.referred(schema["$ref"])
        schema = place.schema()
    return isinstance(schema.get("const"), str) or "enum" in schema


def _literal(values: list[Any]) -> str:
    if all(isinstance(value, str | bool | None) for value in values):
        rest = [value for value in values if value is not None]
        found = [f"Literal[{', '.join(_quoted(value) for value in rest)}]"] if rest else []
        return _union(found + ["None"] * (len(rest) < len(values)))
    return _union([type(value).__name__ for value in values])


def _quoted(value: str | bool) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _union(annotations: list[str]) -> str:
    parts = list(dict.fromkeys(part for annotation in annotations for part in annotation.split(" | ")))
    if "float" in parts and "int" in parts:
        parts.remove("int")
    return " | ".join(sorted(parts, key=lambda part: part == "None"))


def _wrapped(head: str, items: list[str], opening: str, closing: str, tail: str = "") -> list[str]:
    """Return `head` and items on one line, or, where that is too long, in parentheses as ruff writes them."""
    bare = "" if opening == "(" else opening
    line = f"{head}{bare}{', '.join(items)}{closing if bare else ''}{tail}"
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()) + 4)
    return [f"{head}{opening}", *(f"{indent}{item}," for item in items), f"{indent[4:]}{closing}{tail}"]


def _field(key: str, annotation: str) -> list[str]:
    line = f"    {key}: {annotation}"
    if len(line) <= WIDTH:
        return [line]
    head, _, rest = annotation.partition("[")
    inner, _, tail = rest.rpartition("]")
    return _wrapped(f"    {key}: {head}", inner.split(", "), "[", "]", tail)


def _alias(name: str, annotation: str) -> str:
    assert len(f"{name} = {annotation}") <= WIDTH, f"{name} is too long for a line"
    return f"{name} = {annotation}\n"


def _docstring(text: str) -> list[str]:
    sentence = text if text.endswith(".") else text + "."
    if len(sentence) + 10 <= WIDTH:
        return [f'    """{sentence}"""']
    first, *lines = textwrap.wrap(sentence, WIDTH, initial_indent='    """', subsequent_indent="    ")
    return [first, *lines, '    """']


def modules() -> Iterator[tuple[str, str]]:
    """Yield the name and the source text of each module."""
    types = Types()
    for kind in current_kinds():
        types.add(kind)
    for kind, module in sorted(types.modules.items()):
        if module.texts:
            yield kind, module.text()


def main() -> None:
    """Write the modules."""
    FOLDER.mkdir(exist_ok=True)
    made = dict(modules())
    for path in FOLDER.glob("*.py"):
        if path.stem not in made and path.stem != "__init__":
            path.unlink()
    for kind, text in made.items():
        (FOLDER / f"{kind}.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

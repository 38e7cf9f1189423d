"""Markdown of the reference pages, made from the code: commands from the parser, fixtures from pytest, schemas.

Nothing here needs Sphinx, so the tests read the same text that the site shows.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from tempfile import TemporaryDirectory
from typing import Any

from ptyproof.cli.main import build_parser

_URN = "urn:ptyproof:schema:"


# --- commands


def commands() -> str:
    """Return a section for each command of `ptyproof`, with its usage, arguments and examples."""
    return "\n".join(_command(*found) for found in subcommands(build_parser()))


def subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield (name, summary, parser) of each command, `hub verify` among them, in the order of `--help`."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {each.dest: each.help or "" for each in action._choices_actions}
            for name, below in action.choices.items():
                nested = [(f"{name} {inner}", summary, its) for inner, summary, its in subcommands(below)]
                yield from nested or [(name, summaries.get(name, ""), below)]


def _command(name: str, summary: str, parser: argparse.ArgumentParser) -> str:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    summary = _sentence(parser.description or summary)
    lines = [f"## ptyproof {name}", "", summary, "", "```text", _wrapped(usage), "```", ""]
    rows = [row for action in parser._actions if (row := _argument(parser, action))]
    if rows:
        lines += ["| argument | meaning |", "|---|---|", *rows, ""]
    if parser.epilog:
        lines += ["```text", parser.epilog.strip(), "```", ""]
    return "\n".join(lines)


def _argument(parser: argparse.ArgumentParser, action: argparse.Action) -> str | None:
    if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
        return None
    value = parser._get_formatter()._format_args(action, action.dest.upper()) if action.nargs != 0 else ""
    written = ", ".join(f"`{option} {value}`".replace(" `", "`") for option in action.option_strings) or f"`{value}`"
    meaning = (action.help or "") % (vars(action) | {"prog": parser.prog})
    return (
        f"| {_cell(written)} | {_cell(meaning)}{' (required)' if action.option_strings and action.required else ''} |"
    )


# --- fixtures


_HEADER = re.compile(r"^-+ fixtures defined from (?P<module>[\w.]+) -+$")
_FIXTURE = re.compile(r"^(?P<name>\w+)(?: \[(?P<scope>\w+) scope\])? -- .*$")


@dataclass(frozen=True)
class Fixture:
    """A fixture of the plugin, as `pytest --fixtures` describes it."""

    name: str
    scope: str
    doc: str


def fixture_list() -> list[Fixture]:
    """Return the fixtures of the plugin, as pytest lists them in a folder without tests."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--fixtures",
        "-v",
        "--color=no",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
    ]
    with TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found: list[Fixture] = []
    ours = False
    for line in done.stdout.splitlines():
        if header := _HEADER.match(line):
            ours = header["module"].startswith("pytest_ptyproof.")
        elif ours and (named := _FIXTURE.match(line)):
            found.append(Fixture(named["name"], named["scope"] or "function", ""))
        elif ours and found and (line.startswith("    ") or not line):
            found[-1] = replace(found[-1], doc=f"{found[-1].doc}\n{line.strip()}".strip())
    if not found:
        raise RuntimeError(f"pytest --fixtures lists no fixture of the plugin:\n{done.stdout}{done.stderr}")
    return found


def fixtures() -> str:
    """Return a section for each fixture of the pytest plugin: its name, scope and docstring."""
    lines = []
    for each in fixture_list():
        lines += [f"## `{each.name}`", "", f"Scope: {each.scope}.", "", each.doc, ""]
    return "\n".join(lines)


# --- schemas


def schema_files() -> dict[str, dict[str, Any]]:
    """Return each schema by its name as it stands in the package: the kind, and the version unless it is the first."""
    found = {}
    for entry in sorted(files("ptyproof_schemas").iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".schema.json"):
            found[entry.name.removesuffix(".schema.json").removesuffix("_v1")] = json.loads(
                entry.read_text(encoding="utf-8")
            )
    return found


def schemas() -> str:
    """Return a section for each kind of file: its title, version and fields; earlier generations as one table."""
    found = schema_files()
    current = {name: schema for name, schema in found.items() if not name.startswith("legacy_")}
    lines = []
    for name, schema in current.items():
        lines += [f"## `{name}`", "", f"{_sentence(schema['title'])} Schema version {schema['version']}.", ""]
        for label, fields in _objects(schema):
            lines += [f"**{label}**", ""] if label else []
            lines += ["| field | type | meaning |", "|---|---|---|"]
            required = fields.get("required", ())
            lines += [_field(key, field, key in required) for key, field in fields["properties"].items()]
            lines.append("")
    lines += ["## Earlier generations", "", "| schema | what it describes |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(its['title'])} |" for name, its in found.items() if name not in current]
    return "\n".join([*lines, ""])


def _objects(schema: dict[str, Any], label: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (label, object schema) of the file, of each object inside it, and of each of its definitions."""
    if "properties" in schema:
        yield label, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _objects(inner, _labelled(name, inner))
        yield from _objects(inner.get("items", {}), _labelled(f"{name}[]", inner))
    for name, definition in schema.get("$defs", {}).items():
        yield from _objects(definition, _labelled(name, definition))


def _labelled(name: str, schema: dict[str, Any]) -> str:
    meaning = schema.get("description", "")
    return f"`{name}`: {meaning[:1].lower() + meaning[1:]}" if meaning else f"`{name}`"


def _field(name: str, field: dict[str, Any], required: bool) -> str:
    described = field.get("description") or _referred(field).get("description", "")
    return f"| `{name}` | {_cell(_type(field))}{'' if required else ', optional'} | {_cell(described)} |"


def _type(field: dict[str, Any]) -> str:
    """Return the type of a field in words: its own, its constant, its choices, or the definition that it refers to."""
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return " or ".join(f"`{json.dumps(each)}`" for each in field["enum"])
    if "$ref" in field:
        return f"`{field['$ref'].removeprefix(_URN).split('/')[-1].split(':')[0]}`"
    for word in ("anyOf", "oneOf"):
        if word in field:
            return " or ".join(dict.fromkeys(_type(each) for each in field[word]))
    kind = field.get("type", "any")
    if kind == "array" and "items" in field:
        return f"array of {_type(field['items'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _referred(field: dict[str, Any]) -> dict[str, Any]:
    """Return the shared definition that a field refers to, empty where it refers to none."""
    reference = field.get("$ref", "")
    kind, _, path = reference.removeprefix(_URN).partition(":")
    if not reference.startswith(_URN) or "/" not in path:
        return {}
    definition: dict[str, Any] = schema_files()[kind].get("$defs", {}).get(path.rpartition("/")[2], {})
    return definition


# --- text


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) or not text else ".")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _wrapped(usage: str) -> str:
    """Return a usage line in lines of at most 100 characters, cut between arguments."""
    lines = [""]
    for word in usage.replace("] [", "]\0[").split("\0"):
        if lines[-1].strip() and len(lines[-1]) + len(word) > 90:
            lines.append("    ")
        lines[-1] += word if not lines[-1].strip() else f" {word}"
    return "\n".join(lines)
